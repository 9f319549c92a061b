package promtest

import (
	"fmt"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// blindCases timeline peace on both sides, and leave something out.
func (b *compiled) blindCases() ([]testCase, error) {
	s := &scenario{b: b, alert: b.alert(rules.BlindTrigger)}
	longest, shortest, silence := 0, mostSteps, mostSteps
	for _, window := range b.windows() {
		patience := rules.Patience(b.Metrics.Step(), window)
		n := int(patience / b.Metrics.Step())
		longest, shortest = max(longest, n), min(shortest, n)
		if patience > window { // the level is asked for as it was, up to its last moment
			n--
		}
		silence = min(silence, n)
	}
	told := int(rules.Patience(b.Metrics.Step(), 0) / b.Metrics.Step())
	if longest == 0 || longest > mostSteps/4 {
		return nil, fmt.Errorf("the windows are too long for promtool")
	}
	steps := longest + 6
	at := b.open(steps, 0)
	whole := func(skip ...runbook.Role) []series { return s.peace(at, steps, "", skip...) }
	s.quiet("silent while both sides tell everything", whole(), steps)
	for _, gone := range []runbook.Role{runbook.Candidate, runbook.Stable} {
		s.blind(fmt.Sprintf("fires when the %s side has no series", gone), whole(gone), string(gone), shortest)
		// A rate is known as long as two samples lie in its range.
		last := shortest + 3
		fallen := merged(s.peace(at, last+longest+6, "", gone), s.peace(at, last, ""))
		s.blind(fmt.Sprintf("fires when the %s side falls silent", gone), fallen, string(gone), last-1+silence)
	}
	none := at
	none.weights = [2]float64{0, 100}
	s.quiet("silent about a side that should get nothing", s.peace(none, steps, "", runbook.Candidate), steps)
	over := b.open(steps, told-1)
	s.quiet("silent once the release is over", s.peace(over, steps, "", runbook.Candidate), steps)
	if names := b.significant(); len(names) > 0 {
		s.blind("fires when the daemon does not tell the significance of "+names[len(names)-1], s.peace(at, steps, names[len(names)-1]), string(runbook.Candidate), told)
	}
	two := at
	two.release = "r2"
	s.both("fires when daemons name two releases", append(whole(), b.roles(two)...))
	return s.cases, s.err
}

// peace is the release and everything that is asked for, but the significance of one
// trigger and the series of some sides.
func (s *scenario) peace(at exported, steps int, without string, gone ...runbook.Role) []series {
	series := s.b.roles(at)
	for _, t := range append(s.b.Triggers[:len(s.b.Triggers):len(s.b.Triggers)], runbook.Trigger{Type: runbook.ErrorRate, Above: 0.05}) {
		if t.Comparative() && t.Name != without && t.Name != "" {
			series = append(series, s.b.significance(at, t.Name, 0.5))
		}
		if t.Absolute() || t.Type == runbook.Anomaly {
			continue
		}
		good, err := s.b.peaceful(t)
		if err != nil {
			s.err = err
			continue
		}
		for _, role := range []runbook.Role{runbook.Candidate, runbook.Stable} {
			if len(gone) > 0 && gone[0] == role {
				continue
			}
			more, err := kinds[t.Type].series(s.b, t, role, timeline{good, good, 1}, steps)
			if err != nil {
				s.err = err
			}
			series = merged(series, more)
		}
	}
	return series
}

func (s *scenario) quiet(name string, series []series, steps int) {
	s.cases = append(s.cases, testCase{name: name, series: series, asserts: silent(s.alert.Alert, steps)})
}

// blind fires about one side.
func (s *scenario) blind(name string, series []series, role string, first int) {
	s.fires(name, series, map[string]string{"region": s.b.theRegion(), "release": releaseID, "role": role}, first)
}

// both is about a region alone. The count must have been two for as long as it looks back,
// of which nothing is known before the first step.
func (s *scenario) both(name string, series []series) {
	s.fires(name, series, map[string]string{"region": s.b.theRegion()}, 0)
}

func (s *scenario) fires(name string, series []series, labels map[string]string, first int) {
	a, err := s.b.fired(s.alert, labels, 0)
	if err != nil {
		s.err = err
		return
	}
	c := testCase{name: name, series: series, asserts: []assertion{{first, s.alert.Alert, []firing{a}}}}
	if first > 0 {
		c.asserts = append([]assertion{{first - 1, s.alert.Alert, nil}}, c.asserts...)
	}
	s.cases = append(s.cases, c)
}

// windows are over what times the levels look that may not be silent: all but the
// traffic's, for getting nothing is what that looks for, and gauges. Where nothing else is
// compared, the traffic is asked for all the same.
func (b *compiled) windows() (out []runbook.Duration) {
	compared := false
	for _, t := range b.Triggers {
		k := kinds[t.Type]
		if t.Absolute() || k.edges == nil || k.traffic {
			continue
		}
		compared = true
		if !k.gauge {
			out = append(out, t.EffectWindow(b.Metrics.Step()))
		}
	}
	if !compared {
		return []runbook.Duration{rules.Patience(b.Metrics.Step(), 0)}
	}
	return out
}

// significant are the triggers of which the daemon must tell the significance.
func (b *compiled) significant() (out []string) {
	for _, t := range b.Triggers {
		if t.Comparative() {
			out = append(out, t.Name)
		}
	}
	return out
}
