package verify

import (
	"math"
)

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
// 1 %, by the score test. The limit comes from the level of as many trials before, and
// moves by chance as well.
func provenBelow(value, limit, n float64) bool {
	return limit-value > zAlpha*math.Sqrt(2*limit*(1-limit)/n)
}

// leastEqual is how many trials of equal value the trials must be worth (Kish), before
// their mean is taken for normal.
const leastEqual = 30

// MeanTrials is what [Trials] is, for a mean whose values have that variance:
// 2σ²(zα+zβ)²/(before-limit)².
//
// Normal approximation for two independent means of equal, known variance: Fleiss,
// Levin and Paik, Statistical Methods for Rates and Proportions, 3rd ed., §4.2, with
// the variance instead of p(1-p). The mean of heavy-tailed values is normal only where
// there are many, so that it never asks for fewer trials than are worth leastEqual ones of
// equal value.
func MeanTrials(before, limit, variance float64) float64 {
	if !(before > 0) || !(limit >= 0 && limit < before) || !(variance >= 0) {
		return math.Inf(1)
	}
	return math.Ceil(max(2*variance*math.Pow((zAlpha+zBeta)/(before-limit), 2), worth(limit, variance)))
}

// worth is how many trials are worth leastEqual of equal value, where that is the mean.
func worth(mean, variance float64) float64 { return leastEqual * (1 + variance/(mean*mean)) }

// provenMeanBelow reports whether a mean of n trials is below the limit beyond chance at
// 1 %, where the limit comes from as many trials before.
func provenMeanBelow(value, limit, variance, n float64) bool {
	return n >= worth(limit, variance) && limit-value > zAlpha*math.Sqrt(2*variance/n)
}
