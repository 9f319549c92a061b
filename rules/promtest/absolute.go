package promtest

import (
	"fmt"
	"math"
	"slices"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// absoluteCases timeline all versions as one side, without any release.
func (b *compiled) absoluteCases(t runbook.Trigger) ([]testCase, error) {
	good, over, under, err := b.absoluteEdge(t)
	if err != nil {
		return nil, err
	}
	s := b.scenario(t)
	if s.first+2*s.n > mostSteps {
		return nil, fmt.Errorf("its window is too long for promtool")
	}
	steps := s.first + 6
	played := func(before, after mix) []series {
		return s.side(runbook.Stable, timeline{before, after, s.turn}, steps)
	}
	limit := b.limit(t) * (1 + closely)
	s.add("fires closely over the limit, without a release", played(good.times(0.5), over), limit, s.first, 0)
	s.add("silent closely under the limit", played(good, under), 0, 0, steps)
	few := b.least(t) / float64(s.n) / plenty // in an interval
	s.add("fires with just enough samples", played(over.times(few*0.9), over.times(few*(1+closely))), limit, s.first, 0)
	s.add("silent with too few samples", played(over.times(few*(1-closely)), over.times(few*(1-closely))), 0, 0, steps)
	return s.cases, s.err
}

func (b *compiled) absoluteEdge(t runbook.Trigger) (good, over, under mix, err error) {
	switch {
	case t.Type == runbook.DistributionShift:
		return b.referenceEdge(t)
	case t.Ceiling > 0:
		l, _ := b.Metrics.LatencyOf(t.Latency)
		if l.Kind == runbook.Native {
			return nil, nil, nil, fmt.Errorf("no scenarios are known for native histograms")
		}
		bounds, v := l.Buckets, l.Unit.Of(t.Ceiling)
		o, ok := quantileMix(bounds, t.Quantile, v*(1+closely))
		u, ok2 := quantileMix(bounds, t.Quantile, v*(1-closely))
		g, ok3 := quantileMix(bounds, t.Quantile, bounds[0]*0.99)
		if !ok || !ok2 || !ok3 {
			return nil, nil, nil, fmt.Errorf("the buckets cannot tell a quantile at the limit")
		}
		return g, o, u, nil
	}
	a := float64(t.Above)
	return share(a / 10), share(a * (1 + closely)), share(a * (1 - closely)), nil
}

// referenceEdge moves all cumulative shares that the rules look at away from the reference.
func (b *compiled) referenceEdge(t runbook.Trigger) (good, over, under mix, err error) {
	d, _ := b.Metrics.Distribution(t.Distribution)
	moved := func(by float64) mix {
		out, before := make(mix, 0, len(d.Buckets)+1), 0.0
		for _, r := range d.Reference {
			v := min(max(float64(r)+by, before), 1)
			out, before = append(out, plenty*(v-before)), v
		}
		return append(out, plenty*(1-before))
	}
	limit := float64(t.Distance)
	for _, cut := range analysis.Cuts(d) {
		r := float64(d.Reference[slices.Index(d.Buckets, cut)])
		for _, sign := range []float64{-1, 1} {
			if v := r + sign*limit*(1+2*closely); v >= 0 && v <= 1 {
				return moved(0), moved(sign * limit * (1 + closely)), moved(sign * limit * (1 - closely)), nil
			}
		}
	}
	return nil, nil, nil, fmt.Errorf("no scene is known that is so far from the reference (%g)", math.Abs(limit))
}

func (b *compiled) limit(t runbook.Trigger) float64 {
	switch {
	case t.Distribution != "":
		return float64(t.Distance)
	case t.Ceiling > 0:
		l, _ := b.Metrics.LatencyOf(t.Latency)
		return l.Unit.Of(t.Ceiling)
	}
	return float64(t.Above)
}

// least is how many samples must stand behind the level.
func (b *compiled) least(t runbook.Trigger) float64 {
	if t.Ceiling > 0 {
		return rules.MinObserved(b.Runbook, t.Quantile)
	}
	return analysis.MinRequests(b.Runbook)
}
