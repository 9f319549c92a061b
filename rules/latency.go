package rules

import (
	"fmt"
	"strings"

	"github.com/autorollback/autorollback/runbook"
)

// Latencies are read in their metric's own unit, and so compared. What leaves this package
// for the daemon is in seconds.

// latencyOf is the latency that a trigger or check names. It has been declared.
func (b *compiler) latencyOf(name string) runbook.Latency {
	l, _ := b.Metrics.LatencyOf(name)
	return l
}

// topBucket is the highest finite bound of a classic latency histogram.
func topBucket(l runbook.Latency) (float64, bool) {
	if l.Kind == runbook.Native || len(l.Buckets) == 0 {
		return 0, false
	}
	return l.Buckets[len(l.Buckets)-1], true
}

// latencyName names a quantile, or a mean where that is 0, e.g. "p95 latency of ttft".
func latencyName(q float64, name string) string {
	what := "mean latency"
	if q > 0 {
		what = percentile(q) + " latency"
	}
	if name == "" {
		return what
	}
	return what + " of " + name
}

// shortLatency names it where it is plain that times are meant, e.g. "p95 of ttft".
func shortLatency(t runbook.Trigger) string {
	name := latencyName(t.Quantile, t.Latency)
	if t.Quantile > 0 {
		return strings.Replace(name, " latency", "", 1)
	}
	return name
}

// latencyValue is the alert's value in its annotation, where that is a time.
func (b *compiler) latencyValue(t runbook.Trigger) string {
	if u := b.latencyOf(t.Latency).Unit; u.PerSecond() != 1 {
		return `{{ $value | printf "%.4g" }} ` + u.Symbol()
	}
	return "{{ $value | humanizeDuration }}"
}

// latencyLimit is what the value is compared with.
func (b *compiler) latencyLimit(t runbook.Trigger) string {
	u := b.latencyOf(t.Latency).Unit
	if u.PerSecond() != 1 {
		return fmt.Sprintf("> %s %s", num(u.Of(t.Ceiling)), u.Symbol())
	}
	return "> " + num(u.Of(t.Ceiling))
}

// toSeconds makes seconds of a time in the unit.
func toSeconds(u runbook.Unit, text string) string {
	if u.PerSecond() == 1 {
		return text
	}
	return fmt.Sprintf("(%s) / %s", text, num(u.PerSecond()))
}

// latency is the quantile, or the mean of a latency that has no quantiles; nothing without
// observations.
func (w window) latency(l runbook.Latency, q float64) string {
	if l.IsMean() {
		return w.mean(l)
	}
	return w.quantile(l, q)
}

// mean is how long a request takes on average; nothing without requests, or where nobody
// adds up their times.
func (w window) mean(l runbook.Latency) string {
	return fmt.Sprintf("%s / (%s > 0)", w.rate(w.b.of(l.SumSeries())), w.rate(w.b.of(l.CountSeries())))
}

func (w window) histogram(l runbook.Latency) string {
	if l.Kind == runbook.Native {
		return w.native("rate", l)
	}
	return w.keeping("le").rate(w.b.of(l.HistogramSeries()))
}

// quantile is nothing without observations.
func (w window) quantile(l runbook.Latency, q float64) string {
	return "(" + w.anyQuantile(l, q) + " >= 0)"
}

// anyQuantile is NaN without observations.
func (w window) anyQuantile(l runbook.Latency, q float64) string {
	return fmt.Sprintf("histogram_quantile(%s, %s)", num(q), w.histogram(l))
}

// beyond is the share of requests above a bound of a classic histogram.
func (w window) beyond(l runbook.Latency, bound float64) string {
	return fmt.Sprintf("(1 - %s / (%s > 0))", w.rate(w.b.of(l.HistogramSeries(), leIn(bound))), w.rate(w.b.of(l.HistogramSeries(), `le="+Inf"`)))
}

// observed is the number of observations behind a quantile or mean.
func (w window) observed(l runbook.Latency) string {
	switch {
	case l.IsMean():
		return w.count(w.b.of(l.CountSeries()))
	case l.Kind == runbook.Native:
		return fmt.Sprintf("histogram_count(%s)", w.native("increase", l))
	}
	return w.count(w.b.of(l.HistogramSeries(), `le="+Inf"`))
}
