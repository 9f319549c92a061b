package analysis

import "math"

// The normal quantiles of 1 % one-sided and of 80 % power.
const (
	zAlpha = 2.326
	zPower = 0.842
)

// Trials is how many trials each of two samples needs to tell a share from a lower
// one, at 1 % one-sided with 80 % power; as verification asks for (Fleiss, Levin and
// Paik, Statistical Methods for Rates and Proportions, formula 4.14). +Inf where there is
// nothing to tell.
func Trials(before, limit float64) float64 {
	if !(before > 0 && before < 1 && limit >= 0 && limit < before) {
		return math.Inf(1)
	}
	mean := (before + limit) / 2
	spread := zAlpha*math.Sqrt(2*mean*(1-mean)) + zPower*math.Sqrt(before*(1-before)+limit*(1-limit))
	return math.Ceil(math.Pow(spread/(before-limit), 2))
}

// MeanTrials is [Trials] for a mean that is lower by a share of it, from the squared
// coefficient of variation of one trial: 2 cv² (zα+zβ)²/lower².
func MeanTrials(variation, lower float64) float64 {
	if !(lower > 0 && lower < 1) {
		return math.Inf(1)
	}
	return math.Ceil(2 * variation * math.Pow((zAlpha+zPower)/lower, 2))
}
