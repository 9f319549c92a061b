package rules

import (
	"math"

	"github.com/autorollback/autorollback/runbook"
)

// histogramTrail is a side's histogram, one entry for each interval. The rules read it
// by rate, which sees one growth less than there are samples in its range.
type histogramTrail [][]float64

func (h histogramTrail) last(n int) []float64 {
	var sum []float64
	for _, buckets := range h[max(0, len(h)-n):] {
		if sum == nil {
			sum = make([]float64, len(buckets))
		}
		for i, v := range buckets {
			sum[i] += v
		}
	}
	return sum
}

// keep adds the interval to the sides' histograms, and reads from them what is slow.
func (r *Reference) keep(counts []PodCount) {
	if r.bounds == nil {
		return
	}
	for role := range r.histograms {
		now := make([]float64, len(r.bounds)+1)
		for _, c := range counts {
			if sideIndex(c.Role) != role {
				continue
			}
			for i, v := range c.Buckets {
				now[i] += v
			}
		}
		h := append(r.histograms[role], now)
		r.histograms[role] = h[max(0, len(h)-max(r.level, r.gate)):]
	}
	if r.n == 0 { // the limit is recorded from the first judged interval on
		return
	}
	stable := r.histograms[sideIndex(runbook.Stable)].last(r.level - 1)
	top := r.bounds[len(r.bounds)-1]
	if r.limit = min(top, (1+r.signal.margin)*bucketQuantile(r.signal.quantile, r.bounds, stable)); !(r.limit > 0) {
		r.limit = math.NaN()
	}
}

// slow counts a pod's observations, and those above the limit.
func (r *Reference) slow(c PodCount, limit float64) (all, bad float64) {
	for _, v := range c.Buckets {
		all += v
	}
	if c.Role == runbook.Stable {
		limit /= 1 + r.signal.margin
	}
	if share := bucketAbove(limit, r.bounds, c.Buckets); share >= 0 {
		return all, all * share
	}
	return all, 0
}

// effect is the trigger's number over its window, and whether it passes the gate.
func (r *Reference) effect() (float64, bool) {
	t := r.trigger
	if t.Type == runbook.LatencyQuantile {
		candidate, stable := r.histograms[0].last(r.gate-1), r.histograms[1].last(r.gate-1)
		return latencyGate(t, r.bounds, candidate, stable)
	}
	if r.signal.parts != nil {
		return r.partEffect()
	}
	var all, bad [2]float64
	for _, p := range r.pods {
		all[sideIndex(p.role)] += p.all.last(r.gate)
		bad[sideIndex(p.role)] += p.bad.last(r.gate)
	}
	candidate, stable := bad[0]/all[0], bad[1]/all[1]
	switch t.Type {
	case runbook.KPIDrop:
		ratio := candidate / stable
		return ratio, ratio < 1-float64(t.Drop)
	case runbook.CanaryStarved:
		share := all[0] / r.due.last(r.gate)
		return share, share < float64(t.Below)
	case runbook.ErrorIncrease, runbook.Compare:
		return candidate - stable, candidate-stable > float64(t.By) && candidate > t.MinRatio*stable
	}
	return candidate, candidate > float64(t.Above) && candidate > minErrorRatio*stable
}

// latencyGate is the gate of a classic histogram: the ratio of the quantiles, or a
// whole percentage point more above the highest bound.
func latencyGate(t runbook.Trigger, bounds, candidate, stable []float64) (float64, bool) {
	ratio := bucketQuantile(t.Quantile, bounds, candidate) / bucketQuantile(t.Quantile, bounds, stable)
	top := bounds[len(bounds)-1]
	more := bucketAbove(top, bounds, candidate) - bucketAbove(top, bounds, stable)
	return ratio, ratio > 1+float64(t.Increase) || !math.IsNaN(ratio) && more > 0.01
}

// bucketQuantile reads a quantile as Prometheus does: linear within a bucket, and never
// above the highest bound. NaN without observations.
func bucketQuantile(q float64, bounds, counts []float64) float64 {
	total := 0.0
	for _, v := range counts {
		total += v
	}
	if !(total > 0) {
		return math.NaN()
	}
	rank, below, from := q*total, 0.0, 0.0
	for i, to := range bounds {
		if below+counts[i] >= rank && counts[i] > 0 {
			return from + (to-from)*(rank-below)/counts[i]
		}
		below, from = below+counts[i], to
	}
	return bounds[len(bounds)-1]
}

// bucketAbove is the share of observations above a limit, linear within a bucket. NaN
// without observations or limit.
func bucketAbove(limit float64, bounds, counts []float64) float64 {
	total, above, from := 0.0, 0.0, 0.0
	for i, v := range counts {
		total += v
		to := math.Inf(1)
		if i < len(bounds) {
			to = bounds[i]
		}
		switch {
		case limit <= from:
			above += v
		case limit < to && !math.IsInf(to, 1):
			above += v * (to - limit) / (to - from)
		}
		from = to
	}
	if !(total > 0) || math.IsNaN(limit) {
		return math.NaN()
	}
	return above / total
}
