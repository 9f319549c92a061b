package rules

import (
	"math"
	"slices"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// beforeSpan is how long before a release its stable pods are watched, and for how long
// of the release what they showed then counts.
const beforeSpan = "1h"

// BeforeSpan is the same.
const BeforeSpan = time.Hour

// A beforeTrail is what the stable pods did before the release, interval by interval.
type beforeTrail struct {
	counts [][]PodCount
	phi    float64 // of the time before
	known  bool
}

// Before takes an interval before the release is judged, from which the dispersion of
// the stable pods is known in the first hour. The daemon asks Prometheus for the same,
// see [Questions.Before]; what is older than an hour is forgotten.
func (r *Reference) Before(counts []PodCount) {
	if !r.signal.countedBefore() {
		return
	}
	var kept []PodCount
	for _, c := range counts {
		if c.Role == runbook.Stable {
			c.Buckets, c.Parts = slices.Clone(c.Buckets), slices.Clone(c.Parts)
			kept = append(kept, c)
		}
	}
	b := &r.before
	b.counts = append(b.counts, kept)
	b.counts = b.counts[max(0, len(b.counts)-r.hour-r.level):]
}

// heard takes the dispersion of the time before as the daemon exports it.
func (r *Reference) heard(phi float64) {
	if phi > 0 && r.signal.countedBefore() {
		r.before.phi, r.before.known = phi, true
	}
}

// dispersedBefore is the dispersion of the stable pods before the release; 0 if nothing
// is known of them, or the release is older than that counts.
func (r *Reference) dispersedBefore() float64 {
	if r.n > r.hour {
		return 0
	}
	if b := &r.before; !b.known {
		b.phi, b.known = r.before.dispersion(r), true
		b.counts = nil
	}
	return r.before.phi
}

// dispersion sums up blocks of five minutes, one for each interval of the hour.
func (b *beforeTrail) dispersion(r *Reference) float64 {
	limit := b.limit(r)
	pods := map[string]*podTrail{}
	var num, den trail
	for i, counts := range b.counts {
		for _, c := range counts {
			p := pods[c.Pod]
			if p == nil {
				p = &podTrail{role: runbook.Stable, all: make(trail, i), bad: make(trail, i)}
				pods[c.Pod] = p
			}
			p.nowAll, p.nowBad = r.pooled(c, limit)
		}
		var block []*podTrail
		for _, p := range pods {
			p.all.add(p.nowAll)
			p.bad.add(p.nowBad)
			p.nowAll, p.nowBad = 0, 0
			block = append(block, p)
		}
		if i+1 >= r.level {
			n, d := r.scatter(block, r.level)
			num.add(n)
			den.add(d)
		}
	}
	if d := den.last(r.hour); d > 0 {
		return num.last(r.hour) / d
	}
	return 0
}

// limit is what was slow over the whole time.
func (b *beforeTrail) limit(r *Reference) float64 {
	if r.bounds == nil {
		return math.NaN()
	}
	all := make([]float64, len(r.bounds)+1)
	for _, counts := range b.counts[max(0, len(b.counts)-r.hour):] {
		for _, c := range counts {
			for i, v := range c.Buckets {
				all[i] += v
			}
		}
	}
	return (1 + r.signal.margin) * bucketQuantile(r.signal.quantile, r.bounds, all)
}

// pooled are a pod's opportunities and events, all parts together.
func (r *Reference) pooled(c PodCount, limit float64) (all, bad float64) {
	switch {
	case r.cuts != nil:
		middle := r.below(c.Buckets)[len(r.cuts)/2]
		return middle.All, middle.Bad
	case r.bounds != nil:
		return r.slow(c, limit)
	case r.signal.parts == nil:
		return c.All, c.Bad
	}
	for _, part := range c.Parts {
		all, bad = all+part.All, bad+part.Bad
	}
	return all, bad
}

// countedBefore reports whether the dispersion of the time before a release is asked
// for: not of a mean, nor of traffic, whose dispersion is assumed.
func (s signal) countedBefore() bool { return !s.isMean() && s.name != trafficSignal }

// phiHours are over how many hours of the release the dispersion is measured; the
// greatest counts.
var phiHours = [...]int{1, 3}
