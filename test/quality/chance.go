package quality

import (
	"math"
	"math/rand/v2"
)

// poisson draws a count; a large mean is drawn from the normal distribution.
func poisson(rnd *rand.Rand, mean float64) float64 {
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

// binomial draws how many of n happen. Rare ones of many are drawn as a Poisson count,
// the others of many from the normal distribution.
func binomial(rnd *rand.Rand, n, p float64) float64 {
	switch {
	case n <= 0 || p <= 0:
		return 0
	case p >= 1:
		return n
	case p > 0.5:
		return n - binomial(rnd, n, 1-p)
	case n > 30 && n*p*(1-p) > 25:
		return math.Min(n, math.Max(0, math.Round(n*p+math.Sqrt(n*p*(1-p))*rnd.NormFloat64())))
	case n > 30 && p < 0.1:
		return math.Min(n, poisson(rnd, n*p))
	}
	k := 0.0
	for range int(n) {
		if rnd.Float64() < p {
			k++
		}
	}
	return k
}

// spread draws n observations into buckets whose cumulative shares are given, without
// the last one, which is all.
func spread(rnd *rand.Rand, n float64, upTo []float64, into []float64) {
	if n <= 40 { // one by one is quicker
		for range int(n) {
			u, i := rnd.Float64(), 0
			for i < len(upTo) && u >= upTo[i] {
				i++
			}
			into[i]++
		}
		return
	}
	below := 0.0
	for i, share := range upTo {
		if n == 0 {
			return
		}
		k := binomial(rnd, n, (share-below)/math.Max(1-below, 1e-12))
		n, below = n-k, share
		into[i] += k
	}
	into[len(upTo)] += n
}

// logNormal writes the share at or below each bound.
func logNormal(bounds []float64, median, sigma float64, into []float64) {
	for i, b := range bounds {
		into[i] = 0.5 * math.Erfc(-math.Log(b/median)/sigma/math.Sqrt2)
	}
}
