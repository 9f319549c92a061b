package analysis

import "math"

// Carried is the evidence that earlier steps of a rollout have left; the zero value is
// none.
type Carried struct {
	sums                   []float64 // of the grid
	variance               float64   // at the best odds ratio
	guard, guardVar, noise float64   // without the worst pods
	seconds                float64
}

// Seconds is for how long it was gathered.
func (c Carried) Seconds() float64 { return c.seconds }

// Carry adds what a step leaves in which the candidate has that share of the opportunities
// and that is judged for so many seconds.
func (h Harm) Carry(c Carried, share, seconds float64) Carried {
	sums := h.sums(c)
	for j, v := range h.paces(share, h.Candidate) {
		sums[j] += v * seconds
	}
	less, left := h.without(share)
	noise, _ := h.podNoise(share)
	return Carried{
		sums: sums, variance: c.variance + h.spread(share, h.best(share))*seconds,
		guard:    c.guard + less.fit(left, h.Candidate)*seconds,
		guardVar: c.guardVar + less.spread(left, h.fits(h.Candidate))*seconds,
		noise:    c.noise + noise*seconds, seconds: c.seconds + seconds,
	}
}

// sums are those of the grid; the caller's to change.
func (h Harm) sums(c Carried) []float64 {
	out := make([]float64, len(h.signal.family.Thetas))
	copy(out, c.sums)
	return out
}

// Proof is when harm that is there from the start of the release is proved, in seconds of
// a step in which the candidate has that share of the opportunities: by all pods, and
// without the worst ones (0 with a single pod). Both are medians; +Inf: not within
// [Longest].
func (h Harm) Proof(share float64, c Carried) (all, guarded float64) {
	wait := max(0, h.unbelieved()-c.seconds)
	end := Longest.Seconds() - c.seconds - wait
	all = wait + h.evidence(share, c).median(end)
	if h.Pods > 1 {
		guarded = wait + h.guarded(share, c).median(end)
	}
	return all, guarded
}

// evidence is the walk of the ratio that gathers fastest. Its bar is higher by what the
// average over the grid costs.
func (h Harm) evidence(share float64, c Carried) walk {
	harmed, carried := h.paces(share, h.Candidate), h.sums(c)
	spread := h.spread(share, h.best(share))
	return func(s float64) (float64, float64, float64) {
		phi := h.dispersion(c.seconds + s)
		sums, best := make([]float64, len(harmed)), math.Inf(-1)
		for i, v := range harmed {
			sums[i] = (carried[i] + v*s) / phi
			best = max(best, sums[i])
		}
		return best * phi, c.variance + spread*s, (h.release + best - mixture(sums)) * phi
	}
}

// guarded is the walk without the most harmful pods. Its bar is higher by what they give
// beyond a fair part, and lower by what the fit gains.
func (h Harm) guarded(share float64, c Carried) walk {
	less, left := h.without(share)
	pace, spread := less.fit(left, h.Candidate), less.spread(left, h.fits(h.Candidate))
	noise, above := h.podNoise(share)
	return func(s float64) (float64, float64, float64) {
		return c.guard + pace*s, c.guardVar + spread*s, (h.guardBar()-h.gain())*h.dispersion(c.seconds+s) + above*math.Sqrt(c.noise+noise*s)
	}
}
