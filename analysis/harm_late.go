package analysis

import "math"

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
