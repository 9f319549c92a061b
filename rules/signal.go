package rules

import (
	"fmt"

	"github.com/autorollback/autorollback/runbook"
)

// A signal is one kind of event that the two sides are compared by. Triggers that
// ask about the same events share it.
type signal struct {
	name     string
	family   family
	quantile float64 // latency
	margin   float64 // latency: tolerated slowdown
	all, bad counted // anything but latency
	squares  string  // of a mean: the counter of squared values
	window   runbook.Duration
	parts    *parts // what the signal is mixed over: features, or bounds of a histogram
	proved   bool   // some trigger asks for its evidence
}

// counted is a counter, with words for the reader.
type counted struct{ series, words string }

// comparative reports whether the trigger holds events of the candidate against
// events of stable.
func comparative(t runbook.Trigger) bool {
	return !t.Absolute() && t.Type != runbook.Anomaly && t.Type != runbook.DriftGauge
}

// signalOf names what a comparative trigger compares.
func (b *book) signalOf(t runbook.Trigger) signal {
	requests := counted{b.raw(b.Metrics.Requests.Counter), "requests"}
	switch t.Type {
	case runbook.LatencyQuantile:
		return b.latencySignal(t)
	case runbook.KPIDrop:
		kpi, _ := b.KPI(t.KPI)
		if kpi.IsMean() {
			return b.meanSignal(kpi)
		}
		return signal{name: "kpi_" + kpi.Name, family: kpiFamily(), all: counted{b.raw(kpi.Trials), "trials"}, bad: counted{b.raw(kpi.Successes), "successes"}}
	case runbook.SchemaMismatch:
		m := b.Metrics.Schema
		return signal{name: "schema", family: errorFamily(), all: counted{b.raw(m.Checked), "checks"}, bad: counted{b.raw(m.Mismatches), "mismatches"}}
	case runbook.NullSpike:
		return signal{name: "nulls", family: nullFamily(), parts: b.features()}
	case runbook.DistributionShift:
		return signal{name: "shift_" + t.Distribution, family: shiftFamily(), parts: b.bounds(t)}
	case runbook.CanaryStarved:
		return signal{name: trafficSignal, family: shareFamily()}
	case runbook.Compare:
		c := b.compared[t.Name]
		return signal{name: "compare_" + t.Name, family: errorFamily(), all: counted{c.all, "opportunities"}, bad: counted{c.bad, "events"}}
	default:
		return signal{name: "errors", family: errorFamily(), all: requests, bad: counted{b.raw(b.Metrics.Requests.Counter, b.failed...), "failed requests"}}
	}
}

// latencySignal tolerates half of the increase, and never more than tolerateSlow.
func (b *book) latencySignal(t runbook.Trigger) signal {
	s := signal{family: slowFamily(), quantile: t.Quantile, margin: tolerateSlow}
	if t.Increase > 0 {
		s.margin = min(tolerateSlow, float64(t.Increase)/2)
	}
	s.name = "latency_" + percentile(s.quantile)
	if s.margin < tolerateSlow {
		s.name += "_within_" + num(s.margin*100)
	}
	return s
}

// signals are those of all comparative triggers, in the runbook's order, each with
// the longest window that any of its triggers has.
func (b *book) signals() []signal {
	var out []signal
	at := map[string]int{}
	for _, t := range b.Triggers {
		if !comparative(t) {
			continue
		}
		s := b.signalOf(t)
		i, have := at[s.name]
		if !have {
			i = len(out)
			at[s.name] = i
			out = append(out, s)
		}
		out[i].window = max(out[i].window, t.For)
		out[i].proved = out[i].proved || t.Proved()
	}
	return out
}

// proved are the signals whose evidence is asked for.
func proved(signals []signal) []signal {
	var out []signal
	for _, s := range signals {
		if s.proved {
			out = append(out, s)
		}
	}
	return out
}

// podRules record, for each pod and interval, opportunities and events of the signal.
func (b *book) podRules(s signal) []draft {
	switch {
	case s.family.name == "latency":
		return b.latencyRules(s)
	case s.parts != nil:
		return b.partRules(s)
	case s.name == trafficSignal:
		return nil // not by pods: see trafficRules
	}
	return b.counterRules(s)
}

func (b *book) counterRules(s signal) []draft {
	keys := "region, release, role, " + b.Metrics.PodLabel
	sc := b.everyone()
	all := b.sided(b.delta(s.all.series), sc)
	if same, ok := b.counted(s); ok {
		all = sc.rec(seriesPodAll, match("signal", same))
	}
	return []draft{
		{record: seriesPodAll, labels: labelsOf("signal", s.name), comment: fmt.Sprintf("Signal %s: %s of each pod in one interval.", s.name, s.all.words),
			text: fmt.Sprintf("sum by (%s) (%s)", keys, all)},
		{record: seriesPodBad, labels: labelsOf("signal", s.name), comment: fmt.Sprintf("Signal %s: %s of each pod in one interval; none yet is 0.", s.name, s.bad.words),
			text: fmt.Sprintf("sum by (%[1]s) (%[2]s) and on (%[1]s) %[3]s or on (%[1]s) 0 * %[3]s", keys, b.sided(b.bornDelta(s.bad.series), sc), sc.rec(seriesPodAll, match("signal", s.name)))},
	}
}

// counted names an earlier signal with the very same opportunities, which need not be
// counted again.
func (b *book) counted(s signal) (string, bool) {
	for _, e := range b.signals() {
		if e.name == s.name {
			break
		}
		if e.all.series == s.all.series && e.parts == nil && e.quantile == 0 && e.name != trafficSignal {
			return e.name, true
		}
	}
	return "", false
}
