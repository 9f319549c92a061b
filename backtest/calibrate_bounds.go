package backtest

import "math"

// confidence of all bounds.
const confidence = 0.95

// clopperPearson is the exact two-sided 95 % interval of a share after k of n.
func clopperPearson(k, n int) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	tail := (1 - confidence) / 2
	if k > 0 {
		low = bisect(0, 1, func(p float64) bool { return 1-binomialUpTo(k-1, n, p) < tail })
	}
	high = 1
	if k < n {
		high = bisect(0, 1, func(p float64) bool { return binomialUpTo(k, n, p) > tail })
	}
	return low, high
}

// poissonAtMost is the exact one-sided 95 % bound of a Poisson mean after k events.
func poissonAtMost(k int) float64 {
	return bisect(0, float64(k)*3+20, func(mean float64) bool { return poissonUpTo(k, mean) > 1-confidence })
}

// bisect finds where a condition that holds at low stops to hold.
func bisect(low, high float64, holds func(float64) bool) float64 {
	for range 100 {
		if middle := (low + high) / 2; holds(middle) {
			low = middle
		} else {
			high = middle
		}
	}
	return (low + high) / 2
}

func binomialUpTo(k, n int, p float64) float64 {
	if p <= 0 {
		return 1
	}
	if p >= 1 {
		return 0
	}
	sum := 0.0
	whole, _ := math.Lgamma(float64(n) + 1)
	for i := range k + 1 {
		a, _ := math.Lgamma(float64(i) + 1)
		b, _ := math.Lgamma(float64(n-i) + 1)
		sum += math.Exp(whole - a - b + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
	}
	return math.Min(sum, 1)
}

func poissonUpTo(k int, mean float64) float64 {
	if mean <= 0 {
		return 1
	}
	sum := 0.0
	for i := range k + 1 {
		f, _ := math.Lgamma(float64(i) + 1)
		sum += math.Exp(float64(i)*math.Log(mean) - mean - f)
	}
	return math.Min(sum, 1)
}
