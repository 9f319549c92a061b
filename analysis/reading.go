package analysis

import (
	"math"

	"github.com/autorollback/autorollback/runbook"
)

// Slowdown is the ratio of candidate's and stable's quantile as read from classic
// histograms of these bounds, and whether an increase passes the trigger's gate: by the
// ratio, or by [TopGap] more above the highest bound. Counts are one for
// each bound, and the last one for all above. NaN without observations.
func Slowdown(t runbook.Trigger, bounds, candidate, stable []float64) (ratio float64, passes bool) {
	return scale{bounds: bounds}.slowdown(t, candidate, stable)
}

func (s scale) slowdown(t runbook.Trigger, candidate, stable []float64) (ratio float64, passes bool) {
	ratio = s.quantile(t.Quantile, candidate) / s.quantile(t.Quantile, stable)
	more := 0.0
	if !s.exponential {
		more = s.above(s.top(), candidate) - s.above(s.top(), stable)
	}
	return ratio, ratio > 1+float64(t.Increase) || !math.IsNaN(ratio) && more > TopGap
}

// SlowShares are the shares of candidate's and stable's observations that count as slow to
// a latency trigger, from steady classic histograms of these bounds.
func SlowShares(t runbook.Trigger, bounds, candidate, stable []float64) (slow, usual float64) {
	s, margin := scale{bounds: bounds}, Margin(t)
	limit := s.slowFrom(t.Quantile, margin, stable)
	return s.above(limit, candidate), s.above(limit/(1+margin), stable)
}

// slowFrom is from where on the candidate is slow: stable's quantile, raised by the margin,
// and within the histogram. NaN if stable has no observations.
func (s scale) slowFrom(quantile, margin float64, stable []float64) float64 {
	return min(s.top(), (1+margin)*s.quantile(quantile, stable))
}
