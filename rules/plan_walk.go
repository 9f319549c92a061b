package rules

import (
	"cmp"
	"math"
	"slices"
)

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
	from := to / 1.1
	for range 40 {
		if mid := (from + to) / 2; half(mid) {
			to = mid
		} else {
			from = mid
		}
	}
	return to
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

// carried is the evidence that earlier steps of a rollout have left.
type carried struct {
	sums                   []float64 // of the grid
	variance               float64   // at the best odds ratio
	guard, guardVar, noise float64   // without the worst pods
	seconds                float64
}

func (h harm) nothing() carried { return carried{sums: make([]float64, len(h.family.thetas))} }

func (c *carried) add(h harm, share, judged float64) {
	harmed, _ := h.paces(share)
	for j, v := range harmed {
		c.sums[j] += v * judged
	}
	less, left := h.without(share)
	noise, _ := h.podNoise(share)
	c.variance += h.spread(share, h.best(share)) * judged
	c.guard += less.fit(left, h.candidate) * judged
	c.guardVar += less.spread(left, h.fits(h.candidate)) * judged
	c.noise += noise * judged
	c.seconds += judged
}

// evidence is the walk of the ratio that gathers fastest. Its bar is higher by what the
// average over the grid costs.
func (h harm) evidence(share, bar float64, c carried) walk {
	harmed, _ := h.paces(share)
	spread := h.spread(share, h.best(share))
	return func(s float64) (float64, float64, float64) {
		phi := h.dispersion(c.seconds + s)
		sums, best := make([]float64, len(harmed)), math.Inf(-1)
		for i, v := range harmed {
			sums[i] = (c.sums[i] + v*s) / phi
			best = max(best, sums[i])
		}
		return best * phi, c.variance + spread*s, (bar + best - mixture(sums)) * phi
	}
}

// guarded is the walk without the most harmful pods. Its bar is higher by what they give
// beyond a fair part, and lower by what the fit gains.
func (h harm) guarded(share float64, c carried) walk {
	less, left := h.without(share)
	pace, spread := less.fit(left, h.candidate), less.spread(left, h.fits(h.candidate))
	noise, above := h.podNoise(share)
	return func(s float64) (float64, float64, float64) {
		return c.guard + pace*s, c.guardVar + spread*s, (h.guardBar()-h.gain())*h.dispersion(c.seconds+s) + above*math.Sqrt(c.noise+noise*s)
	}
}

// fitGain is how much more the best fitting odds ratio gets than the true one by the time
// of the proof: settled by simulation, between 0 and the 1/2 that theory gives in the end.
const fitGain = 0.25

// gain is that, where the odds ratio is fitted.
func (h harm) gain() float64 {
	if h.variation > 0 {
		return 0
	}
	return fitGain
}

// proof is when harm from the start is proved: by all pods, and without any one (0 with
// a single pod). Both are medians.
func (h harm) proof(share, bar float64, c carried) (all, guarded float64) {
	wait := max(0, h.unbelieved()-c.seconds)
	all = wait + h.evidence(share, bar, c).median(longest-c.seconds-wait)
	if h.pods > 1 {
		guarded = wait + h.guarded(share, c).median(longest-c.seconds-wait)
	}
	return all, guarded
}

// best is the odds ratio of the grid that gathers evidence fastest.
func (h harm) best(share float64) float64 {
	return slices.MaxFunc(h.family.thetas, func(a, b float64) int {
		return cmp.Compare(h.pace(a, share, h.candidate), h.pace(b, share, h.candidate))
	})
}

// spread is the variance per second of the log likelihood ratio at theta: of whose an
// event is, and of how many there are.
func (h harm) spread(share, theta float64) float64 {
	if h.variation > 0 {
		_, variance := h.catoni(1-theta, share, h.candidate)
		return variance
	}
	events := h.rate * (share*h.candidate + (1-share)*h.stable)
	q := h.rate * share * h.candidate / events
	pace, weight := h.pace(theta, share, h.candidate), math.Log(theta/h.family.null)
	return events*q*(1-q)*weight*weight + pace*pace/events
}
