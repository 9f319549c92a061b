package rules

import "slices"

// sides take one side's series of this signal away while all else is healthy: the
// trigger is silent and its companion tells, at the very evaluation its patience ends.
func (s *stage) sides() {
	var signals []signal
	patience := 0
	for _, other := range s.b.signals() {
		if other.quantile == 0 && other.all.series == "" {
			s.missing = append(s.missing, "a side is missing: no scenes are known for signal "+other.name)
			return
		}
		if other.name == s.signal.name {
			patience = int(s.b.patience(other) / s.b.Metrics.Interval)
		}
		signals = append(signals, other)
	}
	for _, gone := range []Role{Candidate, Stable} {
		s.sideless(signals, gone, patience)
	}
	s.twoReleases(signals)
}

func (s *stage) sideless(signals []signal, gone Role, patience int) {
	steps := patience + 3
	series := s.b.roleSeries(unitRelease, steps)
	for _, other := range signals {
		sc := s.b.peace(other, steps)
		if other.name == s.signal.name {
			sc.pods = slices.DeleteFunc(sc.pods, func(p scenePod) bool { return p.role == gone })
		}
		some, err := s.b.sceneSeries(other, sc)
		if err != nil {
			s.err = err
			return
		}
		series = appendNew(series, some)
	}
	a, err := s.b.blindAlert(map[string]string{"region": s.b.theRegion(), "release": unitRelease, "role": string(gone)})
	if err != nil {
		s.err = err
		return
	}
	blind := alertName(s.b.Service, "Blind")
	s.cases = append(s.cases, unitCase{name: "blind, and not firing, without the " + string(gone) + " side", series: series,
		asserts: append(never(s.alert.alert, steps),
			unitAssert{step: patience - 1, alert: blind}, unitAssert{step: patience, alert: blind, want: []unitAlert{a}})})
}

// twoReleases have two daemons disagree in the middle of great harm.
func (s *stage) twoReleases(signals []signal) {
	steps, x := s.n+6, s.subject
	sc := scene{steps: steps, pods: append(crew(Candidate, 3, plenty, always(x.strong)), crew(Stable, 4, plenty, always(x.clean))...)}
	series, err := s.b.sceneSeries(s.signal, sc)
	if err != nil {
		s.err = err
		return
	}
	a, err := s.b.blindAlert(map[string]string{"region": s.b.theRegion()})
	if err != nil {
		s.err = err
		return
	}
	series = append(append(s.b.roleSeries(unitRelease, steps), s.b.roleSeries("r2", steps)...), series...)
	s.cases = append(s.cases, unitCase{name: "blind, and not firing, while daemons name two releases", series: series,
		asserts: append(never(s.alert.alert, steps), unitAssert{step: steps, alert: alertName(s.b.Service, "Blind"), want: []unitAlert{a}})})
}

// peace is traffic of both sides in which nothing happens.
func (b *book) peace(s signal, steps int) scene {
	mix := share(0.01)
	if s.quantile > 0 {
		mix = make([]float64, len(b.Metrics.Latency.Buckets)+1)
		mix[len(mix)/2] = 1
	}
	return scene{steps: steps, pods: append(crew(Candidate, 3, plenty, always(mix)), crew(Stable, 4, plenty, always(mix))...)}
}

// appendNew adds the series that are not there: signals may share a counter.
func appendNew(to, more []unitSeries) []unitSeries {
	for _, s := range more {
		if !slices.ContainsFunc(to, func(have unitSeries) bool { return have.series == s.series }) {
			to = append(to, s)
		}
	}
	return to
}
