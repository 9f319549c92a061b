package quality

import (
	"math"
	"math/rand/v2"

	"github.com/autorollback/autorollback/test/sim"
)

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
		k := sim.Binomial(rnd, n, (share-below)/math.Max(1-below, 1e-12))
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
