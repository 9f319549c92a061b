package rules

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/autorollback/autorollback/runbook"
)

// blindFrom is the step at which a side falls silent, or a second release appears.
const blindFrom = 4

// sides take one side's series of this signal away while all else is healthy: the
// trigger is silent and its companion tells, from the very evaluation at which its
// patience ends until the side is back.
func (s *stage) sides() {
	if s.signal.name == trafficSignal {
		return // getting nothing is what it looks for
	}
	s.sideless(runbook.Candidate, blindFrom)
	s.sideless(runbook.Stable, 0)
	s.twoReleases()
	s.weightless()
	s.over()
}

// alike are the signals that lose their series together with this one.
func (s *stage) alike(other signal) bool {
	if other.name == s.signal.name || s.b.kindOf(other) == latencyKind && s.b.kindOf(s.signal) == latencyKind {
		return true
	}
	mine, _, _ := s.b.invent(s.signal.all.series)
	theirs, _, _ := s.b.invent(other.all.series)
	if other.name == trafficSignal {
		theirs = s.b.Metrics.Requests.Counter
	}
	return mine != "" && mine == theirs
}

// patience is how many intervals of silence the companion bears.
func (s *stage) patience() int {
	least := math.MaxInt
	for _, other := range s.b.signals() {
		if other.name != trafficSignal && s.alike(other) {
			least = min(least, int(s.b.patience(other)/s.b.Metrics.Interval))
		}
	}
	return least
}

// silence is the series of all signals while one side does not report on this one, from
// a step on for some others.
func (s *stage) silence(gone runbook.Role, from, gap, steps int) []unitSeries {
	var out []unitSeries
	for _, other := range s.b.signals() {
		sc := s.b.peace(other, steps)
		if s.alike(other) {
			for i := range sc.pods {
				if sc.pods[i].role == gone {
					sc.pods[i].lost, sc.pods[i].gap = from, gap
				}
			}
		}
		some, err := s.b.sceneSeries(other, sc)
		if err != nil {
			s.err = err
			return nil
		}
		out = appendNew(out, some)
	}
	return out
}

// sideless takes a side away from a step on; 0: it was never there.
func (s *stage) sideless(gone runbook.Role, from int) {
	patience := s.patience()
	back := from + patience + 3
	steps := back + keepSteps + 1
	name, first := "blind, and not firing, when the "+string(gone)+" side falls silent", from-1+patience
	series := s.silence(gone, from, back-from, steps)
	if from == 0 {
		name, first = "blind, and not firing, while the "+string(gone)+" side never reports", patience
		series = s.silence(gone, 1, back-1, steps)
	}
	s.blind(name, append(s.b.roleSeries(unitRelease, steps), series...), steps,
		map[string]string{"region": s.b.theRegion(), "release": unitRelease, "role": string(gone)}, first, back+keepSteps)
}

// blind adds a case in which the trigger is silent, and its companion fires from one
// step to another.
func (s *stage) blind(name string, series []unitSeries, silent int, labels map[string]string, first, last int) {
	a, err := s.b.blindAlert(labels)
	if err != nil {
		s.err = err
		return
	}
	blind := alertName(s.b.Service, "Blind")
	s.cases = append(s.cases, unitCase{name: name, series: series, asserts: append(never(s.alert.alert, silent),
		unitAssert{step: first - 1, alert: blind}, unitAssert{step: first, alert: blind, want: []unitAlert{a}},
		unitAssert{step: last, alert: blind, want: []unitAlert{a}}, unitAssert{step: last + 1, alert: blind})})
}

// trickle is less than one opportunity of a side in any window.
const trickle = 1.0 / 1024

// weightless: a side that should get nothing may be silent, and one that gets hardly
// anything is not blind.
func (s *stage) weightless() {
	steps := blindFrom + s.patience() + 2
	series := s.b.roleSeries(unitRelease, steps)
	series[0].values = fmt.Sprintf("0+0x%d", steps) // the candidate's weight
	for _, other := range s.b.signals() {
		sc := s.b.peace(other, steps)
		if s.alike(other) {
			for i := range sc.pods {
				sc.pods[i].rate = trickle * 4
				if sc.pods[i].role == runbook.Candidate {
					sc.pods[i].lost, sc.pods[i].gap = blindFrom, steps
				}
			}
		}
		some, err := s.b.sceneSeries(other, sc)
		if err != nil {
			s.err = err
			return
		}
		series = appendNew(series, some)
	}
	s.cases = append(s.cases, unitCase{name: "not blind to a trickle, nor to a side that should get nothing", series: series,
		asserts: never(alertName(s.b.Service, "Blind"), steps)})
}

// over: when the release ends in the middle of harm, nothing is recorded any more.
func (s *stage) over() {
	const ends = 6
	x, steps := s.subject, ends
	sc := scene{steps: steps, pods: append(crew(runbook.Candidate, 3, plenty, always(x.strong)), crew(runbook.Stable, 4, plenty, always(x.clean))...)}
	series, err := s.b.sceneSeries(s.signal, sc)
	if err != nil {
		s.err = err
		return
	}
	roles := s.b.roleSeries(unitRelease, ends)
	for i := range roles {
		first, _, _ := cutNumber(roles[i].values)
		roles[i].values = fmt.Sprintf("%s+0x%d stale", first, ends-1)
	}
	s.cases = append(s.cases, unitCase{name: "nothing is recorded when the release is over", series: append(roles, series...), empty: steps})
}

// twoReleases have two daemons disagree in the middle of great harm, until one gives in.
func (s *stage) twoReleases() {
	x, patience := s.subject, int(s.b.patience(signal{})/s.b.Metrics.Interval)
	until := blindFrom + patience + 2
	steps := until + keepSteps + 1
	harm := play(x.clean, x.strong, blindFrom, math.MaxInt)
	sc := scene{steps: steps, pods: append(crew(runbook.Candidate, 3, plenty, harm), crew(runbook.Stable, 4, plenty, always(x.clean))...)}
	series, err := s.b.sceneSeries(s.signal, sc)
	if err != nil {
		s.err = err
		return
	}
	series = append(append(s.b.roleSeries(unitRelease, steps), s.b.secondRelease("r2", blindFrom, until)...), series...)
	for _, other := range s.b.signals() {
		if s.alike(other) {
			continue
		}
		some, err := s.b.sceneSeries(other, s.b.peace(other, steps))
		if err != nil {
			s.err = err
			return
		}
		series = appendNew(series, some)
	}
	s.blind("blind, and not firing, while daemons name two releases", series, until-1,
		map[string]string{"region": s.b.theRegion()}, blindFrom+patience-1, until-1+keepSteps)
}

// secondRelease is named from a step on, and no more from another on.
func (b *book) secondRelease(release string, from, until int) []unitSeries {
	series := b.roleSeries(release, 0)
	for i := range series {
		first, _, _ := cutNumber(series[i].values)
		series[i].values = fmt.Sprintf("_x%d %s+0x%d stale", from, first, until-from-1)
	}
	return series
}

// cutNumber takes the number at the head of values apart.
func cutNumber(values string) (number, rest string, ok bool) {
	i := slices.IndexFunc([]byte(values), func(c byte) bool { return c != '.' && (c < '0' || c > '9') })
	if i < 0 {
		return values, "", true
	}
	_, err := strconv.ParseFloat(values[:i], 64)
	return values[:i], values[i:], err == nil
}

// peace is traffic of both sides in which nothing happens.
func (b *book) peace(s signal, steps int) scene {
	mix := share(0.01)
	switch b.kindOf(s) {
	case latencyKind:
		mix = make([]float64, len(b.Metrics.Latency.Buckets)+1)
		mix[len(mix)/2] = 1
	case valuesKind:
		d, _ := b.Metrics.Distribution(distributionOf(s))
		mix = shiftsOf(d, 0).clean
	case featuresKind:
		mix = missingSubject(0).clean
	}
	return scene{steps: steps, pods: append(crew(runbook.Candidate, 3, plenty, always(mix)), crew(runbook.Stable, 4, plenty, always(mix))...)}
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
