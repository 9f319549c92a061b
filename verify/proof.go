package verify

import "math"

const (
	zAlpha = 2.326 // 1 % one-sided: how seldom an unchanged KPI is called gone
	zBeta  = 0.842 // 80 %: how often a drop to the limit shows
)

// Trials is how many trials each of two samples of equal size needs, so that a drop
// of a share from before to limit shows at 1 % (one-sided) with 80 % power. It is
// infinite where there is nothing to tell apart.
//
// Normal approximation for two independent proportions: Fleiss, Levin and Paik,
// Statistical Methods for Rates and Proportions, 3rd ed., §4.2, formula 4.14 without
// the continuity correction.
func Trials(before, limit float64) float64 {
	if !(before > 0 && before < 1) || !(limit >= 0 && limit < before) {
		return math.Inf(1)
	}
	mean := (before + limit) / 2
	spread := zAlpha*math.Sqrt(2*mean*(1-mean)) + zBeta*math.Sqrt(before*(1-before)+limit*(1-limit))
	return math.Ceil(math.Pow(spread/(before-limit), 2))
}

// provenBelow reports whether a share of n trials is below the limit beyond chance at
// 1 %, by the score test.
func provenBelow(value, limit, n float64) bool {
	return limit-value > zAlpha*math.Sqrt(limit*(1-limit)/n)
}
