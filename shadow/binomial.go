package shadow

import (
	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// tailAtLeast returns P(X ≥ k) for X ~ Bin(n, p), exactly: I_p(k, n−k+1).
func tailAtLeast(k, n int64, p float64) float64 {
	switch {
	case k <= 0 || k <= n && p >= 1:
		return 1
	case k > n || p <= 0:
		return 0
	}
	return mathext.RegIncBeta(float64(k), float64(n-k+1), p)
}

// tailAtMost returns P(X ≤ k) for X ~ Bin(n, p).
func tailAtMost(k, n int64, p float64) float64 { return tailAtLeast(n-k, n, 1-p) }

// chiSquareTail returns P(X ≥ x) for a χ² of df degrees of freedom.
func chiSquareTail(x float64, df int) float64 {
	if df <= 0 || x <= 0 {
		return 1
	}
	return mathext.GammaIncRegComp(float64(df)/2, x/2)
}

// normalTail returns P(Z ≥ z).
func normalTail(z float64) float64 { return distuv.UnitNormal.Survival(z) }
