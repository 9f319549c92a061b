package rules

import (
	"fmt"

	"github.com/autorollback/autorollback/runbook"
)

// keeps is for how many intervals an alert goes on after the last time it was true.
const keeps = 4

// A stage writes the scenes of one trigger.
type stage struct {
	b     *book
	t     runbook.Trigger
	act   act
	alert draft
	n     int // intervals in the window of the effect
	turn  int // the last step that is good
	first int // the first step at which the alert fires, once the candidate turned
	cases []unitCase
	err   error
}

func (b *book) triggerCases(t runbook.Trigger) ([]unitCase, error) {
	switch {
	case t.Absolute():
		return b.absoluteCases(t)
	case t.Type == runbook.Anomaly:
		return b.anomalyCases(t)
	}
	s := b.stage(t)
	edges, err := s.act.edges(b, t)
	if err != nil {
		return nil, err
	}
	if s.first+2*s.n > mostSteps {
		return nil, fmt.Errorf("its window is too long for promtool")
	}
	for _, e := range edges {
		s.cross(e)
	}
	s.withoutSignificance(edges[0])
	s.withoutSide(edges[0])
	if s.act.more != nil {
		s.act.more(s, edges[0])
	}
	return s.cases, s.err
}

// stage knows when a trigger fires whose candidate turns from good to closely over: a
// range of n intervals holds n samples, and tells what happened in n-1 intervals.
func (b *book) stage(t runbook.Trigger) *stage {
	s := &stage{b: b, t: t, act: acts[t.Type], alert: b.alert(t), n: int(t.EffectWindow(b.Metrics.Interval) / b.Metrics.Interval)}
	s.turn = s.n + 1
	if s.act.traffic { // not right after a weight moved
		s.turn++
	}
	s.first = s.turn + s.n - 1
	if s.act.gauge {
		s.first = s.turn + 1
	}
	if t.Lasting() {
		s.first += int((t.For + b.Metrics.Interval - 1) / b.Metrics.Interval)
	}
	return s
}

// cross plays both sides of an edge: over it the alert fires at its time, and ends with
// the release.
func (s *stage) cross(e edge) {
	over := s.first + 3
	good := e.good
	if !s.act.traffic && !s.act.gauge {
		good = good.times(0.5) // events and opportunities must be of the same window
	}
	s.add("fires closely over "+e.name+", until the release is over", s.playing(e.stable, play{good, e.over, s.turn}, over+keeps+2, over, 1), e.value, s.first, over-1+keeps)
	steps := s.first + 6
	s.add("silent closely under "+e.name, s.playing(e.stable, play{e.good, e.under, s.turn}, steps, 0, 1), 0, 0, steps)
}

func (s *stage) withoutSignificance(e edge) {
	if !s.t.Comparative() {
		return
	}
	steps := s.first + 6
	bad := play{e.good, e.over, s.turn}
	s.add("silent while the daemon finds it not significant", s.playing(e.stable, bad, steps, 0, 1-closely), 0, 0, steps)
	s.add("silent while the daemon tells no significance", s.playing(e.stable, bad, steps, 0, 0), 0, 0, steps)
}

// withoutSide plays what is over the edge, of one side alone. A candidate without series
// gets nothing of the traffic.
func (s *stage) withoutSide(e edge) {
	steps := s.first + 6
	bad := play{e.over, e.over, s.turn}
	if s.act.traffic {
		s.add("fires when the candidate has no series", s.sides(e.stable, nil, steps, 0, 1), 0, 1, 0)
	} else {
		s.add("silent when the candidate has no series", s.sides(e.stable, nil, steps, 0, 1), 0, 0, steps)
	}
	if !s.act.gauge { // a candidate's drift is its own
		s.add("silent when the stable side has no series", s.sides(nil, &bad, steps, 0, 1), 0, 0, steps)
	}
}

// weightMoves: while the weight moves nobody knows what the candidate should get.
func (s *stage) weightMoves(e edge) {
	const moved = 3
	first := moved - 1 + s.n + settled
	steps := first + 4
	if first < s.n {
		return
	}
	bad := play{e.over, e.over, 1}
	at := s.b.open(steps, 0)
	at.moved = moved
	series := s.b.roles(at)
	series = append(series, s.b.significance(at, s.t.Name, 1))
	series = append(series, s.side(runbook.Stable, play{e.stable, e.stable, 1}, steps)...)
	series = append(series, s.side(runbook.Candidate, bad, steps)...)
	s.add("silent until the weight has stood still", series, e.value, first, 0)
}

// expires: a score that nobody renews says nothing once it is too old.
func (s *stage) expires(e edge) {
	every := s.b.Metrics.Interval
	old := int((s.b.Metrics.Drift.MaxAge + every - 1) / every)
	if steps := old + keeps + 2; old > s.first && steps < mostSteps {
		series := s.playing(e.stable, play{e.over, e.over, 1}, steps, 0, 0)
		for i := range series {
			if name, _, _ := s.b.invent(series[i].series); name == s.b.Metrics.Drift.LastRun {
				series[i].values = fmt.Sprintf("0+0x%d", steps)
			}
		}
		first := int((s.t.For + every - 1) / every)
		s.add("fires until the score is too old", series, e.value, first, old-1+keeps)
	}
}

// playing is the series of a scene: the release, the significance unless it is 0, and
// both sides.
func (s *stage) playing(stable mix, candidate play, steps, over int, significance float64) []unitSeries {
	return s.sides(stable, &candidate, steps, over, significance)
}

func (s *stage) sides(stable mix, candidate *play, steps, over int, significance float64) []unitSeries {
	at := s.b.open(steps, over)
	series := s.b.roles(at)
	if significance > 0 && s.t.Comparative() {
		series = append(series, s.b.significance(at, s.t.Name, significance))
	}
	if stable != nil {
		series = append(series, s.side(runbook.Stable, play{stable, stable, 1}, steps)...)
	}
	if candidate != nil {
		series = append(series, s.side(runbook.Candidate, *candidate, steps)...)
	}
	return series
}

func (s *stage) side(role runbook.Role, p play, steps int) []unitSeries {
	series, err := s.act.series(s.b, s.t, role, p, steps)
	if err != nil {
		s.err = err
	}
	return series
}

// add asserts that the alert fires from the first step to the last, with its value, or
// never; last 0: that it goes on.
func (s *stage) add(name string, series []unitSeries, value float64, first, last int) {
	c := unitCase{name: name, series: series}
	if first == 0 {
		c.asserts = silent(s.alert.alert, last)
		s.cases = append(s.cases, c)
		return
	}
	labels := map[string]string{"region": s.b.theRegion(), "release": unitRelease}
	if s.t.Absolute() {
		labels = map[string]string{}
		if s.b.Metrics.RegionLabel != "" {
			labels["region"] = s.b.theRegion()
		}
	}
	a, err := s.b.fired(s.alert, labels, value)
	if err != nil {
		s.err = err
		return
	}
	fires := []unitAlert{a}
	c.asserts = []unitAssert{{first - 1, s.alert.alert, nil}, {first, s.alert.alert, fires}}
	if last > 0 {
		c.asserts = append(c.asserts, unitAssert{last, s.alert.alert, fires}, unitAssert{last + 1, s.alert.alert, nil})
	}
	s.cases = append(s.cases, c)
}

func (b *book) anomalyCases(t runbook.Trigger) ([]unitCase, error) {
	gauge, level, err := b.queue(t)
	if err != nil {
		return nil, err
	}
	s := b.stage(t)
	s.turn = 2
	s.first = s.turn + 1 + int((t.For+b.Metrics.Interval-1)/b.Metrics.Interval)
	plays := func(over float64, steps, end int) []unitSeries {
		return append(b.roles(b.open(steps, end)), unitSeries{gauge, fmt.Sprintf("0+0x%d %s+0x%d", s.turn, unitNum(over), steps-s.turn-1)})
	}
	over := s.first + 3
	s.add("fires when it was true for its time, until the release is over", plays(level*(1+closely), over+keeps+2, over), 1, s.first, over-1+keeps)
	s.add("silent closely under the threshold", plays(level*(1-closely), s.first+6, 0), 0, 0, s.first+6)
	s.add("silent without a release", plays(level*(1+closely), s.first+6, 1), 0, 0, s.first+6)
	return s.cases, s.err
}
