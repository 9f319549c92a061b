package plan

import (
	"math"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/runbook"
)

// logNormal is a latency: exp(mu + sigma·Z), in seconds.
type logNormal struct{ mu, sigma float64 }

// latency is the baseline, made slower by the factor 1+increase for every request.
func (p Plan) latency(increase float64) logNormal {
	t := p.Traffic
	return logNormal{math.Log(t.P50 * (1 + increase)), math.Log(t.P95/t.P50) / z95}
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
	good, bad := p.latency(0), p.latency(increase)
	if p.native() {
		limit := good.quantile(t.Quantile)
		return good.above(limit), bad.above(limit * (1 + analysis.Margin(t)))
	}
	bounds := p.rb.Metrics.Latency.Buckets
	candidate, stable = analysis.SlowShares(t, bounds, bad.buckets(bounds), good.buckets(bounds))
	return stable, candidate
}

// reading is what the trigger's effect shows for a true increase of the latency, as an
// increase.
func (p Plan) reading(t runbook.Trigger, increase float64) float64 {
	if p.native() {
		return increase
	}
	bounds := p.rb.Metrics.Latency.Buckets
	ratio, _ := analysis.Slowdown(t, bounds, p.latency(increase).buckets(bounds), p.latency(0).buckets(bounds))
	return ratio - 1
}

// reads reports whether the gate passes for that increase. An effect of exactly the
// named size passes it every other time, which is enough.
func (p Plan) reads(t runbook.Trigger, increase float64) bool {
	if p.native() {
		return true
	}
	bounds := p.rb.Metrics.Latency.Buckets
	t.Increase -= 0.005 * (1 + t.Increase)
	_, ok := analysis.Slowdown(t, bounds, p.latency(increase).buckets(bounds), p.latency(0).buckets(bounds))
	return ok
}

func (p Plan) native() bool { return p.rb.Metrics.Latency.Kind == runbook.Native }
