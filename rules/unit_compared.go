package rules

import (
	"fmt"
	"math"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// plenty is a pod's opportunities in an interval where proof is no question.
const plenty = 100_000

// quickest is the shortest interval at which harm that begins late is played.
const quickest = 5 * time.Second

// keepSteps is how long an alert keeps firing.
const keepSteps = 4

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
	if _, err := NewReference(b.Runbook, t.Name); err != nil {
		return nil, nil, err
	}
	if !t.Proved() {
		return nil, nil, fmt.Errorf("style threshold has no exact reference")
	}
	subject, err := b.subjectOf(t)
	if err != nil {
		return nil, nil, err
	}
	s := &stage{b: b, t: t, signal: b.signalOf(t), subject: subject, alert: b.alert(t), n: int(t.For / b.Metrics.Interval)}
	s.effects()
	s.proofs()
	s.pods()
	s.faults()
	s.sides()
	return s.cases, s.missing, s.err
}

// effects are about the runbook's own number, with more than enough traffic.
func (s *stage) effects() {
	x, from := s.subject, s.n+3
	until := from + s.n + 3
	two := func(name string, stable, candidate func(int) []float64) scene {
		return scene{name: name, steps: until + s.n + keepSteps + 2,
			pods: append(crew(Candidate, 1, 3*plenty, candidate), crew(Stable, 4, plenty, stable)...)}
	}
	s.fires(two("fires closely above the threshold, and recovers", always(x.clean), play(x.clean, x.over, from, until)))
	s.fires(two("fires early on great harm, and recovers", always(x.clean), play(x.clean, x.strong, from, until)))
	s.silent(two("silent closely below the threshold", always(x.clean), play(x.clean, x.under, from, until+s.n)))
	s.silent(two("silent when both sides break down alike", play(x.clean, x.strong, from, until), play(x.clean, x.strong, from, until)))
	s.silent(two("silent when stable alone breaks down", play(x.clean, x.strong, from, until), always(x.clean)))
	for _, p := range x.pairs {
		worse := p.stableUnder
		if worse == nil {
			worse = p.stable
		}
		s.fires(two(p.name+": fires closely above", always(p.stable), play(p.stable, p.over, from, until)))
		s.silent(two(p.name+": silent closely below", play(p.stable, worse, from, until), play(p.stable, p.under, from, until)))
	}
}

// proofs have so little traffic that the evidence decides: first of a fresh release,
// then of harm that begins late.
func (s *stage) proofs() {
	x := s.subject
	level := int(5 * time.Minute / s.b.Metrics.Interval.Std())
	fresh := func(rate float64) scene {
		return scene{name: "low traffic", steps: s.n + 12,
			pods: append(crew(Candidate, 8, rate, always(x.strong)), crew(Stable, 6, rate, always(x.clean))...)}
	}
	s.critical("low traffic", fresh)
	if s.b.Metrics.Interval >= runbook.Duration(quickest) {
		s.late(level)
	} else {
		s.missing = append(s.missing, "harm that begins late: too many evaluations at an interval of "+s.b.Metrics.Interval.String())
	}
	s.critical("unequal stable pods", func(rate float64) scene {
		sc := fresh(rate)
		for i := range sc.pods {
			if p := &sc.pods[i]; p.role == Stable {
				p.mix = always(blend(x.clean, x.strong, 0.15*float64(i%2)))
			}
		}
		return sc
	})
	s.critical("two stable pods", func(rate float64) scene {
		return scene{steps: s.n + 12, pods: append(crew(Candidate, 8, rate, always(x.strong)), crew(Stable, 2, 3*rate, always(x.clean))...)}
	})
}

// late is harm after a long good time, which the trailing windows find.
func (s *stage) late(level int) {
	x := s.subject
	from := level + level/2
	s.critical("harm begins late", func(rate float64) scene {
		return scene{steps: from + level - 1,
			pods: append(crew(Candidate, 8, rate, play(x.clean, x.strong, from, math.MaxInt)), crew(Stable, 6, rate, always(x.clean))...)}
	})
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
	stable := crew(Stable, 4, plenty, always(x.clean))
	one := crew(Candidate, 3, plenty, always(x.clean))
	one[0].mix = play(x.clean, x.strong, from, math.MaxInt)
	one[0].rate = 10 * plenty
	s.silent(scene{name: "silent when one pod of three does all the harm", steps: from + s.n + 4, pods: append(one, stable...)})
	s.fires(scene{name: "fires for a candidate of one pod", steps: from + s.n,
		pods: append(crew(Candidate, 1, plenty, play(x.clean, x.strong, from, math.MaxInt)), stable...)})
	s.critical("little evidence without one of two pods", func(rate float64) scene {
		pods := append(crew(Candidate, 2, rate, always(x.strong)), crew(Stable, 4, rate, always(x.clean))...)
		pods[0].rate = 2 * rate
		return scene{steps: s.n + 12, pods: pods}
	})
}

// faults are what happens to scrapes and pods.
func (s *stage) faults() {
	x, from := s.subject, s.n+3
	reset := append(crew(Candidate, 3, plenty, always(x.clean)), crew(Stable, 4, plenty, always(x.clean))...)
	reset[0].reset, reset[4].reset = from, from+1
	s.silent(scene{name: "silent when counters begin anew", steps: from + s.n + 4, pods: reset})
	harm := scene{name: "fires as soon although a scrape is lost", steps: from + s.n,
		pods: append(crew(Candidate, 1, 3*plenty, play(x.clean, x.over, from, math.MaxInt)), crew(Stable, 4, plenty, always(x.clean))...)}
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

// critical looks for the traffic at which the scene just fires, and asserts silence
// with closely less, and the alert with closely more.
func (s *stage) critical(name string, at func(rate float64) scene) {
	fires := func(rate float64) bool {
		v, err := s.b.judged(s.t, at(rate))
		if err != nil {
			s.err = err
		}
		return firing(v) > 0
	}
	low, high := 0.01, float64(plenty)
	if fires(low) || !fires(high) {
		s.missing = append(s.missing, "scene \""+name+"\": no traffic decides in it")
		return
	}
	for high/low > 1.0005 {
		if mid := math.Sqrt(low * high); fires(mid) {
			high = mid
		} else {
			low = mid
		}
	}
	over, under := at(high*(1+closely/2)), at(low*(1-closely/2))
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
	s.cases = append(s.cases, unitCase{name: sc.name, series: append(s.b.roleSeries(unitRelease, sc.steps), series...), asserts: asserts})
}
