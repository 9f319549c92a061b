package rules

import (
	"math"
	"slices"

	"github.com/autorollback/autorollback/runbook"
)

func nan() float64 { return math.NaN() }

// A tallyTrail is opportunities and events, interval by interval.
type tallyTrail struct {
	all, bad       trail
	nowAll, nowBad float64 // of this interval
}

func (t *tallyTrail) share(window int) float64 { return t.bad.last(window) / t.all.last(window) }

// A partTrail is what both sides did for one part: candidate, stable.
type partTrail [2]tallyTrail

func (p *partTrail) skip() {
	for side := range p {
		p[side].all.add(0)
		p[side].bad.add(0)
	}
}

// split reads the parts of a pod's interval, keeps them, and returns the sums that the
// dispersion is measured from.
func (r *Reference) split(c PodCount) (all, bad float64) {
	parts := c.Parts
	if r.cuts != nil {
		parts = r.below(c.Buckets)
	}
	for len(r.mixed) < len(parts) {
		var p partTrail
		for side := range p {
			p[side].all, p[side].bad = make(trail, r.n-1), make(trail, r.n-1)
		}
		r.mixed = append(r.mixed, p)
	}
	p := r.pod(c.Pod, c.Role)
	for len(p.parts) < len(parts) {
		p.parts = append(p.parts, tallyTrail{all: make(trail, r.n-1), bad: make(trail, r.n-1)})
	}
	for i, part := range parts {
		p.parts[i].nowAll, p.parts[i].nowBad = part.All, part.Bad
		side := &r.mixed[i][sideIndex(c.Role)]
		side.nowAll, side.nowBad = side.nowAll+part.All, side.nowBad+part.Bad
		if r.cuts == nil {
			all, bad = all+part.All, bad+part.Bad
		} else if i == len(parts)/2 {
			all, bad = part.All, part.Bad
		}
	}
	return all, bad
}

// below counts, for each of the picked bounds, the values at or below it.
func (r *Reference) below(buckets []float64) []PartCount {
	out := make([]PartCount, 0, len(r.cuts))
	all, sum, at := 0.0, 0.0, 0
	for _, v := range buckets {
		all += v
	}
	for _, cut := range r.cuts {
		for ; at < cut; at++ {
			sum += buckets[at]
		}
		out = append(out, PartCount{All: all, Bad: sum})
	}
	return out
}

// cutAt is how many buckets lie at or below each of the picked bounds.
func cutAt(d runbook.Distribution) []int {
	var out []int
	for _, cut := range cutsOf(d) {
		out = append(out, slices.Index(d.Buckets, cut)+1)
	}
	return out
}

// judgeParts adds the interval's log likelihood ratios of each part.
func (r *Reference) judgeParts() {
	f := r.signal.family
	for len(r.ratios) < len(f.thetas)*len(r.mixed) {
		r.ratios = append(r.ratios, make(trail, r.n-1))
	}
	for i := range r.mixed {
		c, s := &r.mixed[i][0], &r.mixed[i][1]
		r.tells(c.nowAll+s.nowAll > 0)
		for k, theta := range f.thetas {
			ratio := 0.0
			if all := c.nowAll + s.nowAll; all > 0 {
				ratio = f.drift(theta, c.nowAll/all, c.nowBad, c.nowBad+s.nowBad)
			}
			r.ratios[i*len(f.thetas)+k].add(ratio)
		}
		c.settle()
		s.settle()
	}
	for _, p := range r.pods {
		for i := range p.parts {
			p.parts[i].settle()
		}
		p.surplus.add(0)
		p.judged.add(0)
	}
}

// settle ends the interval.
func (t *tallyTrail) settle() {
	t.all.add(t.nowAll)
	t.bad.add(t.nowBad)
	t.nowAll, t.nowBad = 0, 0
}

// partEffect is the effect in the worst part, and whether it passes the gate.
func (r *Reference) partEffect() (float64, bool) {
	worst := math.NaN()
	for i := range r.mixed {
		if gap := r.partGap(r.mixed[i][0].share(r.gate), i); !(gap <= worst) && !math.IsNaN(gap) {
			worst = gap
		}
	}
	return worst, worst > partLimit(r.trigger)
}

// partGap is how far a share is from stable's.
func (r *Reference) partGap(share float64, part int) float64 {
	gap := share - r.mixed[part][1].share(r.gate)
	if r.trigger.Type == runbook.DistributionShift {
		return math.Abs(gap)
	}
	return gap
}

// partGuarded reports whether half of the effect remains in some part whichever
// candidate pod is left out, or there is one pod only.
func (r *Reference) partGuarded() bool { return r.partRemains(partLimit(r.trigger) / 2) }

// partRemains reports whether more than the limit remains in some part whichever
// candidate pod is left out, or there is one pod only.
func (r *Reference) partRemains(limit float64) bool {
	for i := range r.mixed {
		least, busy := math.Inf(1), 0
		whole := &r.mixed[i][0]
		for _, p := range r.pods {
			if p.role != runbook.Candidate || i >= len(p.parts) {
				continue
			}
			all, bad := p.parts[i].all.last(r.gate), p.parts[i].bad.last(r.gate)
			if all > 0 {
				busy++
			}
			if rest := whole.all.last(r.gate) - all; rest > 0 {
				least = math.Min(least, r.partGap((whole.bad.last(r.gate)-bad)/rest, i))
			}
		}
		if busy == 1 || !math.IsInf(least, 1) && least > limit {
			return true
		}
	}
	return false
}
