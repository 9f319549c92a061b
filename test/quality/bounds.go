package quality

import "math"

// AtMost is the exact one-sided 95 % bound (Clopper-Pearson) of a probability of which
// k cases were seen in n.
func AtMost(k, n int) float64 {
	if n == 0 || k >= n {
		return 1
	}
	low, high := float64(k)/float64(n), 1.0
	for range 60 {
		p := (low + high) / 2
		if binomialUpTo(k, n, p) > 0.05 {
			low = p
		} else {
			high = p
		}
	}
	return high
}

// AtLeast is the bound on the other side.
func AtLeast(k, n int) float64 {
	if n == 0 {
		return 0
	}
	return 1 - AtMost(n-k, n)
}

// binomialUpTo is the probability of at most k cases in n.
func binomialUpTo(k, n int, p float64) float64 {
	sum, lgn := 0.0, lgamma(n+1)
	for i := range k + 1 {
		sum += math.Exp(lgn - lgamma(i+1) - lgamma(n-i+1) + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return sum
}

func lgamma(n int) float64 {
	v, _ := math.Lgamma(float64(n))
	return v
}
