package analysis

import (
	"math"
	"slices"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// BeforeSpan is for how long before a release its stable pods are watched, and for how long
// of the release what they showed then counts.
const BeforeSpan = time.Hour

// before is what the stable pods did before the release, interval by interval, until it is
// judged.
type before struct {
	counts [][]PodCount
	phi    float64 // of the time before
	known  bool
}

// Before takes an interval before the release began, from which the dispersion of the
// stable pods is known in its first hour. What is older than an hour is forgotten.
func (t *Test) Before(counts []PodCount) {
	if !t.signal.countedBefore() {
		return
	}
	var kept []PodCount
	for _, c := range counts {
		if c.Role == runbook.Stable {
			c.Buckets, c.Parts, c.Native = slices.Clone(c.Buckets), slices.Clone(c.Parts), slices.Clone(c.Native)
			kept = append(kept, c)
		}
	}
	b := &t.before
	b.counts = append(b.counts, kept)
	b.counts = b.counts[max(0, len(b.counts)-t.hour-t.level):]
}

// dispersedBefore is the dispersion of the stable pods before the release; 0 if nothing
// is known of them, or the release is older than that counts.
func (t *Test) dispersedBefore() float64 {
	if t.n > t.hour {
		return 0
	}
	if b := &t.before; !b.known {
		b.phi, b.known = t.before.dispersion(t), true
		b.counts = nil
	}
	return t.before.phi
}

// dispersion sums up blocks of five minutes, one for each interval of the hour.
func (b *before) dispersion(t *Test) float64 {
	limit := b.limit(t)
	pods := map[string]*pod{}
	num, den := newTotal(t.hour), newTotal(t.hour)
	for i, counts := range b.counts {
		for _, c := range counts {
			p := pods[c.Pod]
			if p == nil {
				p = &pod{role: runbook.Stable, all: newTotal(t.level), bad: newTotal(t.level)}
				pods[c.Pod] = p
			}
			p.nowAll, p.nowBad = t.pooled(c, limit)
		}
		var block []*pod
		for _, p := range pods {
			p.all.add(p.nowAll)
			p.bad.add(p.nowBad)
			p.nowAll, p.nowBad = 0, 0
			block = append(block, p)
		}
		slices.SortFunc(block, byName) // so that sums come out alike every time
		if i+1 >= t.level {
			n, d := t.scatter(block, t.level)
			num.add(n)
			den.add(d)
		}
	}
	if d := den.last(t.hour); d > 0 {
		return num.last(t.hour) / d
	}
	return 0
}

// limit is what was slow over the whole time.
func (b *before) limit(t *Test) float64 {
	if t.trigger.Type != runbook.LatencyQuantile {
		return math.NaN()
	}
	var all []float64
	for _, counts := range b.counts[max(0, len(b.counts)-t.hour):] {
		for _, c := range counts {
			all = t.addTo(all, c)
		}
	}
	return (1 + t.signal.margin) * t.scale.quantile(t.signal.quantile, all)
}

// pooled are a pod's opportunities and events, all parts together.
func (t *Test) pooled(c PodCount, limit float64) (all, bad float64) {
	switch {
	case t.cuts != nil:
		return t.pool(t.below(c.Buckets))
	case t.signal.parted:
		return t.pool(c.Parts)
	case t.trigger.Type == runbook.LatencyQuantile:
		return t.slow(c, limit)
	}
	return c.All, c.Bad
}
