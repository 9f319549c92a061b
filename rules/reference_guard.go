package rules

import (
	"math"
	"slices"
)

// surplus is the candidate's events beyond its fair part, from opportunities and events
// of both sides in one interval.
func (f family) surplus(allC, allS, badC, badS float64) float64 {
	fair := allS / f.null
	return (badC*fair - badS*allC) / (allC + fair)
}

// fitted is the log likelihood ratio at the best fitting odds ratio; 0 where a surplus
// is no harm.
func (f family) fitted(events, surplus, others float64) float64 {
	const tiny = 1e-9
	if (surplus < 0) != f.fewer() {
		return 0
	}
	x, s := max(events, tiny), max(others, tiny)
	return -x*math.Log(max(1-surplus/x, tiny)) - s*math.Log(max(1+surplus/s, tiny))
}

// withoutPods is what remains in a window without the candidate pods that add most.
func (r *Reference) withoutPods(window int) float64 {
	f := r.signal.family
	var bad [2]float64
	for _, p := range r.pods {
		bad[p.role.index()] += p.bad.last(window)
	}
	surplus := r.surplus.last(window)
	whole := f.fitted(bad[0], surplus, bad[1])
	var lost []float64
	for _, p := range r.pods {
		if p.role == Candidate && p.judged.last(window) > 0 {
			rest := f.fitted(bad[0]-p.bad.last(window), surplus-p.surplus.last(window), bad[1])
			lost = append(lost, min(rest-whole, 0))
		}
	}
	if len(lost) == 0 {
		return math.NaN()
	}
	slices.Sort(lost)
	for _, v := range lost[:min(len(lost), leftOut(r.active(Candidate)))] {
		whole += v
	}
	return whole
}

// leftOut is how many of the candidate's pods the guard leaves out.
func leftOut(pods int) int { return max(1, pods/podsForEach) }

// lastingPhi is the dispersion of the stable pods over the whole release, less one
// standard error, or that of the last hour if it is greater.
func (r *Reference) lastingPhi(phi float64) float64 {
	if !r.Dispersion {
		return 1
	}
	num, den := r.scatter(r.pods, r.windows[0])
	if !(den > 0) {
		return phi
	}
	return max(phi, num/den-math.Sqrt(2/math.Max(float64(r.active(Stable))-1, 1)))
}
