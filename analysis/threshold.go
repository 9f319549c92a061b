package analysis

import (
	"math"

	"github.com/autorollback/autorollback/runbook"
)

// withoutPodRatio is how many times stable's share the candidate's must be without any
// one pod, for a trigger that asks for no proof.
const withoutPodRatio = 1.25

// weighThreshold stands in for a proof where the runbook asks for none: enough samples on
// both sides in the trigger's window, and the candidate's share above stable's whichever
// pod is left out.
func (t *Test) weighThreshold(r *Result) {
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
	r.Proved, r.Alone = samples >= 1, guard > 1
	r.conclude(samples, guard)
}
