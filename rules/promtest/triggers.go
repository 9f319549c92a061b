package promtest

import (
	"fmt"
	"strings"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// keeps is for how many intervals an alert goes on after the last time it was true.
const keeps = 4

// A scenario writes the tests of one trigger: scenarios of one trigger.
type scenario struct {
	b     *compiled
	t     runbook.Trigger
	kind  kind
	alert rules.Rule
	n     int // intervals in the window of the effect
	turn  int // the last step that is good
	first int // the first step at which the alert fires, once the candidate turned
	cases []testCase
	err   error
}

func (b *compiled) triggerCases(t runbook.Trigger) ([]testCase, error) {
	switch {
	case t.Absolute():
		return b.absoluteCases(t)
	case t.Type == runbook.Anomaly:
		return b.anomalyCases(t)
	}
	s := b.scenario(t)
	edges, err := s.kind.edges(b, t)
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
	if s.kind.more != nil {
		s.kind.more(s, edges[0])
	}
	return s.cases, s.err
}

// scenario knows when a trigger fires whose candidate turns from good to closely over: a
// range of n intervals holds n samples, and tells what happened in n-1 intervals.
func (b *compiled) scenario(t runbook.Trigger) *scenario {
	s := &scenario{b: b, t: t, kind: kinds[t.Type], alert: b.alert(t.Name), n: int(t.EffectWindow(b.Metrics.Step()) / b.Metrics.Step())}
	s.turn = s.n + 1
	if s.kind.traffic { // not right after a weight moved
		s.turn++
	}
	s.first = s.turn + s.n - 1
	if s.kind.gauge {
		s.first = s.turn + 1
	}
	if t.Lasting() {
		s.first += int((t.For + b.Metrics.Step() - 1) / b.Metrics.Step())
	}
	return s
}

// cross plays both sides of an edge: over it the alert fires at its time, and ends with
// the release.
func (s *scenario) cross(e edge) {
	over := s.first + 3
	good := e.good
	if !s.kind.traffic && !s.kind.gauge {
		good = good.times(0.5) // events and opportunities must be of the same window
	}
	s.add("fires closely over "+e.name+", until the release is over", s.playing(e.stable, timeline{good, e.over, s.turn}, over+keeps+2, over, 1), e.value, s.first, over-1+keeps)
	steps := s.first + 6
	s.add("silent closely under "+e.name, s.playing(e.stable, timeline{e.good, e.under, s.turn}, steps, 0, 1), 0, 0, steps)
}

func (s *scenario) withoutSignificance(e edge) {
	if !s.t.Comparative() {
		return
	}
	steps := s.first + 6
	bad := timeline{e.good, e.over, s.turn}
	s.add("silent while the daemon finds it not significant", s.playing(e.stable, bad, steps, 0, 1-closely), 0, 0, steps)
	s.add("silent while the daemon tells no significance", s.playing(e.stable, bad, steps, 0, 0), 0, 0, steps)
}

// withoutSide plays what is over the edge, of one side alone. A candidate without series
// gets nothing of the traffic.
func (s *scenario) withoutSide(e edge) {
	steps := s.first + 6
	bad := timeline{e.over, e.over, s.turn}
	if s.kind.traffic {
		s.add("fires when the candidate has no series", s.sides(e.stable, nil, steps, 0, 1), 0, 1, 0)
	} else {
		s.add("silent when the candidate has no series", s.sides(e.stable, nil, steps, 0, 1), 0, 0, steps)
	}
	if !s.kind.gauge { // a candidate's drift is its own
		s.add("silent when the stable side has no series", s.sides(nil, &bad, steps, 0, 1), 0, 0, steps)
	}
}

// weightMoves: while the weight moves nobody knows what the candidate should get.
func (s *scenario) weightMoves(e edge) {
	const moved = 3
	first := moved - 1 + s.n + rules.Settled
	steps := first + 4
	if first < s.n {
		return
	}
	bad := timeline{e.over, e.over, 1}
	at := s.b.open(steps, 0)
	at.moved = moved
	series := s.b.roles(at)
	series = append(series, s.b.significance(at, s.t.Name, 1))
	series = append(series, s.side(runbook.Stable, timeline{e.stable, e.stable, 1}, steps)...)
	series = append(series, s.side(runbook.Candidate, bad, steps)...)
	s.add("silent until the weight has stood still", series, e.value, first, 0)
}

// expires: a score that nobody renews says nothing once it is too old.
func (s *scenario) expires(e edge) {
	every := s.b.Metrics.Step()
	old := int((s.b.Metrics.Drift.MaxAge + every - 1) / every)
	if steps := old + keeps + 2; old > s.first && steps < mostSteps {
		series := s.playing(e.stable, timeline{e.over, e.over, 1}, steps, 0, 0)
		name, _, _ := strings.Cut(runbook.Series(s.b.Metrics.Drift.LastRun, "\x00"), "\x00")
		for i := range series {
			if strings.HasPrefix(series[i].name, name) {
				series[i].values = fmt.Sprintf("0+0x%d", steps)
			}
		}
		first := int((s.t.For + every - 1) / every)
		s.add("fires until the score is too old", series, e.value, first, old-1+keeps)
	}
}

// playing is the series of a scene: the release, the significance unless it is 0, and
// both sides.
func (s *scenario) playing(stable mix, candidate timeline, steps, over int, significance float64) []series {
	return s.sides(stable, &candidate, steps, over, significance)
}

func (s *scenario) sides(stable mix, candidate *timeline, steps, over int, significance float64) []series {
	at := s.b.open(steps, over)
	series := s.b.roles(at)
	if significance > 0 && s.t.Comparative() {
		series = append(series, s.b.significance(at, s.t.Name, significance))
	}
	if stable != nil {
		series = append(series, s.side(runbook.Stable, timeline{stable, stable, 1}, steps)...)
	}
	if candidate != nil {
		series = append(series, s.side(runbook.Candidate, *candidate, steps)...)
	}
	return series
}

func (s *scenario) side(role runbook.Role, p timeline, steps int) []series {
	series, err := s.kind.series(s.b, s.t, role, p, steps)
	if err != nil {
		s.err = err
	}
	return series
}

// add asserts that the alert fires from the first step to the last, with its value, or
// never; last 0: that it goes on.
func (s *scenario) add(name string, series []series, value float64, first, last int) {
	c := testCase{name: name, series: series}
	if first == 0 {
		c.asserts = silent(s.alert.Alert, last)
		s.cases = append(s.cases, c)
		return
	}
	labels := map[string]string{"region": s.b.theRegion(), "release": releaseID}
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
	fires := []firing{a}
	c.asserts = []assertion{{first - 1, s.alert.Alert, nil}, {first, s.alert.Alert, fires}}
	if last > 0 {
		c.asserts = append(c.asserts, assertion{last, s.alert.Alert, fires}, assertion{last + 1, s.alert.Alert, nil})
	}
	s.cases = append(s.cases, c)
}

func (b *compiled) anomalyCases(t runbook.Trigger) ([]testCase, error) {
	gauge, level, err := b.queue(t)
	if err != nil {
		return nil, err
	}
	s := b.scenario(t)
	s.turn = 2
	s.first = s.turn + 1 + int((t.For+b.Metrics.Step()-1)/b.Metrics.Step())
	played := func(over float64, steps, end int) []series {
		return append(b.roles(b.open(steps, end)), series{gauge, fmt.Sprintf("0+0x%d %s+0x%d", s.turn, plain(over), steps-s.turn-1)})
	}
	over := s.first + 3
	s.add("fires when it was true for its time, until the release is over", played(level*(1+closely), over+keeps+2, over), 1, s.first, over-1+keeps)
	s.add("silent closely under the threshold", played(level*(1-closely), s.first+6, 0), 0, 0, s.first+6)
	s.add("silent without a release", played(level*(1+closely), s.first+6, 1), 0, 0, s.first+6)
	return s.cases, s.err
}
