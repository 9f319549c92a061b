package sim

import (
	"math"
	"math/rand/v2"
)

// Poisson draws a count; a large mean is drawn from the normal distribution.
func Poisson(rnd *rand.Rand, mean float64) float64 {
	if mean <= 0 {
		return 0
	}
	if mean > 40 {
		return math.Max(0, math.Round(mean+math.Sqrt(mean)*rnd.NormFloat64()))
	}
	n, p, limit := 0.0, rnd.Float64(), math.Exp(-mean)
	for p > limit {
		n, p = n+1, p*rnd.Float64()
	}
	return n
}

// Binomial draws how many of n happen, each with the probability p, which is taken as 0
// below that and 1 above. Rare ones of many are drawn as a Poisson count,
// the others of many from the normal distribution.
func Binomial(rnd *rand.Rand, n, p float64) float64 {
	switch {
	case n <= 0 || p <= 0:
		return 0
	case p >= 1:
		return n
	case p > 0.5:
		return n - Binomial(rnd, n, 1-p)
	case n > 30 && n*p*(1-p) > 25:
		return math.Min(n, math.Max(0, math.Round(n*p+math.Sqrt(n*p*(1-p))*rnd.NormFloat64())))
	case n > 30 && p < 0.1:
		return math.Min(n, Poisson(rnd, n*p))
	}
	k := 0.0
	for range int(n) {
		if rnd.Float64() < p {
			k++
		}
	}
	return k
}
