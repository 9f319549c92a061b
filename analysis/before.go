package analysis

import (
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// BeforeSpan is for how long before a release its stable pods are watched, and for how long
// of the release what they showed then counts.
const BeforeSpan = time.Hour

// before is what the stable pods did before the release, until it is judged: blocks of five
// minutes, one for each interval of the hour.
type before struct {
	seen     int
	pods     []*pod // by name, so that sums come out alike every time
	num, den total
	phi      float64
	known    bool
}

// Before takes an interval before the release began, from which the dispersion of the
// stable pods is known in its first hour. What is older than an hour is forgotten.
func (t *Test) Before(counts []PodCount) {
	counts = slices.DeleteFunc(slices.Clone(counts), func(c PodCount) bool { return c.Role != runbook.Stable })
	if !t.before.known {
		t.signal.before(t, counts)
	}
}

// take adds an interval, as count counts it.
func (b *before) take(t *Test, counts []PodCount, count func(*Test, *PodCount) (all, bad float64)) {
	for i := range counts {
		p := b.pod(t, counts[i].Pod)
		p.nowAll, p.nowBad = count(t, &counts[i])
	}
	for _, p := range b.pods {
		p.all.add(p.nowAll)
		p.bad.add(p.nowBad)
		p.nowAll, p.nowBad = 0, 0
	}
	if b.seen++; b.seen >= t.level {
		num, den := scatter(b.pods, t.level, ofShare)
		b.num.add(num)
		b.den.add(den)
	}
}

func (b *before) pod(t *Test, name string) *pod {
	i, found := slices.BinarySearchFunc(b.pods, name, func(p *pod, name string) int { return strings.Compare(p.name, name) })
	if !found {
		b.pods = slices.Insert(b.pods, i, &pod{name: name, role: runbook.Stable, all: newTotal(t.level), bad: newTotal(t.level)})
	}
	return b.pods[i]
}

// dispersedBefore is the dispersion of the stable pods before the release; 0 if nothing
// is known of them, or the release is older than that counts.
func (t *Test) dispersedBefore() float64 {
	b := &t.before
	if !b.known {
		t.signal.settle(t)
		if den := b.den.last(t.hour); den > 0 {
			b.phi = b.num.last(t.hour) / den
		}
		*b = before{known: true, phi: b.phi}
	}
	if t.n > t.hour {
		return 0
	}
	return b.phi
}
