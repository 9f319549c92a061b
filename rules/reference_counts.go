package rules

import (
	"math"

	"github.com/autorollback/autorollback/runbook"
)

// A trail is a series of one value for each interval, kept as its running total.
type trail []float64

func (t *trail) add(v float64) { *t = append(*t, t.total()+v) }

func (t trail) total() float64 {
	if len(t) == 0 {
		return 0
	}
	return t[len(t)-1]
}

// last is the sum of the newest n values.
func (t trail) last(n int) float64 {
	if len(t) > n {
		return t.total() - t[len(t)-1-n]
	}
	return t.total()
}

type podTrail struct {
	name            string
	role            runbook.Role
	all, bad        trail
	surplus, judged trail   // of a candidate pod: events beyond its fair part; 1 where that is known
	apart           trail   // of a stable pod: events beyond its part of the side's
	nowAll, nowBad  float64 // of this interval
	parts           []tallyTrail
	nowSquares      float64
	meanInfluence   [3]trail // of a mean, one for each theta
}

func (r *Reference) pod(name string, role runbook.Role) *podTrail {
	for _, p := range r.pods {
		if p.name == name && p.role == role {
			return p
		}
	}
	p := &podTrail{name: name, role: role}
	r.pods = append(r.pods, p)
	empty := make(trail, r.n-1)
	p.all, p.bad = append(trail{}, empty...), append(trail{}, empty...)
	p.surplus, p.judged, p.apart = append(trail{}, empty...), append(trail{}, empty...), append(trail{}, empty...)
	return p
}

// count adds the interval to the pods. It reports whether events are known: of a
// latency signal they are not, until the limit is.
func (r *Reference) count(counts []PodCount) bool {
	limit := r.limit
	known := r.bounds == nil || !math.IsNaN(limit)
	for _, p := range r.pods {
		p.nowAll, p.nowBad, p.nowSquares = 0, 0, 0
	}
	for _, c := range counts {
		if r.bounds != nil {
			c.All, c.Bad = r.slow(c, limit)
		}
		if r.signal.parts != nil {
			c.All, c.Bad = r.split(c)
		}
		p := r.pod(c.Pod, c.Role)
		p.nowAll, p.nowBad, p.nowSquares = c.All, c.Bad, c.Squares
	}
	for _, p := range r.pods {
		p.all.add(p.nowAll)
		p.bad.add(p.nowBad)
	}
	r.keep(counts)
	return known
}

// judge adds the interval's log likelihood ratios, and the surplus of each candidate pod.
func (r *Reference) judge(known bool) {
	switch {
	case r.signal.parts != nil:
		r.judgeParts()
		return
	case r.signal.name == trafficSignal:
		r.judgeTraffic()
		return
	case r.signal.isMean():
		r.judgeMean()
		return
	}
	f := r.signal.family
	var all, bad [2]float64
	for _, p := range r.pods {
		all[sideIndex(p.role)] += p.nowAll
		bad[sideIndex(p.role)] += p.nowBad
	}
	r.tells(known && all[0]+all[1] > 0)
	ratio := func(theta, allC, allS, badC, badS float64) float64 {
		if !known || allC+allS <= 0 {
			return 0
		}
		return f.drift(theta, allC/(allC+allS), badC, badC+badS)
	}
	for i, theta := range f.thetas {
		r.ratios[i].add(ratio(theta, all[0], all[1], bad[0], bad[1]))
	}
	r.separate(all[1], bad[1])
	for _, p := range r.pods {
		surplus, judged := 0.0, 0.0
		if fair := all[1] / f.null; p.role == runbook.Candidate && known && p.nowAll > 0 {
			pods := float64(r.active(runbook.Candidate))
			remain := all[0] * (1 - float64(leftOut(int(pods)))/pods)
			surplus, judged = (p.nowBad*fair-p.nowAll*bad[1])/(remain+fair), count(remain+fair > 0)
		}
		p.surplus.add(surplus)
		p.judged.add(judged)
	}
}

// drift is the log likelihood ratio of events, of which bad are the candidate's, whose
// share of the opportunities is share.
func (f family) drift(theta, share, bad, events float64) float64 {
	return bad*math.Log(theta/f.null) - events*(math.Log1p((theta-1)*share)-math.Log1p((f.null-1)*share))
}

func sideIndex(r runbook.Role) int {
	if r == runbook.Candidate {
		return 0
	}
	return 1
}

// disperse compares the stable pods among themselves over the last five minutes.
func (r *Reference) disperse() {
	var num, den float64
	if r.signal.family.guarded {
		num, den = r.scattered(r.level)
	} else {
		num, den = r.scatter(r.pods, r.level)
	}
	r.phiNum.add(num)
	r.phiDen.add(den)
}

// separate adds what each stable pod has beyond its part of the side's events, and how far
// chance would put them.
func (r *Reference) separate(all, bad float64) {
	squares := 0.0
	for _, p := range r.pods {
		d := 0.0
		if p.role == runbook.Stable && all > 0 {
			d = p.nowBad - p.nowAll*bad/all
			squares += p.nowAll * p.nowAll
		}
		p.apart.add(d)
	}
	if all <= 0 {
		r.chance.add(0)
		return
	}
	r.chance.add(bad * (1 - bad/all) * (1 - squares/(all*all)))
}

// scattered is how far the stable pods came apart in a window, squared, and how far
// chance would put them.
func (r *Reference) scattered(window int) (num, den float64) {
	for _, p := range r.pods {
		d := p.apart.last(window)
		num += d * d
	}
	return num, r.chance.last(window)
}

// scatter is how far stable pods are from their common level over a window, squared,
// and how far chance would put them.
func (r *Reference) scatter(pods []*podTrail, window int) (num, den float64) {
	var all, bad, squares float64
	for _, p := range pods {
		if p.role == runbook.Stable {
			n := p.all.last(window)
			all, bad, squares = all+n, bad+p.bad.last(window), squares+n*n
		}
	}
	if all <= 0 {
		return 0, 0
	}
	level := bad / all
	for _, p := range pods {
		if p.role == runbook.Stable {
			d := p.bad.last(window) - p.all.last(window)*level
			num += d * d
		}
	}
	return num, r.spread(level) * (all - squares/all)
}

// phi is the greatest of what the last hour, the last three hours and, in the first
// hour, the time before the release say.
func (r *Reference) phi() float64 {
	least := r.signal.leastPhi()
	switch {
	case !r.Dispersion:
		return 1
	case r.signal.name == trafficSignal:
		return least
	case r.active(runbook.Stable) < leastPods:
		return max(phiUnknown, least)
	}
	phi := max(least, r.dispersedBefore())
	for _, hours := range phiHours {
		if den := r.phiDen.last(hours * r.hour); den > 0 {
			phi = max(phi, r.phiNum.last(hours*r.hour)/den)
		}
	}
	return phi
}

// active counts the pods of a side that did anything in the last five minutes.
func (r *Reference) active(role runbook.Role) int {
	n := 0
	for _, p := range r.pods {
		if p.role == role && p.all.last(r.level) > 0 {
			n++
		}
	}
	return n
}
