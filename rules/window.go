package rules

import (
	"fmt"
	"slices"

	"github.com/autorollback/autorollback/runbook"
)

// A window is a look at the service's own series over a length of time: of all
// versions, or of those that where selects; apart by the labels in by.
type window struct {
	b      *compiler
	where  []string // more matchers
	length string
	by     []string
}

func (b *compiler) window(length runbook.Duration, where ...string) window {
	return window{b: b, where: where, length: length.String()}
}

// keeping tells the series apart by more labels.
func (w window) keeping(labels ...string) window {
	w.by = slices.Concat(w.by, labels)
	return w
}

// of sums a function of range vectors over the counter.
func (w window) of(function string, c counter) string {
	return w.aggregate("sum", w.told(w.b.Metrics.Once(w.each(function, c))))
}

// native does so over native histograms.
func (w window) native(function string, l runbook.Latency) string {
	return w.aggregate("sum", w.told(w.b.Metrics.OnceNative(w.each(function, w.b.of(l.HistogramSeries())))))
}

func (w window) each(function string, c counter) string {
	return w.b.each(c, w.where, func(series string) string { return fmt.Sprintf("%s(%s[%s])", function, series, w.length) })
}

// told brings the side by the join, if it comes so and the window tells sides.
func (w window) told(expr string) string {
	if slices.Contains(w.by, w.b.Metrics.SideLabel()) {
		return w.b.Metrics.Joined(expr)
	}
	return w.b.onSide(expr, w.where)
}

func (w window) aggregate(op, expr string) string {
	if len(w.by) == 0 {
		return fmt.Sprintf("%s(%s)", op, expr)
	}
	return fmt.Sprintf("%s by (%s) (%s)", op, runbook.LabelNames(w.by...), expr)
}

func (w window) rate(c counter) string { return w.of("rate", c) }

// count is how many there were.
func (w window) count(c counter) string { return w.of("increase", c) }

func (w window) requests() string { return w.count(w.b.requests()) }

// ratio is events out of opportunities, ready to be multiplied: 0 without any event,
// nothing without opportunities.
func (w window) ratio(events, all counter) string {
	return fmt.Sprintf("(%[1]s or 0 * %[2]s) / (%[2]s > 0)", w.rate(events), w.rate(all))
}

func (w window) errorRate() string { return w.ratio(w.b.failures(), w.b.requests()) }

// gain is what a trial of the KPI brings: a share, or a mean.
func (w window) gain(k runbook.KPI) string {
	return w.ratio(w.b.of(k.GainSeries()), w.b.of(k.TrialSeries()))
}

func (w window) trials(k runbook.KPI) string { return w.count(w.b.of(k.TrialSeries())) }

// variance is that of the values of single trials; nothing without any.
func (w window) variance(k runbook.KPI) string {
	return fmt.Sprintf("clamp_min(%s - (%s) ^ 2, 0)", w.ratio(w.b.of(k.SquareSeries()), w.b.of(k.TrialSeries())), w.gain(k))
}

// spread is their standard deviation over their mean.
func (w window) spread(k runbook.KPI) string {
	return fmt.Sprintf("sqrt(%s) / (%s)", w.variance(k), w.gain(k))
}

// nulls is the share of missing values of each feature. Where one count of rows serves
// all features, a sample without a feature says that there were rows.
func (w window) nulls() string {
	f := w.b.Metrics.Features
	nulls, rows, each := w.b.of(f.NullSeries()), w.b.of(f.RowSeries()), w.keeping(f.Label)
	if !f.SharedRows {
		return each.ratio(nulls, rows)
	}
	return fmt.Sprintf("(%[1]s / on (%[2]s) group_left () (%[3]s > 0) or 0 * (%[3]s > 0))", each.rate(nulls), runbook.LabelNames(w.by...), w.rate(rows))
}

// drifted is how many times its threshold the highest fresh drift score is.
func (w window) drifted() string {
	d := w.b.Metrics.Drift
	gauge := func(name string) string {
		return selector(name, append(w.where[:len(w.where):len(w.where)], w.b.drift...))
	}
	return w.aggregate("max", fmt.Sprintf("%s / %s and time() - %s < %s", gauge(d.Score), gauge(d.Threshold), gauge(d.LastRun), num(d.MaxAge.Std().Seconds())))
}
