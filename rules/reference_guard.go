package rules

import (
	"cmp"
	"math"
	"slices"

	"github.com/autorollback/autorollback/runbook"
)

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
	worst, rest := r.worstPods(window)
	if len(worst) == 0 || len(rest) == 0 {
		return math.NaN()
	}
	var events, surplus, others float64
	for _, p := range r.pods {
		if p.role == runbook.Stable {
			others += p.bad.last(window)
		}
	}
	for _, p := range rest {
		events += p.bad.last(window)
		surplus += p.surplus.last(window)
	}
	return r.signal.family.fitted(events, surplus, others)
}

// worstPods parts the candidate pods: those that add most to the harm of a window, the worst
// first, and the others.
func (r *Reference) worstPods(window int) (worst, rest []*podTrail) {
	for _, p := range r.pods {
		if p.role == runbook.Candidate && p.judged.last(window) > 0 {
			rest = append(rest, p)
		}
	}
	slices.SortFunc(rest, func(p, q *podTrail) int {
		if r.signal.family.fewer() {
			p, q = q, p
		}
		return cmp.Compare(q.surplus.last(window), p.surplus.last(window))
	})
	n := min(len(rest), leftOut(r.active(runbook.Candidate)))
	return rest[:n], rest[n:]
}

// leftOut is how many of the candidate's pods the guard leaves out.
func leftOut(pods int) int { return max(1, pods/podsForEach) }

// lastingPhi is the dispersion of the stable pods over the whole release, less one
// standard error, or that of the last hour if it is greater.
func (r *Reference) lastingPhi(phi float64) float64 {
	if !r.Dispersion {
		return 1
	}
	num, den := r.scattered(r.windows[0])
	if !(den > 0) {
		return phi
	}
	return max(phi, num/den-math.Sqrt(2/math.Max(float64(r.active(runbook.Stable))-1, 1)))
}
