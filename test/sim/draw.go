package sim

import (
	"math"
	"math/rand/v2"
)

// Poisson draws a count; a large mean is drawn from the normal distribution.
func Poisson(rnd *rand.Rand, mean float64) float64 {
	if mean > 50 {
		return max(0, math.Round(mean+math.Sqrt(mean)*rnd.NormFloat64()))
	}
	n, p, limit := 0.0, rnd.Float64(), math.Exp(-mean)
	for p > limit {
		n, p = n+1, p*rnd.Float64()
	}
	return n
}

// Binomial draws how many of n happen, each with the probability p, which is taken as 0
// below that and 1 above. Rare ones of many are drawn as a Poisson count, the others of
// many from the normal distribution.
func Binomial(rnd *rand.Rand, n, p float64) float64 {
	p = min(max(p, 0), 1)
	switch {
	case n > 50 && n*p*(1-p) > 25:
		return min(n, max(0, math.Round(n*p+math.Sqrt(n*p*(1-p))*rnd.NormFloat64())))
	case n > 50 && p > 0.5:
		return n - Binomial(rnd, n, 1-p)
	case n > 50:
		return min(n, Poisson(rnd, n*p))
	}
	k := 0.0
	for range int(n) {
		if rnd.Float64() < p {
			k++
		}
	}
	return k
}
