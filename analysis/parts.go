package analysis

import (
	"math"

	"github.com/autorollback/autorollback/runbook"
)

// sides are what candidate and stable did for one part.
type sides [2]tally

// split reads the parts of a pod's interval, keeps them, and returns the sums that the
// dispersion is measured from.
func (t *Test) split(c PodCount) (all, bad float64) {
	parts := c.Parts
	if t.cuts != nil {
		parts = t.below(c.Buckets)
	}
	for len(t.mixed) < len(parts) {
		t.mixed = append(t.mixed, sides{newTally(t.gate), newTally(t.gate)})
	}
	p := t.pod(c.Pod, c.Role)
	for len(p.parts) < len(parts) && p.role == runbook.Candidate {
		p.parts = append(p.parts, newTally(t.gate))
	}
	for i, part := range parts {
		if p.parts != nil {
			p.parts[i].nowAll, p.parts[i].nowBad = part.All, part.Bad
		}
		side := &t.mixed[i][index(c.Role)]
		side.nowAll, side.nowBad = side.nowAll+part.All, side.nowBad+part.Bad
	}
	return t.pool(parts)
}

// pool is what the dispersion is measured from: all features together, or the middle
// bound.
func (t *Test) pool(parts []PartCount) (all, bad float64) {
	if t.cuts != nil {
		if len(parts) == 0 {
			return 0, 0
		}
		middle := parts[len(parts)/2]
		return middle.All, middle.Bad
	}
	for _, part := range parts {
		all, bad = all+part.All, bad+part.Bad
	}
	return all, bad
}

// below counts, for each of the picked bounds, the values at or below it.
func (t *Test) below(buckets []float64) []PartCount {
	out := make([]PartCount, 0, len(t.cuts))
	all, sum, at := sumOf(buckets), 0.0, 0
	for _, cut := range t.cuts {
		for ; at < cut && at < len(buckets); at++ {
			sum += buckets[at]
		}
		out = append(out, PartCount{All: all, Bad: sum})
	}
	return out
}

// judgeParts adds the interval's log likelihood ratios of each part.
func (t *Test) judgeParts() {
	f := t.signal.family
	for len(t.ratios) < len(f.Thetas)*len(t.mixed) {
		t.ratios = append(t.ratios, t.newRatio())
	}
	for i := range t.mixed {
		c, s := &t.mixed[i][0], &t.mixed[i][1]
		t.tells(c.nowAll+s.nowAll > 0)
		for k, theta := range f.Thetas {
			ratio := 0.0
			if all := c.nowAll + s.nowAll; all > 0 {
				ratio = f.Ratio(theta, c.nowAll/all, c.nowBad, c.nowBad+s.nowBad)
			}
			t.ratios[i*len(f.Thetas)+k].add(ratio)
		}
		c.settle()
		s.settle()
	}
	for _, p := range t.pods {
		for i := range p.parts {
			p.parts[i].settle()
		}
	}
}

// partLimit is what the effect is held against.
func (t *Test) partLimit() float64 { return PartLimit(t.trigger) }

// PartLimit is the number of a trigger about features or a distribution.
func PartLimit(t runbook.Trigger) float64 {
	switch {
	case t.Type == runbook.NullSpike:
		return float64(t.By)
	case t.PSI > 0:
		return leastGap
	}
	return float64(t.Distance)
}

const (
	// leastGap is the distance between cumulative shares that must remain without any one
	// pod, for a trigger that is worded as PSI.
	leastGap = 0.05
	// LeastBin keeps an empty bin from making the index infinite.
	LeastBin = 0.0001
)

// partOfEffect is how much of the limit must remain without any one pod.
func partOfEffect(t runbook.Trigger) float64 {
	if t.PSI > 0 {
		return 1
	}
	return 0.5
}

// partEffect is the effect in the worst part.
func (t *Test) partEffect() float64 {
	if t.trigger.PSI > 0 {
		return t.stability()
	}
	worst := math.NaN()
	for i := range t.mixed {
		worst = greatest(worst, t.gap(t.partShare(i, runbook.Candidate), t.partShare(i, runbook.Stable)))
	}
	return worst
}

// partShare is a side's share in one part over the window.
func (t *Test) partShare(part int, role runbook.Role) float64 {
	side := &t.mixed[part][index(role)]
	return t.visible(part, role, side.all.last(t.gate), side.bad.last(t.gate))
}

// gap is how far the candidate's share is from stable's.
func (t *Test) gap(candidate, stable float64) float64 {
	gap := candidate - stable
	if t.trigger.Type == runbook.DistributionShift {
		return math.Abs(gap)
	}
	return gap
}

// stability is the population stability index: the sum over bins of (p-q) ln(p/q).
func (t *Test) stability() float64 {
	psi, before := 0.0, [2]float64{}
	for i := range len(t.mixed) + 1 {
		upTo := [2]float64{1, 1}
		if i < len(t.mixed) {
			upTo = [2]float64{t.mixed[i][0].share(t.gate), t.mixed[i][1].share(t.gate)}
		}
		p, q := max(upTo[0]-before[0], LeastBin), max(upTo[1]-before[1], LeastBin)
		psi += (p - q) * math.Log(p/q)
		before = upTo
	}
	if len(t.mixed) == 0 {
		return math.NaN()
	}
	return psi
}

// partRemains is the greatest effect, over the parts, that remains whichever candidate pod
// is left out; without end where there is one pod only.
func (t *Test) partRemains() float64 {
	most := math.Inf(-1)
	for i := range t.mixed {
		rest, busy := math.Inf(1), 0
		whole := &t.mixed[i][0]
		for _, p := range t.pods {
			if p.role != runbook.Candidate || i >= len(p.parts) {
				continue
			}
			all, bad := p.parts[i].all.last(t.gate), p.parts[i].bad.last(t.gate)
			if all > 0 {
				busy++
			}
			if others := whole.all.last(t.gate) - all; others > 0 {
				rest = least(rest, t.gap((whole.bad.last(t.gate)-bad)/others, t.mixed[i][1].share(t.gate)))
			}
		}
		switch {
		case busy == 1:
			return math.Inf(1)
		case !math.IsInf(rest, 1) && !math.IsNaN(rest):
			most = max(most, rest)
		}
	}
	return most
}
