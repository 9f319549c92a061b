package rules

import (
	"fmt"
	"math"
	"slices"

	"github.com/autorollback/autorollback/runbook"
)

// absoluteCases need no release: the limit is about any version.
func (b *book) absoluteCases(t runbook.Trigger) ([]unitCase, []string, error) {
	if t.Ceiling > 0 && b.native() {
		return nil, nil, fmt.Errorf("no scenes are known for a native histogram")
	}
	l := &limitStage{b: b, t: t, alert: b.alert(t), n: int(t.For / b.Metrics.Interval), least: b.minRequests()}
	if l.n < 3 {
		return nil, nil, fmt.Errorf("its window has fewer than three intervals")
	}
	l.signal = b.signalOf(runbook.Trigger{Type: runbook.ErrorRate})
	above := float64(t.Above)
	l.clean, l.over, l.under, l.strong = share(above/5), share(above*(1+closely)), share(above*(1-closely)), share(min(0.95, 3.93*above))
	if t.Type == runbook.DistributionShift {
		l.signal = b.signalOf(t)
		l.shifted()
	}
	if t.Ceiling > 0 {
		l.signal = signal{quantile: t.Quantile}
		l.least = b.minObserved(t.Quantile)
		if err := l.ceiling(); err != nil {
			return nil, nil, err
		}
	}
	l.scenes()
	return l.cases, l.missing, l.err
}

// A limitStage writes the scenes of an absolute limit.
type limitStage struct {
	b                          *book
	t                          runbook.Trigger
	alert                      draft
	signal                     signal
	n                          int     // intervals in the window
	least                      float64 // requests
	clean, over, under, strong []float64
	cases                      []unitCase
	missing                    []string
	err                        error
}

func (l *limitStage) ceiling() error {
	bounds, at := l.b.Metrics.Latency.Buckets, l.t.Ceiling.Std().Seconds()
	if len(bounds) < 2 || at*(1-closely) <= bounds[0] || at*(1+closely) >= bounds[len(bounds)-1] {
		return fmt.Errorf("the ceiling is outside of the histogram's bounds")
	}
	l.clean, l.strong = make([]float64, len(bounds)+1), make([]float64, len(bounds)+1)
	l.clean[0], l.strong[len(bounds)] = 1, 1
	l.over, l.under = l.b.slowMix(l.t.Quantile, at*(1+closely)), l.b.slowMix(l.t.Quantile, at*(1-closely))
	return nil
}

// shifted moves values from above the middle bound of the reference to below it.
func (l *limitStage) shifted() {
	d, _ := l.b.Metrics.Distribution(l.t.Distribution)
	cut := cutAt(d)[len(cutsOf(d))/2]
	mix := func(more float64) []float64 {
		var out []float64
		last, at := 0.0, float64(d.Reference[cut-1])
		for i, upTo := range append(slices.Clone(d.Reference), 1) {
			share := float64(upTo) - last
			if last = float64(upTo); i < cut {
				share *= 1 + more/at
			} else {
				share *= 1 - more/(1-at)
			}
			out = append(out, share)
		}
		return out
	}
	distance := float64(l.t.Distance)
	room := 1 - float64(d.Reference[cut-1])
	l.clean, l.over, l.under, l.strong = mix(0), mix(distance*(1+closely)), mix(distance*(1-closely)), mix(min(room*0.95, 3.93*distance))
}

// gap is the greatest gap between the shares at or below the picked bounds and those of
// the reference.
func (l *limitStage) gap(buckets []float64, total float64) float64 {
	d, _ := l.b.Metrics.Distribution(l.t.Distribution)
	worst := 0.0
	for _, cut := range cutAt(d) {
		sum := 0.0
		for _, v := range buckets[:cut] {
			sum += v
		}
		worst = max(worst, math.Abs(sum/total-float64(d.Reference[cut-1])))
	}
	return worst
}

func (l *limitStage) scenes() {
	from := l.n + 3
	until := from + l.n + 3
	all := func(name string, rate float64, mix func(int) []float64) scene {
		return scene{name: name, steps: until + l.n + keepSteps + 2, pods: append(crew(runbook.Candidate, 1, rate, mix), crew(runbook.Stable, 2, rate, mix)...)}
	}
	l.play(all("fires closely above the threshold, and recovers", plenty, play(l.clean, l.over, from, until)), true)
	l.play(all("fires early on great harm, and recovers", plenty, play(l.clean, l.strong, from, until)), true)
	l.play(all("silent closely below the threshold", plenty, play(l.clean, l.under, from, until)), false)
	// increase extrapolates n-1 intervals to n
	enough := l.least / float64(l.n) / 3
	l.play(all("fires with closely enough requests", enough*(1+closely), play(l.clean, l.strong, from, until)), true)
	l.play(all("silent with closely too few requests", enough*(1-closely), play(l.clean, l.strong, from, until)), false)
	reset := all("silent when counters begin anew", plenty, always(l.clean))
	reset.pods[0].reset, reset.pods[2].reset = from, from+1
	l.play(reset, false)
	if l.t.Type == runbook.AbsoluteSLO && l.t.Ceiling == 0 {
		l.spotless(all("silent without any series of errors", plenty, always(share(0))))
	}
	lost := all("fires as soon although a scrape is lost", plenty, play(l.clean, l.over, from, until))
	for i := range lost.pods {
		lost.pods[i].lost = from + l.n/2
	}
	lost.steps = until
	l.play(lost, true)
}

// holds is the limit's value over the n-1 growths that increase sees in its window, and
// whether it is a breach. It is exact once n samples are there.
func (l *limitStage) holds(s scene, step int) (float64, bool) {
	if step < l.n {
		return math.NaN(), false
	}
	var sum []float64
	for _, p := range s.pods {
		for at := step - l.n + 2; at <= step; at++ {
			for i, v := range p.grown(at) {
				if i >= len(sum) {
					sum = append(sum, 0)
				}
				sum[i] += v
			}
		}
	}
	total := 0.0
	for _, v := range sum {
		total += v
	}
	enough := total*float64(l.n)/float64(l.n-1) >= l.least
	if l.t.Ceiling > 0 {
		v := bucketQuantile(l.t.Quantile, l.b.Metrics.Latency.Buckets, sum)
		return v, v > l.t.Ceiling.Std().Seconds() && enough
	}
	if l.t.Type == runbook.DistributionShift {
		v := l.gap(sum, total)
		return v, v > float64(l.t.Distance) && enough
	}
	v := sum[1] / total
	return v, v > float64(l.t.Above) && enough
}

// spotless has no series of errors at all.
func (l *limitStage) spotless(s scene) {
	for i := range s.pods {
		s.pods[i].born = true
	}
	s.steps = l.n + 3
	l.play(s, false)
}

func (l *limitStage) play(s scene, fires bool) {
	series, err := l.b.sceneSeries(l.signal, s)
	if err != nil {
		l.err = err
		return
	}
	first, last, value := 0, 0, 0.0
	for step := 1; step <= s.steps; step++ {
		if v, ok := l.holds(s, step); ok {
			if first == 0 {
				first, value = step, v
			}
			last = step
		}
	}
	switch {
	case fires != (first > 0):
		l.missing = append(l.missing, fmt.Sprintf("scene %q: expected firing %t", s.name, fires))
	case !fires:
		l.cases = append(l.cases, unitCase{name: s.name, series: series, asserts: never(l.alert.alert, s.steps)})
	default:
		l.cases = append(l.cases, unitCase{name: s.name, series: series, asserts: l.asserts(s, first, last, value)})
	}
}

func (l *limitStage) asserts(s scene, first, last int, value float64) []unitAssert {
	sounds := func(step int, value float64) unitAssert {
		of := map[string]string{}
		if l.b.Metrics.RegionLabel != "" {
			of["region"] = l.b.theRegion()
		}
		a, err := l.b.unitAlert(l.alert, of, value)
		if err != nil {
			l.err = err
		}
		return unitAssert{step: step, alert: l.alert.alert, want: []unitAlert{a}}
	}
	out := []unitAssert{{step: first - 1, alert: l.alert.alert}, sounds(first, value)}
	if last+keepSteps+1 <= s.steps {
		v, _ := l.holds(s, last)
		out = append(out, sounds(last+keepSteps, v), unitAssert{step: last + keepSteps + 1, alert: l.alert.alert})
	}
	return out
}
