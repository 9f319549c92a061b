package promtest

import (
	"fmt"
	"math"
	"slices"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/runbook"
)

// closely is how far above and below a threshold scenarios are played. No value so near a
// round threshold lies where annotations round.
const closely = 1.3e-4

// An edge is one way across a trigger's threshold: what stable counts, and what the
// candidate counts that is good, closely over and closely under the threshold.
type edge struct {
	name                      string
	stable, good, over, under mix
	value                     float64 // of the alert, closely over
}

func share(v float64) mix { return mix{plenty * (1 - v), plenty * v} }

func errorEdges(_ *compiled, t runbook.Trigger) ([]edge, error) {
	above := float64(t.Above)
	low, over := above/10, above*(1+closely)
	out := []edge{{"the limit", share(low), share(low), share(over), share(above * (1 - closely)), over}}
	if times := above * runbook.MinErrorRatio * (1 + closely); times < 1 {
		out = append(out, edge{"so many times stable's", share(above), share(above), share(times), share(above * runbook.MinErrorRatio * (1 - closely)), times})
	}
	return out, nil
}

func increaseEdges(_ *compiled, t runbook.Trigger) ([]edge, error) {
	by, ratio := float64(t.By), t.MinRatio
	low := by
	if ratio > 1 {
		low = by / (ratio - 1) / 2
	}
	out := []edge{{"the points", share(low), share(low), share(low + by*(1+closely)), share(low + by*(1-closely)), by * (1 + closely)}}
	if high := 2 * by / (ratio - 1); ratio > 1 && high*ratio < 0.9 {
		out = append(out, edge{"so many times stable's", share(high), share(high), share(high * ratio * (1 + closely)), share(high * ratio * (1 - closely)), high * (ratio*(1+closely) - 1)})
	}
	return out, nil
}

// quantileMix is a classic histogram whose quantile is a value, in one bucket or two;
// false if the bounds cannot tell it.
func quantileMix(bounds []float64, q, v float64) (mix, bool) {
	out := make(mix, len(bounds)+1)
	i, _ := slices.BinarySearch(bounds, v)
	if i == len(bounds) {
		return nil, false
	}
	low := 0.0
	if i > 0 {
		low = bounds[i-1]
	}
	at := (v - low) / (bounds[i] - low)
	switch {
	case at <= q && i > 0: // some lie below
		below := (q - at) / (1 - at)
		out[i-1], out[i] = plenty*below, plenty*(1-below)
	case at > q: // some lie above
		out[i], out[i+1] = plenty*q/at, plenty*(1-q/at)
	default:
		return nil, false
	}
	return out, true
}

func latencyEdges(b *compiled, t runbook.Trigger) ([]edge, error) {
	l, _ := b.Metrics.LatencyOf(t.Latency)
	if l.Kind == runbook.Native {
		return nil, fmt.Errorf("no scenarios are known for native histograms")
	}
	bounds := l.Buckets
	var out []edge
	add := func(name string, good, stable, over, under float64, ratio bool) {
		g, _ := quantileMix(bounds, t.Quantile, good)
		s, ok := quantileMix(bounds, t.Quantile, stable)
		o, ok2 := quantileMix(bounds, t.Quantile, over)
		u, ok3 := quantileMix(bounds, t.Quantile, under)
		top := bounds[len(bounds)-1]
		if g != nil && ok && ok2 && ok3 && over < top && !offScale(t, s, o) && !offScale(t, s, u) {
			value := over
			if ratio {
				value /= stable
			}
			out = append(out, edge{name, s, g, o, u, value})
		}
	}
	increase, ceiling := float64(t.Increase), l.Unit.Of(t.Ceiling)
	if increase > 0 {
		for i := len(bounds) / 2; i >= 0 && len(out) == 0; i-- {
			low := bounds[i] * 0.999
			if r := low * (1 + increase); ceiling == 0 || r*(1+closely) < ceiling {
				add("the increase", low, low, r*(1+closely), r*(1-closely), true)
			}
		}
		out = append(out, offScaleEdges(t, bounds, ceiling)...)
	}
	if ceiling > 0 {
		less := 1.1
		if increase > 0 {
			less = 1 + min(increase, 0.2)/2
		}
		add("the ceiling", ceiling/less, ceiling/less, ceiling*(1+closely), ceiling*(1-closely), increase > 0)
		if increase == 0 {
			add("slower than a stable side above the ceiling", ceiling/less, ceiling*1.01, ceiling*1.01*(1+closely), ceiling*1.01*(1-closely), false)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("the buckets cannot tell a quantile at the threshold")
	}
	return out, nil
}

// meanEdges are of a mean: requests, and their times in the metric's own unit.
func meanEdges(b *compiled, t runbook.Trigger) ([]edge, error) {
	l, _ := b.Metrics.LatencyOf(t.Latency)
	takes := func(each float64) mix { return mix{plenty, plenty * each} }
	increase, ceiling := float64(t.Increase), l.Unit.Of(t.Ceiling)
	var out []edge
	add := func(name string, stable, limit, value float64) {
		out = append(out, edge{name, takes(stable), takes(stable), takes(limit * (1 + closely)), takes(limit * (1 - closely)), value})
	}
	usual := 0.1 * l.Unit.PerSecond()
	if ceiling > 0 {
		usual = ceiling / (1 + increase) / 2
	}
	if increase > 0 {
		add("the increase", usual, usual*(1+increase), (1+increase)*(1+closely))
	}
	if stable := ceiling / (1 + increase/2); ceiling > 0 && increase > 0 {
		add("the ceiling", stable, ceiling, ceiling*(1+closely)/stable)
	} else if ceiling > 0 {
		add("the ceiling", ceiling/1.1, ceiling, ceiling*(1+closely))
		add("slower than a stable side above the ceiling", ceiling*1.01, ceiling*1.01, ceiling*1.01*(1+closely))
		out[1].good = takes(ceiling / 1.1)
	}
	return out, nil
}

// offScale reports whether so many more requests lie above the highest bucket that this
// alone opens the gate.
func offScale(t runbook.Trigger, stable, candidate mix) bool {
	last := len(stable) - 1
	return t.Increase > 0 && (candidate[last]-stable[last])/plenty > analysis.TopGap/2
}

// offScaleEdges move requests from the lowest bucket above the highest.
func offScaleEdges(t runbook.Trigger, bounds []float64, ceiling float64) []edge {
	if len(bounds) < 2 {
		return nil
	}
	beyond := func(v float64) mix {
		out := make(mix, len(bounds)+1)
		out[0], out[1], out[len(bounds)] = plenty*(0.5-v), plenty*0.5, plenty*v
		return out
	}
	quantile := func(v float64) float64 {
		low, high := 0.5-v, 1-v
		if t.Quantile > high {
			return bounds[len(bounds)-1]
		}
		return bounds[0] + (bounds[1]-bounds[0])*(t.Quantile-low)/0.5
	}
	over, under := analysis.TopGap*(1+closely), analysis.TopGap*(1-closely)
	effect := quantile(over) / quantile(0)
	if t.Quantile <= 0.5 || effect > 1+float64(t.Increase) || quantile(over) >= ceiling && ceiling > 0 {
		return nil
	}
	return []edge{{"more off the scale", beyond(0), beyond(0), beyond(over), beyond(under), effect}}
}

// shiftEdges move values from the bucket below a picked bound to the one above it, so that
// this bound alone tells of it.
func shiftEdges(b *compiled, t runbook.Trigger) ([]edge, error) {
	d, _ := b.Metrics.Distribution(t.Distribution)
	limit, at, low := t.Gap(), func(effect float64) float64 { return effect }, min(1, 0.5+float64(t.Distance)/2)
	if t.PSI > 0 {
		at, low = psiGap, 0.5
		if psi(0.4999) < limit*(1+closely) {
			return nil, fmt.Errorf("no scenarios are known for so great a stability index")
		}
	}
	var out []edge
	for _, cut := range analysis.Cuts(d) {
		i := slices.Index(d.Buckets, cut)
		moved := func(by float64) mix {
			out := make(mix, len(d.Buckets)+1)
			out[i], out[i+1] = plenty*(low-by), plenty*(1-low+by)
			return out
		}
		out = append(out, edge{"the distance at " + exact(cut), moved(0), moved(0), moved(at(limit * (1 + closely))), moved(at(limit * (1 - closely))), limit * (1 + closely)})
	}
	return out, nil
}

// psi is the stability index of two halves of which one gives up so much to the other.
func psi(gap float64) float64 {
	return gap*math.Log((0.5+gap)/0.5) - gap*math.Log((0.5-gap)/0.5)
}

// psiGap is how much it must give up.
func psiGap(index float64) float64 {
	from, to := 0.0, 0.4999
	for range 60 {
		if mid := (from + to) / 2; psi(mid) < index {
			from = mid
		} else {
			to = mid
		}
	}
	return to
}

// queue is the gauge of an anomaly that says series > number, and that number.
func (b *compiled) queue(t runbook.Trigger) (string, float64, error) {
	unknown := fmt.Errorf("no scenarios are known for an expression that is not series > number")
	tree, err := b.parser.ParseExpr(t.Expr)
	if err != nil {
		return "", 0, unknown
	}
	e, ok := tree.(*parser.BinaryExpr)
	if !ok {
		return "", 0, unknown
	}
	series, left := e.LHS.(*parser.VectorSelector)
	level, right := e.RHS.(*parser.NumberLiteral)
	if !left || !right || e.ReturnBool || e.Op != parser.GTR || series.OriginalOffset != 0 || level.Val <= 0 {
		return "", 0, unknown
	}
	name, of, err := b.invent(series.String())
	if err != nil {
		return "", 0, err
	}
	if l := b.Metrics.RegionLabel; l != "" {
		of[l] = b.theRegion()
	}
	return labelled(name, of), level.Val, nil
}

// peaceful is a mix that is good on both sides.
func (b *compiled) peaceful(t runbook.Trigger) (mix, error) {
	if l, _ := b.Metrics.LatencyOf(t.Latency); t.Type == runbook.LatencyQuantile && l.Kind != runbook.Native { // in the lowest bucket, whatever the threshold
		out := make(mix, len(l.Buckets)+1)
		out[0] = plenty
		return out, nil
	}
	edges, err := kinds[t.Type].edges(b, t)
	if err != nil {
		return nil, err
	}
	return edges[0].good, nil
}
