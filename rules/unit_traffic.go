package rules

import (
	"fmt"
	"math"

	"github.com/autorollback/autorollback/runbook"
)

// unseen are the scenes of a starved candidate's trigger in which pods serve on and are
// not scraped, and in which the weight takes a step. What is not seen is not held against
// the weight, until it counts as gone.
func (s *stage) unseen() {
	gone, from := int(missing/s.b.Metrics.Interval), s.n+3
	if from+gone+2*s.n > mostLong {
		s.missing = append(s.missing, fmt.Sprintf("pods that are not seen count as gone after %d evaluations: too many for a scene", gone))
		return
	}
	// Scraped again one step before they count as gone.
	s.silent(s.away("silent while most pods of the candidate are not seen", from, gone-1, from+gone+4))
	s.fires(s.away("fires when pods that are not seen count as gone", from, math.MaxInt/2, from+gone+2*s.n))
	all := s.away("fires when no pod of the candidate is seen", from, math.MaxInt/2, from+2*s.n)
	all.pods[0].lost, all.pods[0].gap = from, math.MaxInt/2
	s.fires(all)
	few := s.away("", 3, math.MaxInt/2, 0)
	few.pods[0].lost, few.pods[0].gap = 6, 2
	for i := range few.pods {
		few.pods[i].rate = 1000
	}
	s.ledger("the books of pods that are not seen", 16, few.pods)
	s.silent(s.stepped("silent while traffic follows a step of the weight", from, from+steadyIntervals-1))
	s.fires(s.stepped("fires when traffic does not follow a step of the weight", from, math.MaxInt))
}

// away has three pods of the candidate, two of which lose so many scrapes from a step on.
func (s *stage) away(name string, from, gap, steps int) scene {
	sc := scene{name: name, steps: steps, pods: append(crew(runbook.Candidate, 3, plenty, always(s.subject.clean)), crew(runbook.Stable, 4, plenty, always(s.subject.clean))...)}
	for i := 1; i < 3; i++ {
		sc.pods[i].lost, sc.pods[i].gap = from, gap
	}
	return sc
}

// stepped has the weight rise at a step, far enough for the candidate to look starved,
// and its traffic follow at a later one.
func (s *stage) stepped(name string, at, follows int) scene {
	weight := min(80, math.Ceil(4*candidateWeight/float64(s.t.Below)))
	got := s.subject.clean[0] * weight / candidateWeight * (100 - candidateWeight) / (100 - weight)
	more := []float64{got, 0}
	sc := s.two(name, at+s.n+steadyIntervals+4, always(s.subject.clean), play(s.subject.clean, more, follows, math.MaxInt))
	sc.stepAt, sc.weight, sc.third = at, weight, true
	return sc
}
