package rules

import (
	"math"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// extremes are ledgers at the ends of what the rules can hold: sides without any event,
// ratios beyond where they are clamped, and what hardly any traffic tells.
func (s *stage) extremes() {
	x := s.subject
	if s.signal.name == trafficSignal {
		return
	}
	few := append(crew(runbook.Candidate, 3, 40, always(s.spotless())), crew(runbook.Stable, 4, 40, always(x.strong))...)
	s.ledger("the books of a spotless candidate", 10, few)
	one := append(crew(runbook.Candidate, 3, 40, always(s.spotless())), crew(runbook.Stable, 4, 40, always(x.clean))...)
	one[0].mix = always(x.strong)
	s.ledger("the books of one bad pod among spotless ones", 10, one)
	steps, rate := 10, 30.0*plenty
	switch {
	case s.b.kindOf(s.signal) == latencyKind:
		rate = plenty
	case s.signal.isMean(): // its ratio grows with the logarithm of the trials alone
		steps, rate = int(5*time.Minute/s.b.Metrics.Interval.Std())+8, 1e14
	}
	s.ledger("the books of a candidate beyond praise", steps, append(crew(runbook.Candidate, 3, rate, always(x.clean)), crew(runbook.Stable, 4, rate, always(x.strong))...))
	s.ledger("the books of a candidate beyond blame", steps, append(crew(runbook.Candidate, 3, rate, always(x.strong)), crew(runbook.Stable, 4, rate, always(x.clean))...))
	if s.signal.isMean() {
		s.ledger("the books of a first trial", 6, append(crew(runbook.Candidate, 2, 0.0625, always(share(1))), crew(runbook.Stable, 4, plenty, always(share(0.00005)))...))
		dry := append(crew(runbook.Candidate, 3, 4096, s.driesUp(7)), crew(runbook.Stable, 4, 4096, s.driesUp(5))...)
		dry[0].mix = always(x.strong)
		s.ledger("the books of sides that dry up", 12, dry)
	}
}

// driesUp leaves a pod an eighth of a trial in an interval, from a step on.
func (s *stage) driesUp(from int) func(int) []float64 {
	hardly := make([]float64, len(s.subject.clean))
	for i, v := range s.subject.clean {
		hardly[i] = v / (8 * 4096)
	}
	return play(s.subject.clean, hardly, from, math.MaxInt)
}

// loneStable has two stable pods that differ for good, until one of them serves nothing.
func (s *stage) loneStable() []scenePod {
	x := s.subject
	out := append(crew(runbook.Candidate, 3, 50, always(x.strong)), crew(runbook.Stable, 2, 50, always(x.clean))...)
	out[4].mix = play(blend(x.clean, x.strong, 0.7), make([]float64, len(x.clean)), 9, math.MaxInt)
	return out
}

// singleFailures are one event of a great stable pod in the second interval, one of a small
// pod in the last, and no other.
func (s *stage) singleFailures(last int) []scenePod {
	none := s.spotless()
	out := append(crew(runbook.Candidate, 2, 100, always(s.subject.strong)), crew(runbook.Stable, 4, 100, always(none))...)
	out[2].rate, out[2].mix = 1, play(none, share(1), last, math.MaxInt)
	out[3].mix = play(none, share(0.01), 2, 3)
	return out
}

// calmingPods are uneven ones, of which those of stable differ for an hour alone.
func (s *stage) calmingPods() []scenePod {
	out := s.unevenPods(0.02)
	for i := range out {
		if x := s.subject; out[i].role == runbook.Stable && !out[i].born {
			out[i].mix = play(blend(x.clean, x.strong, 0.5*float64(i%2)), x.clean, int(time.Hour/s.b.Metrics.Interval.Std()), math.MaxInt)
		}
	}
	return out
}

// any is true of every signal.
func (s signal) any() bool { return true }

// guardedAlike reports whether another signal's pod guard is read from the same windows:
// harm is more events, or fewer, or a mean's.
func (s signal) guardedAlike(o signal) bool {
	return s.family.guarded == o.family.guarded && s.isMean() == o.isMean() && s.family.fewer() == o.family.fewer()
}
