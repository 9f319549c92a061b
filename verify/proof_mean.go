package verify

import "math"

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
// 1 %.
func provenMeanBelow(value, limit, variance, n float64) bool {
	return n >= worth(limit, variance) && limit-value > zAlpha*math.Sqrt(variance/n)
}
