package analysis

import (
	"math"
)

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
	out := make([]float64, len(h.signal.Thetas))
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

// LateProof is when harm is proved that begins at any later time, in seconds, by the
// trailing windows and the pod guard; rather too long than too short. +Inf: never.
func (h Harm) LateProof(share float64) float64 {
	all, guarded := math.Inf(1), math.Inf(1)
	for _, s := range Spans() {
		w := s.Length.Seconds()
		if w == 0 {
			w = Longest.Seconds()
		} else {
			all = min(all, h.lateEvidence(share, w).reach(h.trailing, w))
		}
		if h.Variation > 0 {
			guarded = min(guarded, h.lateMean(share, w).reach(h.guardBar(), w))
		} else if s.guarded {
			guarded = min(guarded, h.lateGuarded(share, w, s.penalty()).reach(h.guardBar(), w))
		}
	}
	if h.Pods == 1 {
		return all
	}
	return max(all, guarded)
}

// A path is the expected evidence after some seconds.
type path func(seconds float64) float64

// reach is when a path that ends above the bar crosses it for good, in seconds; +Inf
// if it ends below. Paths are convex or nearly so: below the bar they stay below until
// they cross.
func (p path) reach(bar, end float64) float64 {
	if !(p(end) > bar) {
		return math.Inf(1)
	}
	return narrow(0, end, 60, func(s float64) bool { return p(s) > bar })
}

// narrow is the least number between two that satisfies a condition, by so many halvings;
// to satisfies it, and so does all above the answer.
func narrow(from, to float64, times int, holds func(float64) bool) float64 {
	for range times {
		if mid := (from + to) / 2; holds(mid) {
			to = mid
		} else {
			from = mid
		}
	}
	return to
}

// lateEvidence is the path in a trailing window that was full of healthy traffic.
func (h Harm) lateEvidence(share, window float64) path {
	harmed, healthy := h.paces(share, h.Candidate), h.paces(share, h.Stable)
	return func(s float64) float64 {
		sums := make([]float64, len(harmed))
		for i := range harmed {
			sums[i] = (harmed[i]*s + healthy[i]*(window-s)) / h.dispersion(Longest.Seconds())
		}
		return mixture(sums)
	}
}

// lateGuarded is the same without the most harmful pods, fitted to what is harm and what
// was not.
func (h Harm) lateGuarded(share, window, penalty float64) path {
	less, left := h.without(share)
	noise, above := h.podNoise(share)
	return func(s float64) float64 {
		mean := (h.Candidate*s + h.Stable*(window-s)) / window
		return (less.fit(left, mean)*window-above*math.Sqrt(noise*s))/h.dispersion(Longest.Seconds()) - penalty
	}
}

// lateMean is that of a mean, whose guard asks for drops of its own.
func (h Harm) lateMean(share, window float64) path {
	less, left := h.without(share)
	harmed, healthy := less.fit(left, h.Candidate), less.fit(left, h.Stable)
	noise, above := h.podNoise(share)
	return func(s float64) float64 {
		return (harmed*s + healthy*(window-s) - above*math.Sqrt(noise*s)) / h.dispersion(Longest.Seconds())
	}
}

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
