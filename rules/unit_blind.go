package rules

import (
	"fmt"
	"slices"

	"github.com/autorollback/autorollback/runbook"
)

// blindCases are about the companion of a runbook that compares no sides, or nothing but
// traffic: it asks for requests of each side. Where sides are compared, each trigger has
// such scenes of its own, see [stage.sides].
func (b *book) blindCases() ([]unitCase, error) {
	compares := slices.ContainsFunc(b.signals(), func(s signal) bool { return s.name != trafficSignal })
	if compares || slices.ContainsFunc(b.Triggers, func(t runbook.Trigger) bool { return t.Type == runbook.DriftGauge }) {
		return nil, nil
	}
	s := &blindStage{b: b, requests: b.signalOf(runbook.Trigger{Type: runbook.ErrorRate}), patience: int(b.patience(signal{}) / b.Metrics.Interval)}
	for _, gone := range []runbook.Role{runbook.Candidate, runbook.Stable} {
		back := blindFrom + s.patience + 3
		// increase needs two samples
		s.play(fmt.Sprintf("blind when the %s side falls silent", gone), gone, blindFrom, back, blindFrom-2+s.patience)
		s.play(fmt.Sprintf("blind while the %s side never reports", gone), gone, 1, back, s.patience)
	}
	s.weightless()
	s.twoReleases()
	return s.cases, s.err
}

// A blindStage writes the scenes of the companion alone.
type blindStage struct {
	b        *book
	requests signal
	patience int
	cases    []unitCase
	err      error
}

// scene is peaceful traffic, but for a side whose scrapes are lost from a step on, until
// another. One that is lost at the first step was never there.
func (s *blindStage) scene(steps int, rate float64, gone runbook.Role, from, back int) []unitSeries {
	sc := s.b.peace(s.requests, steps)
	for i := range sc.pods {
		p := &sc.pods[i]
		if p.rate = rate; p.role == gone {
			p.lost, p.gap, p.late = from, back-from, from == 1
		}
	}
	out, err := s.b.sceneSeries(s.requests, sc)
	if err != nil {
		s.err = err
	}
	return out
}

func (s *blindStage) play(name string, gone runbook.Role, from, back, first int) {
	steps := back + keepSteps + 1
	s.add(name, append(s.b.roleSeries(unitRelease, steps), s.scene(steps, plenty, gone, from, back)...),
		map[string]string{"region": s.b.theRegion(), "release": unitRelease, "role": string(gone)}, first, back+keepSteps)
}

func (s *blindStage) add(name string, series []unitSeries, labels map[string]string, first, last int) {
	a, err := s.b.blindAlert(labels)
	if err != nil {
		s.err = err
		return
	}
	blind, fires := alertName(s.b.Service, "Blind"), []unitAlert{a}
	s.cases = append(s.cases, unitCase{name: name, series: series, long: last+1 > mostSteps, asserts: []unitAssert{
		{first - 1, blind, nil}, {first, blind, fires}, {last, blind, fires}, {last + 1, blind, nil}}})
}

// weightless: a side that should get nothing may be silent, and one that gets hardly
// anything is not blind.
func (s *blindStage) weightless() {
	steps := blindFrom + s.patience + 2
	series := s.b.roleSeries(unitRelease, steps)
	series[0].values = fmt.Sprintf("0+0x%d", steps) // the candidate's weight
	s.cases = append(s.cases, unitCase{name: "not blind to a trickle, nor to a side that should get nothing", long: steps > mostSteps,
		series: append(series, s.scene(steps, 4*trickle, runbook.Candidate, blindFrom, steps+1)...), asserts: never(alertName(s.b.Service, "Blind"), steps)})
}

func (s *blindStage) twoReleases() {
	until := blindFrom + s.patience + 2
	steps := until + keepSteps + 1
	series := append(s.b.roleSeries(unitRelease, steps), s.b.secondRelease("r2", blindFrom, until)...)
	s.add("blind while daemons name two releases", append(series, s.scene(steps, plenty, "", 0, 0)...),
		map[string]string{"region": s.b.theRegion()}, blindFrom+s.patience-1, until-1+keepSteps)
}

// renewed are the scenes of the companion about drift scores that nobody renews.
func (g *gaugeStage) renewed() {
	every := g.b.Metrics.Interval
	age := int(max(g.b.Metrics.Drift.MaxAge, g.b.patience(signal{})) / every)
	stops := 4
	back := stops + age + 3
	steps := back + keepSteps + 1
	if steps > mostLong {
		return
	}
	series, err := g.played(func(int) float64 { return g.under }, steps)
	if err != nil {
		g.err = err
		return
	}
	for i := range series {
		if name, _, _ := g.b.invent(series[i].series); name == g.b.Metrics.Drift.LastRun {
			second := num(every.Std().Seconds())
			series[i].values = fmt.Sprintf("0+%[1]sx%[2]d %[3]s+0x%[4]d %[5]s+%[1]sx%[6]d", second, stops, num(float64(stops)*every.Std().Seconds()), back-stops-2,
				num(float64(back)*every.Std().Seconds()), steps-back)
		}
	}
	for _, other := range g.b.signals() {
		some, err := g.b.sceneSeries(other, g.b.peace(other, steps))
		if err != nil {
			g.err = err
			return
		}
		series = appendNew(series, some)
	}
	s := &blindStage{b: g.b}
	s.add("blind when nobody renews the scores", append(g.b.roleSeries(unitRelease, steps), series...),
		map[string]string{"region": g.b.theRegion(), "release": unitRelease, "role": string(runbook.Candidate)}, stops+age, back-1+keepSteps)
	g.cases, g.err = append(g.cases, s.cases...), s.err
}
