package analysis

import (
	"math"

	"github.com/autorollback/autorollback/runbook"
)

// conclude sums up: proved over its bar, and not one pod's doing.
func (t *Test) conclude(r *Result) {
	if t.trigger.Style == runbook.ByThreshold {
		t.concludeThreshold(r)
		return
	}
	proof := math.NaN()
	for i, e := range r.LogE {
		proof = greatest(proof, e/t.bar(i))
	}
	guard := math.Inf(1)
	if t.Guarded {
		guard = t.signal.guard(t, *r)
	}
	r.Proved, r.Widespread = proof > 1, guard > 1
	r.sumUp(proof, guard)
}

// sumUp makes one number of both, which is below 1 exactly at a bar.
func (r *Result) sumUp(proof, guard float64) {
	r.Significance = least(proof, guard)
	if r.Significance >= 1 && !(r.Proved && r.Widespread) {
		r.Significance = math.Nextafter(1, 0)
	}
}

func (t *Test) bar(span int) float64 {
	if span == 0 {
		return t.release
	}
	return t.trailing
}

// logE is the log of the mean of the e-values over the grid.
func (t *Test) logE(span int, phi float64) float64 {
	if !t.judges(span) {
		return math.NaN()
	}
	sum := 0.0
	for i := range t.ratios {
		sum += math.Exp(min(max(t.ratios[i].last(t.windows[span])/phi, -600), 600))
	}
	return math.Log(sum / float64(len(t.ratios)))
}

// judges reports whether a window can speak: that of the release from the first interval
// on that told anything, a trailing one once there is something before it.
func (t *Test) judges(span int) bool {
	if span == 0 {
		return t.began > 0
	}
	return t.began > 0 && t.n-t.began >= t.windows[span]
}

// greatest and least pass over what is not known.
func greatest(a, b float64) float64 {
	if math.IsNaN(a) || b > a {
		return b
	}
	return a
}

func least(a, b float64) float64 {
	if math.IsNaN(a) || math.IsNaN(b) {
		return math.NaN()
	}
	return min(a, b)
}

// withoutPodRatio is how many times stable's share the candidate's must be without any
// one pod, for a trigger that asks for no proof.
const withoutPodRatio = 1.25

// concludeThreshold stands in for a proof where the runbook asks for none: enough samples on
// both sides in the trigger's window, and the candidate's share above stable's whichever
// pod is left out.
func (t *Test) concludeThreshold(r *Result) {
	var all, bad [2]float64
	for _, p := range t.pods {
		i := index(p.role)
		all[i], bad[i] = all[i]+p.all.last(t.lasts), bad[i]+p.bad.last(t.lasts)
	}
	samples := min(all[0], all[1]) / t.least
	rest, busy := math.Inf(1), 0
	for _, p := range t.pods {
		n := p.all.last(t.lasts)
		if p.role != runbook.Candidate || n <= 0 {
			continue
		}
		busy++
		if others := all[0] - n; others > 0 {
			rest = min(rest, (bad[0]-p.bad.last(t.lasts))/others)
		}
	}
	guard := math.Inf(1)
	if busy > 1 && t.Guarded {
		guard = rest / (withoutPodRatio * bad[1] / all[1])
		if rest == 0 || math.IsNaN(guard) { // nothing is left, or nothing of stable to hold it against
			guard = 0
		}
	}
	r.Proved, r.Widespread = samples >= 1, guard > 1
	r.sumUp(samples, guard)
}
