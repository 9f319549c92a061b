package rules

import (
	"math"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// A unitValue says what a recorded series holds at the end of a step.
type unitValue struct {
	step   int
	name   string
	labels map[string]string
	want   float64
}

// near reports whether a value is the wanted one, but for rounding.
func (v unitValue) near(got float64) bool { return math.Abs(got-v.want) < v.slack() }

func (v unitValue) slack() float64 { return 1e-4 * max(1, math.Abs(v.want)) }

// mostSteps is how long a case may be that promtool plays; longer ones are played by
// rules test --mutants alone. mostLong is how long those may be.
const mostSteps, mostLong = 150, 1000

// ledgers hold the statistic itself, as it is recorded, against the reference: uneven
// pods, some of which are hardly ever asked, are lost for a while or begin anew. The
// first signal's are as long as it takes to see the longer windows.
func (s *stage) ledgers() {
	every := s.b.Metrics.Interval.Std()
	s.ledger("the books of five minutes", int(5*time.Minute/every)+8, s.unevenPods(0.3))
	s.ledger("the books of plenty", 10, append(crew(runbook.Candidate, 2, plenty, play(s.subject.clean, s.subject.strong, 7, math.MaxInt)), crew(runbook.Stable, 3, plenty, always(s.subject.clean))...))
	if s.signal.name != trafficSignal {
		s.ledger("the books of a drip", 12, s.dripPods(3, s.subject.proofs[1]))
		if s.b.kindOf(s.signal) == countersKind {
			s.ledger("the books of the first moment", 1, s.firstPods())
		}
		s.ledger("the books of two stable pods", 10, s.dripPods(2, s.subject.proofs[1]))
		s.ledger("the books of a spotless stable side", 10, s.dripPods(4, s.spotless()))
	}
	s.extremes()
	if s.signal.countedBefore() {
		s.open(scene{name: "the books of a restless hour before", steps: 10, pods: s.unevenPods(0.3), before: 4321})
	}
	if s.signal.family.guarded {
		s.ledger("the books of one sick pod", 12, s.sickPods())
		s.ledger("the books of stable pods that differ", int(5*time.Minute/every)+10, s.loneStable())
	}
	if s.b.kindOf(s.signal) == latencyKind {
		s.paces()
	}
	first := s.t.Name == s.b.firstProved(signal.any)
	if first || s.t.Name == s.b.firstProved(s.signal.guardedAlike) {
		s.ledger("the books of half an hour of harm", int(30*time.Minute/every)+24, s.harmedPods())
	}
	if s.signal.isMean() || first && s.signal.family.guarded && s.b.kindOf(s.signal) == countersKind {
		s.silences()
	}
	if !first && !s.signal.isMean() {
		return
	}
	s.ledger("the books of half an hour", int(30*time.Minute/every)+24, s.unevenPods(0.02))
	s.ledger("the books of three hours", int(3*time.Hour/every)+60, s.calmingPods())
	if s.signal.family.guarded {
		last := int(70*time.Minute/every) + 8
		s.ledger("the books of two failures of stable", last, s.singleFailures(last))
		s.open(scene{name: "the books of an hour after a restless one", steps: int(time.Hour/every) + 1, pods: s.unevenPods(0.02), before: 4321})
	}
}

// sidesOnly are the ledgers of a trigger without evidence, of which nothing but the
// sums of the sides is recorded.
func (s *stage) sidesOnly() {
	s.ledger("the books of five minutes", int(5*time.Minute/s.b.Metrics.Interval.Std())+8, s.unevenPods(0.3))
	if s.b.kindOf(s.signal) == latencyKind {
		s.paces()
	}
	if s.b.kindOf(s.signal) == countersKind {
		s.ledger("the books of the first events", 6, s.bornPods())
	}
}

// paces are about what counts as slow, which is read from the stable side.
func (s *stage) paces() {
	bounds := s.b.Metrics.Latency.Buckets
	slow := s.b.slowMix(s.t.Quantile, bounds[len(bounds)-1]*0.97)
	pace := play(s.subject.clean, s.subject.pairs[0].near, 5, math.MaxInt)
	s.ledger("the books of a change of pace", int(5*time.Minute/s.b.Metrics.Interval.Std())+8, append(crew(runbook.Candidate, 2, 30, always(s.subject.strong)), crew(runbook.Stable, 4, 30, pace)...))
	s.ledger("the books of a slow stable side", 10, append(crew(runbook.Candidate, 2, 30, always(s.subject.strong)), crew(runbook.Stable, 4, 30, always(slow))...))
}

// bornPods have no series of events before their first; those of stable never have one.
func (s *stage) bornPods() []scenePod {
	out := append(crew(runbook.Candidate, 2, 100, play(s.spotless(), s.subject.strong, 3, math.MaxInt)), crew(runbook.Stable, 3, 100, always(s.spotless()))...)
	for i := range out {
		out[i].born = true
		if s.oneCounter() && out[i].role == runbook.Candidate {
			out[i].alone = 3
		}
	}
	return out
}

// harmedPods are six of the candidate, one of them much worse than the others and one
// better than stable's, whose pods differ for good.
func (s *stage) harmedPods() []scenePod {
	x := s.subject
	var out []scenePod
	for i, harm := range []float64{0.5, 0.12, 0.1, 0.08, 0.07, 0} {
		out = append(out, crew(runbook.Candidate, i+1, 4+float64(i), always(blend(x.clean, x.strong, harm)))[i])
	}
	for i, harm := range []float64{0, 0.01, 0.03, 0.06} {
		out = append(out, crew(runbook.Stable, i+1, 9+float64(i), always(blend(x.clean, x.strong, harm)))[i])
	}
	return out
}

// sickPods are six of the candidate, of which one alone is ill, with so few requests that
// a single event counts.
func (s *stage) sickPods() []scenePod {
	out := append(crew(runbook.Candidate, 6, 0.5, always(s.subject.clean)), crew(runbook.Stable, 4, 0.5, always(blend(s.subject.clean, s.subject.strong, 0.05)))...)
	out[0].mix = always(s.subject.strong)
	return out
}

// spotless is a mix without anything bad.
func (s *stage) spotless() []float64 {
	switch s.b.kindOf(s.signal) {
	case featuresKind:
		return []float64{0, 0, 1}
	case countersKind:
		return share(0)
	}
	return s.subject.clean
}

// dripPods get less than one request between them in an interval.
func (s *stage) dripPods(stable int, level []float64) []scenePod {
	const rate = 0.0625
	out := append(crew(runbook.Candidate, 3, rate, always(s.subject.strong)), crew(runbook.Stable, stable, rate, always(level))...)
	out[0].rate = 2 * rate
	out[3].mix = always(blend(level, s.subject.strong, 0.4))
	if stable > 3 {
		out[3].mix = always(level)
	}
	return out
}

// firstProved names the first trigger with evidence whose signal is one of some, of plain
// counters if there is one: the long windows are the same for all of them.
func (b *book) firstProved(of func(signal) bool) string {
	first := ""
	for _, t := range b.Triggers {
		switch {
		case !t.Proved() || !of(b.signalOf(t)):
		case b.kindOf(b.signalOf(t)) == countersKind && t.Type != runbook.CanaryStarved:
			return t.Name
		case first == "":
			first = t.Name
		}
	}
	return first
}

// unevenPods differ in what they get and in how often it is bad.
func (s *stage) unevenPods(harm float64) []scenePod {
	x, alike := s.subject, s.b.kindOf(s.signal) == latencyKind // its limit is read by rate, which fills gaps
	var out []scenePod
	for i, rate := range []float64{7.25, 3.5, 0.125} {
		out = append(out, crew(runbook.Candidate, i+1, rate, play(blend(x.clean, x.strong, 0.05*float64(i)), blend(x.clean, x.strong, harm), 5, math.MaxInt))[i])
	}
	for i, rate := range []float64{9.5, 12.25, 6.75, 11, 0.25} {
		p := crew(runbook.Stable, i+1, rate, always(x.clean))[i]
		if !alike {
			p.mix = play(blend(x.clean, x.strong, 0.1*float64(i%3)), blend(x.clean, x.strong, 0.06*float64(i%2)), 9, math.MaxInt)
		}
		out = append(out, p)
	}
	out[0].lost, out[0].gap = 4, bridged
	out[4].lost, out[4].gap = 6, bridged+2
	out[6].lost, out[6].gap = 4, bridged
	out[7].mix = play(x.clean, make([]float64, len(x.clean)), 4, math.MaxInt) // and then nothing
	out[1].lost, out[1].gap, out[1].late = 1, bridged+1, true
	out[1].reset, out[5].reset = 9, 10
	if k := s.b.kindOf(s.signal); (k == countersKind || k == featuresKind) && s.signal.name != trafficSignal {
		out[0].born, out[0].mix = true, play(s.spotless(), blend(x.clean, x.strong, 2*harm), 4, math.MaxInt)
		out[1].born, out[1].mix = true, play(s.spotless(), blend(x.clean, x.strong, 2*harm), 6, math.MaxInt)
		out[3].born, out[3].mix = true, always(s.spotless())
		if s.oneCounter() {
			out[0].alone, out[1].alone = 7, 6
		}
	}
	return out
}

// firstPods: one stable pod has a little more than one bad event, the others have none.
func (s *stage) firstPods() []scenePod {
	out := append(crew(runbook.Candidate, 2, 100, always(s.subject.strong)), crew(runbook.Stable, 3, 100, always(s.spotless()))...)
	out[2].mix = always(share(0.013))
	return out
}

// oneCounter reports whether bad ones are among the series of all, told by a label.
func (s *stage) oneCounter() bool {
	all, _, _ := s.b.invent(s.signal.all.series)
	bad, _, _ := s.b.invent(s.signal.bad.series)
	return all == bad && s.b.kindOf(s.signal) == countersKind
}

func (s *stage) ledger(name string, steps int, pods []scenePod) {
	s.open(scene{name: name, steps: steps, pods: pods})
}

func (s *stage) open(sc scene) {
	steps := sc.steps
	s.book(s.balanced(sc), func(r *Reference, v Verdict, _ totals, step int) []unitValue {
		if step == 2 || !s.t.Proved() && step > 2 && step <= 12 || step == 8 || step == 12 || step == steps/2 || step == steps-2 || step == steps {
			return s.entries(r, v, step)
		}
		return nil
	})
}

// book holds what is recorded against what values wants of the reference. before is what
// it had summed up when the daemon fell silent.
func (s *stage) book(sc scene, values func(r *Reference, v Verdict, before totals, step int) []unitValue) {
	if sc.steps > mostLong {
		return
	}
	r, err := s.b.reference(s.t)
	if err != nil {
		s.err = err
		return
	}
	r.heard(sc.before)
	var before totals
	c := unitCase{name: sc.name, long: sc.steps > mostSteps}
	for step := 1; step <= sc.steps; step++ {
		counts := s.b.scraped(r, sc, step)
		if sc.silence(step) {
			if step == sc.silent[0] {
				before = r.totals()
			}
			r.Skip(counts)
			continue
		}
		v := r.Observe(counts)
		c.values = append(c.values, values(r, v, before, step)...)
	}
	if c.series, err = s.b.sceneSeries(s.signal, sc); err != nil {
		s.err = err
		return
	}
	c.series = append(s.b.releaseSeries(sc), c.series...)
	s.cases = append(s.cases, c)
}

// entries are what is recorded at the end of a step.
func (s *stage) entries(r *Reference, v Verdict, step int) []unitValue {
	var out []unitValue
	add := func(name string, want float64, more ...string) {
		if math.IsNaN(want) {
			return
		}
		of := labelsOf(append([]string{"service", s.b.Service, "region", s.b.theRegion(), "release", unitRelease, "signal", s.signal.name}, more...)...)
		out = append(out, unitValue{step: step, name: name, labels: of, want: want})
	}
	if !s.t.Proved() {
		s.sums(r, add)
		return out
	}
	for i, w := range spans() {
		add(seriesEvidence, v.Evidence[i], "window", w.name)
		add(seriesLeastPod, v.WithoutPod[i], "window", w.name)
	}
	if s.signal.name == trafficSignal {
		add(seriesPhi, v.Phi)
		return out
	}
	add(seriesPhi, v.Phi)
	if s.signal.parts != nil {
		return out
	}
	if m := r.means; s.signal.isMean() && m.level > 0 {
		add(seriesMean, m.level)
		for _, role := range []runbook.Role{runbook.Candidate, runbook.Stable} {
			if m.all[sideIndex(role)].last(r.windows[0]) > 0 {
				add(seriesVariance, m.variance[sideIndex(role)], "role", string(role))
			}
		}
	}
	s.sums(r, add)
	if f := s.signal.family; f.guarded {
		out = append(out, s.since(r, totals{}, step)...)
		add(seriesLastingPhi, r.lastingPhi(v.Phi))
		for i, w := range spans() {
			worst, rest := r.worstPods(r.windows[i])
			for k, p := range worst {
				// Which of two alike it is, nobody says.
				if next := append(worst[k+1:len(worst):len(worst)], rest...); w.guarded && (len(next) == 0 || next[0].surplus.last(r.windows[i]) != p.surplus.last(r.windows[i])) {
					add(seriesWorstPods, p.surplus.last(r.windows[i]), "window", w.name, "margin", num(f.null), "role", string(runbook.Candidate), s.b.Metrics.PodLabel, p.name)
				}
			}
		}
		for _, p := range r.pods {
			if p.judged.last(1) > 0 {
				add(seriesPodSurplus, p.surplus.last(1), "margin", num(f.null), "role", string(runbook.Candidate), s.b.Metrics.PodLabel, p.name)
			}
		}
	}
	if r.signal.isMean() && r.judges(0) {
		out = append(out, s.since(r, totals{}, step)...)
	}
	return out
}

// sums are what the sides did in the interval.
func (s *stage) sums(r *Reference, add func(name string, want float64, more ...string)) {
	for _, role := range []runbook.Role{runbook.Candidate, runbook.Stable} {
		all, bad := 0.0, 0.0
		for _, p := range r.pods {
			if p.role == role {
				all, bad = all+p.nowAll, bad+p.nowBad
			}
		}
		add(seriesAll, all, "role", string(role))
		add(seriesBad, bad, "role", string(role))
		add(seriesPods, float64(r.active(role)), "role", string(role))
	}
}
