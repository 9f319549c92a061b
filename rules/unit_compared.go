package rules

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// plenty is a pod's opportunities in an interval where proof is no question.
const plenty = 100_000

// keepSteps is how long an alert keeps firing.
const keepSteps = 4

// instantSteps is the window of a trigger without evidence, in intervals: see [book.instant].
const instantSteps = 4

// A stage writes the scenes of one comparative trigger.
type stage struct {
	b       *book
	t       runbook.Trigger
	signal  signal
	subject subject
	alert   draft
	n       int // intervals in the trigger's window
	cases   []unitCase
	missing []string
	err     error
}

func (b *book) comparedCases(t runbook.Trigger) ([]unitCase, []string, error) {
	if _, err := b.reference(t); err != nil {
		return nil, nil, err
	}
	subject, err := b.subjectOf(t)
	if err != nil {
		return nil, nil, err
	}
	s := &stage{b: b, t: t, signal: b.signalOf(t), subject: subject, alert: b.alert(t), n: int(t.For / b.Metrics.Interval)}
	s.effects()
	s.harms()
	if t.Proved() {
		s.proofs()
		s.ledgers()
	} else {
		s.samples()
		s.sidesOnly()
	}
	s.pods()
	s.faults()
	if s.signal.name == trafficSignal {
		s.unseen()
	}
	s.sides()
	return s.cases, s.missing, s.err
}

// two has more than enough traffic on both sides.
func (s *stage) two(name string, steps int, stable, candidate func(int) []float64) scene {
	return scene{name: name, steps: steps, pods: append(crew(runbook.Candidate, 1, 3*plenty, candidate), crew(runbook.Stable, 4, plenty, stable)...)}
}

// effects are about the thresholds, with the evidence in place all the time.
func (s *stage) effects() {
	from := s.n + 3
	until := from + s.n + 3
	for _, p := range s.subject.pairs {
		name := func(text string) string {
			if p.name == "" {
				return text
			}
			return p.name + ": " + text
		}
		s.fires(s.two(name("fires closely above the threshold, and recovers"), until+keepSteps+4, always(p.stable), play(p.near, p.over, from, until)))
		s.silent(s.two(name("silent closely below the threshold"), from+s.n+2, always(p.stable), play(p.near, p.under, from, math.MaxInt)))
		if p.stableNear != nil {
			over := p.over
			if p.early != nil {
				over = p.early
				s.fires(s.two(name("fires early when both change"), from+s.n+1+instantSteps, play(p.stableNear, p.stable, from, math.MaxInt), play(p.stable, over, from, math.MaxInt)))
			}
			if p.stalls[0] != nil {
				s.fires(s.two(name("fires when stable alone stalls less"), from+s.n+1+instantSteps, play(p.stalls[0], p.stable, from, math.MaxInt), always(p.stalls[1])))
			}
			s.fires(s.two(name("fires when stable alone gets better"), from+s.n+1+instantSteps, play(p.stableNear, p.stable, from, math.MaxInt), always(over)))
		}
	}
}

// harms are about great harm, and whose it is.
func (s *stage) harms() {
	x, from := s.subject, s.n+3
	s.fires(s.two("fires early on great harm", from+s.n+1, always(x.clean), play(x.clean, x.strong, from, math.MaxInt)))
	if s.signal.name == trafficSignal {
		return
	}
	s.silent(s.two("silent when both sides break down alike", 4+s.n+2, play(x.clean, x.strong, 4, math.MaxInt), play(x.clean, x.strong, 4, math.MaxInt)))
	if s.t.Type == runbook.DistributionShift {
		return // a shift is one of either side
	}
	s.silent(s.two("silent when stable alone breaks down", 4+s.n+2, play(x.clean, x.strong, 4, math.MaxInt), always(x.clean)))
}

// lowSteps is how long scenes of low traffic are.
const lowSteps = 16

// proofs have so little traffic that the evidence decides: first of a fresh release,
// then of harm that begins late.
func (s *stage) proofs() {
	x := s.subject
	s.critical("low traffic", func(rate float64) scene { return s.fresh(rate, x.proofs[1], x.proofs[0]) })
	s.critical("low traffic, great harm", func(rate float64) scene { return s.fresh(rate, x.clean, x.strong) })
	level := int(5 * time.Minute / s.b.Metrics.Interval.Std())
	s.late(level)
	if s.signal.name == trafficSignal {
		return
	}
	s.between("unequal stable pods", 1, plenty, func(alike float64) scene {
		sc := s.fresh(plenty/100, x.clean, x.strong)
		for i := range sc.pods {
			if p := &sc.pods[i]; p.role == runbook.Stable {
				p.mix = always(blend(x.clean, x.strong, float64(i%2)/alike))
			}
		}
		return sc
	})
	s.critical("two stable pods", func(rate float64) scene {
		return scene{steps: lowSteps, pods: append(crew(runbook.Candidate, 8, rate, always(x.strong)), crew(runbook.Stable, 2, 3*rate, always(x.clean))...)}
	})
}

// fresh is a release that is harmful from its start.
func (s *stage) fresh(rate float64, stable, candidate []float64) scene {
	return scene{steps: lowSteps, pods: append(crew(runbook.Candidate, 8, rate, always(candidate)), crew(runbook.Stable, 6, rate, always(stable))...)}
}

// late is harm after a long good time, which the trailing windows find: one of them, or
// that of the trigger where the effect needs all of it. A good time that must be short is
// better than stable's where it can be, so that the evidence of the release finds nothing.
func (s *stage) late(level int) {
	x, from, lasts := s.subject, 2*level, level
	before := x.proofs[1]
	if level > mostSteps/3 {
		from = level * 3 / 2
		if s.b.kindOf(s.signal) == countersKind && !s.signal.family.fewer() {
			before = s.spotless()
		}
	}
	harm := func(rate float64, from, lasts int) scene {
		return scene{steps: from + lasts - 1, pods: append(crew(runbook.Candidate, 8, rate, play(before, x.proofs[0], from, math.MaxInt)), crew(runbook.Stable, 6, rate, always(x.proofs[1]))...)}
	}
	if v, err := s.b.judged(s.t, s.balanced(harm(plenty, from, lasts))); err == nil && firing(v) == 0 {
		from, lasts = 2*s.n, s.n
	}
	s.critical("harm begins late", func(rate float64) scene { return harm(rate, from, lasts) })
}

// samples are about the least number of samples of a trigger without evidence.
func (s *stage) samples() {
	x := s.subject
	s.critical("few samples of the candidate", func(rate float64) scene {
		return scene{steps: s.n + 6, pods: append(crew(runbook.Candidate, 3, rate, always(x.strong)), crew(runbook.Stable, 4, plenty, always(x.clean))...)}
	})
	s.critical("few samples of stable", func(rate float64) scene {
		return scene{steps: s.n + 6, pods: append(crew(runbook.Candidate, 3, plenty, always(x.strong)), crew(runbook.Stable, 4, rate, always(x.clean))...)}
	})
	s.fires(s.two("fires once it was true for most of the window since the release began", s.n+6, always(x.clean), always(x.strong)))
	from := s.n + 3
	s.silent(s.two("silent when harm pauses", from+s.n+2, always(x.clean), func(step int) []float64 {
		if step < from || step >= from+s.n-4 && step < from+s.n {
			return x.clean
		}
		return x.strong
	}))
	after := s.two("fires once most of the window was seen since a daemon fell silent", 3*s.n, always(x.clean), play(x.clean, x.strong, s.n, math.MaxInt))
	after.silent = [2]int{s.n, 2*s.n - 1}
	s.fires(after)
}

func blend(a, b []float64, much float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i]*(1-much) + b[i]*much
	}
	return out
}

// pods are about the guard against a single pod.
func (s *stage) pods() {
	x, from := s.subject, s.n+3
	if x.unguarded {
		return
	}
	stable := crew(runbook.Stable, 4, plenty, always(x.clean))
	one := crew(runbook.Candidate, 3, plenty, always(x.clean))
	one[0].mix = play(x.clean, x.strong, from, math.MaxInt)
	one[0].rate = 10 * plenty
	s.silent(scene{name: "silent when one pod of three does all the harm", steps: from + s.n + 2, pods: append(one, stable...)})
	s.fires(scene{name: "fires for a candidate of one pod", steps: lowSteps + s.n,
		pods: append(crew(runbook.Candidate, 1, plenty, always(x.strong)), stable...)})
	if !s.signal.family.guarded || !s.t.Proved() {
		s.shared()
		return
	}
	s.critical("little evidence without one of two pods", func(rate float64) scene {
		pods := append(crew(runbook.Candidate, 2, rate, always(x.strong)), crew(runbook.Stable, 4, rate, always(x.clean))...)
		pods[0].rate = 2 * rate
		return scene{steps: lowSteps, pods: pods}
	})
}

// shared has one pod do most of the harm, and another just enough, or closely too
// little, for what remains without the first. The other begins late, so that a longer
// window holds something else; but not where the guard is read by increase, which sees one
// growth less than the reference.
func (s *stage) shared() {
	x, from := s.subject, s.n+3
	if s.signal.parts != nil {
		from = 1
	}
	at := func(much float64) scene {
		pods := append(crew(runbook.Candidate, 2, plenty, play(x.clean, blend(x.clean, x.strong, much), from, math.MaxInt)), crew(runbook.Stable, 4, plenty, always(x.clean))...)
		pods[0].mix, pods[0].rate = always(x.strong), 4*plenty
		return scene{steps: from + s.n + lowSteps, pods: pods}
	}
	s.between("one pod does most of the harm", 0, 1, at)
}

// faults are what happens to scrapes and pods.
func (s *stage) faults() {
	x, from := s.subject, s.n+3
	reset := append(crew(runbook.Candidate, 3, plenty, always(x.clean)), crew(runbook.Stable, 4, plenty, always(x.clean))...)
	reset[0].reset, reset[4].reset = 6, 7
	s.silent(scene{name: "silent when counters begin anew", steps: 6 + s.n, pods: reset})
	main := s.subject.pairs[0]
	harm := scene{name: "fires as soon although a scrape is lost", steps: from + s.n + instantSteps,
		pods: append(crew(runbook.Candidate, 1, 3*plenty, play(main.near, main.over, from, math.MaxInt)), crew(runbook.Stable, 4, plenty, always(main.stable))...)}
	whole, err := s.b.judged(s.t, harm)
	if err != nil {
		s.err = err
		return
	}
	for i := range harm.pods {
		harm.pods[i].lost = from + s.n/2
	}
	lost, err := s.b.judged(s.t, harm)
	if d := firing(lost) - firing(whole); err != nil || d > 1 {
		s.missing = append(s.missing, fmt.Sprintf("a lost scrape delays by %d evaluations", d))
		return
	}
	s.fires(harm)
}

// fires asserts the alert at its first evaluation and not before, with every label and
// annotation; and if it ends in the scene, that it keeps firing for as long as it may.
func (s *stage) fires(sc scene) {
	sc = s.balanced(sc)
	verdicts, err := s.b.judged(s.t, sc)
	if err != nil {
		s.err = err
		return
	}
	at := firing(verdicts)
	if at == 0 {
		s.missing = append(s.missing, "scene \""+sc.name+"\": the reference does not fire in it")
		return
	}
	asserts := []unitAssert{{step: at - 1, alert: s.alert.alert}, s.sounds(at, verdicts[at-1].Effect)}
	last := at
	for last < sc.steps && verdicts[last].Fires() {
		last++
	}
	if last+keepSteps+1 <= sc.steps && firing(verdicts[last:]) == 0 {
		asserts = append(asserts, s.sounds(last, verdicts[last-1].Effect), s.sounds(last+keepSteps, verdicts[last-1].Effect),
			unitAssert{step: last + keepSteps + 1, alert: s.alert.alert})
	}
	if len(asserts) == 2 {
		sc.steps = at // nothing is asked later
	}
	s.add(sc, asserts)
}

func (s *stage) sounds(step int, effect float64) unitAssert {
	a, err := s.b.unitAlert(s.alert, map[string]string{"region": s.b.theRegion(), "release": unitRelease}, effect)
	if err != nil {
		s.err = err
	}
	return unitAssert{step: step, alert: s.alert.alert, want: []unitAlert{a}}
}

func (s *stage) silent(sc scene) {
	sc = s.balanced(sc)
	verdicts, err := s.b.judged(s.t, sc)
	if err != nil {
		s.err = err
		return
	}
	if at := firing(verdicts); at > 0 {
		s.missing = append(s.missing, fmt.Sprintf("scene %q: the reference fires in it at step %d", sc.name, at))
		return
	}
	s.add(sc, never(s.alert.alert, sc.steps))
}

// balanced gives the candidate of a starved trigger's scene the traffic that its weight
// asks for, before its mix takes away from it.
func (s *stage) balanced(sc scene) scene {
	if s.signal.name != trafficSignal {
		return sc
	}
	var rates [2]float64
	for _, p := range sc.pods {
		rates[sideIndex(p.role)] += p.rate
	}
	pods := slices.Clone(sc.pods)
	for i := range pods {
		if pods[i].role == runbook.Candidate {
			pods[i].rate *= rates[1] / rates[0] * candidateWeight / (100 - candidateWeight)
		}
	}
	sc.pods = pods
	return sc
}

// critical looks for the traffic at which the scene just fires, and asserts silence
// with closely less, and the alert with closely more.
func (s *stage) critical(name string, at func(rate float64) scene) {
	s.between(name, 0.01, plenty, at)
}

// between looks for the value at which the scene just fires, by halving in proportion
// or, from 0, in size.
func (s *stage) between(name string, low, high float64, at func(float64) scene) {
	fires := func(v float64) bool {
		verdicts, err := s.b.judged(s.t, s.balanced(at(v)))
		if err != nil {
			s.err = err
		}
		return firing(verdicts) > 0
	}
	if fires(low) || !fires(high) {
		s.missing = append(s.missing, "scene \""+name+"\": nothing decides in it")
		return
	}
	for high-low > 0.0005*high {
		mid := math.Sqrt(low * high)
		if low == 0 {
			mid = high / 2
		}
		if fires(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	margin := closely / 2 // more where counts are so small that their rounding matters
	for margin < 8*closely && (!fires(high*(1+margin)) || fires(low*(1-margin))) {
		margin *= 2
	}
	over, under := at(high*(1+margin)), at(low*(1-margin))
	over.name, under.name = name+": fires with closely enough", name+": silent with closely too little"
	s.fires(over)
	s.silent(under)
}

func (s *stage) add(sc scene, asserts []unitAssert) {
	series, err := s.b.sceneSeries(s.signal, sc)
	if err != nil {
		s.err = err
		return
	}
	s.cases = append(s.cases, unitCase{name: sc.name, series: append(s.b.releaseSeries(sc), series...), asserts: asserts, long: sc.steps > mostSteps})
}
