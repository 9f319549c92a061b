package plan

import (
	"math"
	"slices"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/runbook"
)

// logNormal is a latency: exp(mu + sigma·Z), in seconds.
type logNormal struct{ mu, sigma float64 }

// Percentiles are the usual ones of a latency, in seconds.
type Percentiles struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"` // above P50
}

// quantiles are the latencies of a runbook that have quantiles.
func quantiles(rb *runbook.Runbook) []runbook.Latency {
	return slices.DeleteFunc(slices.Clone(rb.Metrics.AllLatencies()), runbook.Latency.IsMean)
}

// usual are those of a latency: of the first that has quantiles, or of one by its name.
func (t Traffic) usual(name string) Percentiles {
	if other, ok := t.Latencies[name]; ok {
		return other
	}
	return Percentiles{t.P50, t.P95}
}

// latency is the baseline, made slower by the factor 1+increase for every request.
func (p Plan) latency(name string, increase float64) logNormal {
	t := p.Traffic.usual(name)
	return logNormal{math.Log(t.P50 * (1 + increase)), math.Log(t.P95/t.P50) / z95}
}

// histogram is the latency that a trigger looks at, with its bounds in seconds.
func (p Plan) histogram(name string) (runbook.Latency, []float64) {
	l, _ := p.rb.Metrics.LatencyOf(name)
	return l, l.Seconds()
}

func (l logNormal) quantile(q float64) float64 {
	return math.Exp(l.mu + l.sigma*math.Sqrt2*math.Erfinv(2*q-1))
}

func (l logNormal) above(seconds float64) float64 {
	return 0.5 * math.Erfc((math.Log(seconds)-l.mu)/l.sigma/math.Sqrt2)
}

// buckets are the shares that a classic histogram would count.
func (l logNormal) buckets(bounds []float64) []float64 {
	out := make([]float64, len(bounds)+1)
	left := 1.0
	for i, b := range bounds {
		above := l.above(b)
		out[i], left = left-above, above
	}
	out[len(bounds)] = left
	return out
}

// slow is the share of slow requests of either side under an increase, by the test's
// own reading of the histogram.
func (p Plan) slow(t runbook.Trigger, increase float64) (stable, candidate float64) {
	good, bad := p.latency(t.Latency, 0), p.latency(t.Latency, increase)
	l, bounds := p.histogram(t.Latency)
	if l.Kind == runbook.Native {
		limit := good.quantile(t.Quantile)
		return good.above(limit), bad.above(limit * (1 + analysis.Margin(t)))
	}
	candidate, stable = analysis.SlowShares(t, bounds, bad.buckets(bounds), good.buckets(bounds))
	return stable, candidate
}

// slowdown is what a classic histogram shows of a true increase, and whether it passes the
// gate.
func (p Plan) slowdown(t runbook.Trigger, increase float64) (ratio float64, passes bool) {
	_, bounds := p.histogram(t.Latency)
	return analysis.Slowdown(t, bounds, p.latency(t.Latency, increase).buckets(bounds), p.latency(t.Latency, 0).buckets(bounds))
}

// reading is what the trigger's effect shows for a true increase of the latency, as an
// increase.
func (p Plan) reading(t runbook.Trigger, increase float64) float64 {
	if p.native(t.Latency) {
		return increase
	}
	ratio, _ := p.slowdown(t, increase)
	return ratio - 1
}

// reads reports whether the gate passes for that increase. An effect of exactly the
// named size passes it every other time, which is enough.
func (p Plan) reads(t runbook.Trigger, increase float64) bool {
	if p.native(t.Latency) {
		return true
	}
	t.Increase -= 0.005 * (1 + t.Increase)
	_, ok := p.slowdown(t, increase)
	return ok
}

func (p Plan) native(name string) bool {
	l, _ := p.histogram(name)
	return l.Kind == runbook.Native
}

// bound writes a bound or limit as the latency's metric shows it.
func bound(l runbook.Latency, seconds float64) string {
	return num(seconds*l.Unit.PerSecond()) + l.Unit.Symbol()
}
