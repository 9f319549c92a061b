package rules

import (
	"fmt"

	"github.com/autorollback/autorollback/runbook"
)

// A level is what one side of a release does, as one number over a window: the share of
// requests that fail, a quantile. It is recorded once, for both sides, and read by
// everything that needs it.
type level struct {
	name, op string
	window   runbook.Duration
	words    string // for the reader: "The share of requests that fail"
	// expr is the level in a window, ready to be multiplied.
	expr func(w window) string
	part string // the label that tells parts apart; empty: there are none
	nan  bool   // without opportunities expr is NaN, which is dropped then
	gain bool   // of a KPI: 0 on both sides says that nothing is counted
	lent bool   // of the drift gauges, which know versions and no regions
}

// series is the level's name, level:metric:operation.
func (l level) series() string {
	switch {
	case l.lent:
		return recordPrefix + l.name + ":" + l.op
	case l.op == "":
		return fmt.Sprintf("%s%s:rate%s", recordPrefix, l.name, l.window)
	}
	return fmt.Sprintf("%s%s:%s_rate%s", recordPrefix, l.name, l.op, l.window)
}

// levels are all levels that the triggers read, each once, in the runbook's order.
func (b *book) levels() []level {
	var out []level
	seen := map[string]bool{}
	for _, t := range b.Triggers {
		for _, l := range b.levelsOf(t) {
			if !seen[l.series()] {
				seen[l.series()] = true
				out = append(out, l)
			}
		}
	}
	return out
}

// levelsOf are those that a trigger reads, the one of its signal first.
func (b *book) levelsOf(t runbook.Trigger) []level {
	switch {
	case t.Absolute() || t.Type == runbook.Anomaly:
		return nil
	case t.Type == runbook.LatencyQuantile:
		out := []level{b.level(t)}
		if l, ok := b.beyond(t); ok {
			out = append(out, l)
		}
		return out
	}
	return []level{b.level(t)}
}

// level is the level of a trigger's signal.
func (b *book) level(t runbook.Trigger) level {
	l := level{op: "ratio", window: b.gateWindow(t)}
	switch t.Type {
	case runbook.LatencyQuantile:
		l.name, l.op, l.words = "latency", snake(percentile(t.Quantile)), percentile(t.Quantile)+" latency in seconds"
		l.nan, l.expr = true, func(w window) string { return w.anyQuantile(t.Quantile) }
	case runbook.KPIDrop:
		b.kpiLevel(&l, t)
	case runbook.SchemaMismatch:
		m := b.Metrics.Schema
		l.name, l.words = "schema_mismatches", "share of rows that do not fit the schema"
		l.expr = func(w window) string { return w.ratio(counterOf(m.Mismatches), counterOf(m.Checked)) }
	case runbook.NullSpike:
		l.name, l.words, l.part = "feature_nulls", "share of missing values by feature", b.Metrics.Features.Label
		l.expr = window.nulls
	case runbook.DistributionShift:
		b.shiftLevel(&l, t)
	case runbook.CanaryStarved:
		l.name, l.op, l.words = "requests", "", "requests per second"
		l.expr = func(w window) string { return w.rate(w.b.requests()) }
	case runbook.Compare:
		p := b.compared[t.Name]
		l.name, l.words = "compare_"+snake(t.Name), "share that trigger "+t.Name+" compares"
		l.expr = func(w window) string { return w.ratio(p.bad, p.all) }
	case runbook.DriftGauge:
		l.name, l.lent, l.words, l.expr = "drift_score", true, "highest drift score, as a multiple of its threshold", window.drifted
	default:
		l.name, l.words, l.expr = "requests_failed", "share of requests that fail", window.errorRate
	}
	return l
}

// gateWindow is over what length a trigger's effect is measured: a trigger that must be
// true all the time looks at the shortest honest window each time.
func (b *book) gateWindow(t runbook.Trigger) runbook.Duration {
	if t.Style == runbook.ByThreshold {
		return 4 * b.Metrics.Interval
	}
	return t.For
}

func (b *book) kpiLevel(l *level, t runbook.Trigger) {
	k, _ := b.KPI(t.KPI)
	l.gain = true
	l.name, l.words = "kpi_"+snake(k.Name), k.Name+" per trial"
	if k.IsMean() {
		l.op = "mean"
	}
	l.expr = func(w window) string { return w.ratio(counterOf(k.Gains()), counterOf(k.Trials)) }
}

// beyond is what a quantile of a classic histogram cannot see, see [book.latencyGate].
func (b *book) beyond(t runbook.Trigger) (level, bool) {
	top, ok := b.topBucket()
	if !ok || t.Increase == 0 {
		return level{}, false
	}
	return level{name: "latency_off_scale", op: "ratio", window: b.gateWindow(t), words: fmt.Sprintf("share of requests that the histogram cannot tell, above %ss", num(top)),
		expr: func(w window) string { return w.beyond(top) }}, true
}

func (b *book) shiftLevel(l *level, t runbook.Trigger) {
	d, _ := b.Metrics.Distribution(t.Distribution)
	l.name, l.part, l.nan = "distribution_"+snake(d.Name), b.freeLabel(), true
	if t.PSI > 0 {
		l.op, l.words = "bins", fmt.Sprintf("share of %s between bounds", d.Name)
	} else {
		l.words = fmt.Sprintf("share of %s at or below some bounds", d.Name)
	}
	l.expr = func(w window) string {
		parts := w.upTo(d)
		if t.PSI > 0 {
			parts = w.bins(d)
		}
		return "(" + parted(l.part, parts) + ")"
	}
}

// nulls is the share of missing values of each feature. Where one count of rows serves
// all features, a sample without a feature says that there were rows.
func (w window) nulls() string {
	f := w.b.Metrics.Features
	nulls, rows, each := counterOf(f.Nulls), counterOf(f.Rows), w.keeping(f.Label)
	if !f.SharedRows {
		return each.ratio(nulls, rows)
	}
	return fmt.Sprintf("(%[1]s / on (%[2]s) group_left () (%[3]s > 0) or 0 * (%[3]s > 0))", each.rate(nulls), list(w.by), w.rate(rows))
}

// drifted is how many times its threshold the highest fresh drift score is.
func (w window) drifted() string {
	d := w.b.Metrics.Drift
	gauge := func(name string) string {
		return selector(name, append(w.where[:len(w.where):len(w.where)], w.b.drift...))
	}
	return w.aggregate("max", fmt.Sprintf("%s / %s and time() - %s < %s", gauge(d.Score), gauge(d.Threshold), gauge(d.LastRun), num(d.MaxAge.Std().Seconds())))
}
