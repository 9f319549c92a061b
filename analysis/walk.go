package analysis

import "math"

// A walk is a sum of evidence some seconds after harm began: its mean, its variance,
// and the bar it must cross.
type walk func(seconds float64) (mean, variance, bar float64)

// median is when half of all such sums have crossed the bar at some moment before, in
// seconds; +Inf if fewer than half do by the end. Where harm neither speaks for nor
// against, chance alone crosses, and this is pessimistic.
func (w walk) median(end float64) float64 {
	half := func(s float64) bool { return crossed(w(s)) >= 0.5 }
	to := 1.0
	for !half(to) {
		if to *= 1.1; to > end {
			if !half(end) {
				return math.Inf(1)
			}
			to = end
			break
		}
	}
	return narrow(to/1.1, to, 40, half)
}

// crossed is the chance that a Brownian motion of that final mean and variance has been
// above the bar by then: the inverse Gaussian distribution function. It holds without
// drift as well, or with a drift away from the bar.
func crossed(mean, variance, bar float64) float64 {
	if !(variance > 0) {
		return 0
	}
	sd := math.Sqrt(variance)
	up, back := normal((mean-bar)/sd), normal((-mean-bar)/sd)
	if back == 0 { // what it is multiplied by may be infinite
		return up
	}
	return up + math.Exp(2*mean*bar/variance+math.Log(back))
}

func normal(z float64) float64 { return 0.5 * math.Erfc(-z/math.Sqrt2) }
