// Package stat is the statistics of a comparison of pairs: exact binomial tails
// and bounds, excess over noise, Holm's correction, latency histograms and the drift of scores.
//
// It does no I/O and never decides: equal numbers in give equal numbers out.
package stat

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// manyDeviations is the standard deviation, in requests, past which the library's
// incomplete beta does not converge near the mean; the normal tail is off by 1e-4 there.
const manyDeviations = 1500

// BinomialAtLeast returns P(X ≥ k) for X ~ Bin(n, p): I_p(k, n−k+1), exact to 1e-8; near
// the mean of tens of millions to 1e-4.
func BinomialAtLeast(k, n int64, p float64) float64 {
	switch {
	case k <= 0 || k <= n && p >= 1:
		return 1
	case k > n || p <= 0:
		return 0
	}
	mean := float64(n) * p
	sigma := math.Sqrt(mean * (1 - p))
	if z := (float64(k) - .5 - mean) / sigma; sigma > manyDeviations && math.Abs(z) < 3 {
		return normalTail(z)
	}
	return mathext.RegIncBeta(float64(k), float64(n-k+1), p)
}

// BinomialAtMost returns P(X ≤ k) for X ~ Bin(n, p).
func BinomialAtMost(k, n int64, p float64) float64 { return BinomialAtLeast(n-k, n, 1-p) }

// ShareBounds returns the exact bounds (Clopper–Pearson) of a share after k of n; each is
// passed with a chance of tail. Of none, everything is possible.
func ShareBounds(k, n int64, tail float64) (low, high float64) {
	high = 1
	if k > 0 {
		low = mathext.InvRegIncBeta(float64(k), float64(n-k+1), tail)
	}
	if k < n {
		high = mathext.InvRegIncBeta(float64(k+1), float64(n-k), 1-tail)
	}
	return low, high
}

// PoissonAtMost returns the exact bound of a Poisson mean after k events; it is passed with
// a chance of tail.
func PoissonAtMost(k int64, tail float64) float64 {
	return mathext.GammaIncRegInv(float64(k)+1, 1-tail)
}

// chiSquareTail returns P(X ≥ x) for a χ² of df degrees of freedom.
func chiSquareTail(x float64, df int) float64 {
	if df <= 0 || x <= 0 {
		return 1
	}
	return mathext.GammaIncRegComp(float64(df)/2, x/2)
}

// normalTail returns P(Z ≥ z).
func normalTail(z float64) float64 { return math.Erfc(z/math.Sqrt2) / 2 }
