package analysis

import (
	"fmt"
	"math"
	"slices"

	"github.com/autorollback/autorollback/runbook"
)

// parts is of a signal that is mixed over parts: features, or bounds of a distribution.
// Harm is harm in any of them, and what must remain without any one pod is its own guard.
type parts struct {
	events
	sides     [][2]partTotals // of candidate and stable, by part
	cuts      []int           // of a distribution: how many buckets lie below each picked bound
	eitherWay bool            // a gap is one below stable as well
}

func openNulls(*runbook.Runbook, runbook.Trigger) (signal, error) {
	return signal{Odds: nullOdds(), family: &parts{}, leastPhi: 1}, nil
}

func openShift(rb *runbook.Runbook, t runbook.Trigger) (signal, error) {
	d, ok := rb.Metrics.Distribution(t.Distribution)
	if !ok {
		return signal{}, fmt.Errorf("distribution %q is not declared", t.Distribution)
	}
	return signal{Odds: shiftOdds(), family: &parts{cuts: cutAt(d), eitherWay: true}, leastPhi: phiShift}, nil
}

// partTotals are the opportunities and events of one part.
type partTotals struct {
	all, bad       total
	nowAll, nowBad float64 // of this interval
}

func newPartTotals(longest int) partTotals {
	return partTotals{all: newTotal(longest), bad: newTotal(longest)}
}

func (t *partTotals) share(window int) float64 { return t.bad.last(window) / t.all.last(window) }

// endInterval adds what there is of it.
func (t *partTotals) endInterval() {
	t.all.add(t.nowAll)
	t.bad.add(t.nowBad)
	t.nowAll, t.nowBad = 0, 0
}

// of are the parts of a pod's interval.
func (f *parts) of(c *PodCount) []PartCount {
	if f.cuts != nil {
		return f.below(c.Buckets)
	}
	return c.Parts
}

// count keeps the parts, and returns the sums that the dispersion is measured from.
func (f *parts) count(t *Test, c *PodCount) (all, bad float64) {
	parts := f.of(c)
	for len(f.sides) < len(parts) {
		f.sides = append(f.sides, [2]partTotals{newPartTotals(t.gate), newPartTotals(t.gate)})
	}
	p := t.pod(c.Pod, c.Role)
	for len(p.parts) < len(parts) && p.role == runbook.Candidate {
		p.parts = append(p.parts, newPartTotals(t.gate))
	}
	for i, part := range parts {
		if p.parts != nil {
			p.parts[i].nowAll, p.parts[i].nowBad = part.All, part.Bad
		}
		side := &f.sides[i][index(c.Role)]
		side.nowAll, side.nowBad = side.nowAll+part.All, side.nowBad+part.Bad
	}
	return f.pool(parts)
}

// pool is what the dispersion is measured from: all features together, or the middle
// bound.
func (f *parts) pool(parts []PartCount) (all, bad float64) {
	if f.cuts != nil {
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
func (f *parts) below(buckets []float64) []PartCount {
	out := make([]PartCount, 0, len(f.cuts))
	all, sum, at := sumOf(buckets), 0.0, 0
	for _, cut := range f.cuts {
		for ; at < cut && at < len(buckets); at++ {
			sum += buckets[at]
		}
		out = append(out, PartCount{All: all, Bad: sum})
	}
	return out
}

func (f *parts) before(t *Test, counts []PodCount) {
	t.before.take(t, counts, func(_ *Test, c *PodCount) (all, bad float64) { return f.pool(f.of(c)) })
}

func (*parts) apart(t *Test) (num, den float64) { return scatter(t.pods, t.level, ofShare) }

// judge adds the interval's log likelihood ratios of each part.
func (f *parts) judge(t *Test) {
	odds := t.signal.Odds
	for len(t.ratios) < len(odds.Thetas)*len(f.sides) {
		t.ratios = append(t.ratios, t.newRatio())
	}
	for i := range f.sides {
		c, s := &f.sides[i][0], &f.sides[i][1]
		t.begin(c.nowAll+s.nowAll > 0)
		for k, theta := range odds.Thetas {
			ratio := 0.0
			if all := c.nowAll + s.nowAll; all > 0 {
				ratio = odds.Ratio(theta, c.nowAll/all, c.nowBad, c.nowBad+s.nowBad)
			}
			t.ratios[i*len(odds.Thetas)+k].add(ratio)
		}
		c.endInterval()
		s.endInterval()
	}
	for _, p := range t.pods {
		for i := range p.parts {
			p.parts[i].endInterval()
		}
	}
}

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

// effect is that in the worst part, or the index over all of them.
func (f *parts) effect(t *Test) (effect float64, level [2]float64, passes bool) {
	level = [2]float64{math.NaN(), math.NaN()}
	if limit := t.trigger.PSI; limit > 0 {
		index := f.stability(t.gate)
		return index, level, index > limit
	}
	worst := math.NaN()
	for i := range f.sides {
		worst = greatest(worst, f.gap(f.share(t, i, runbook.Candidate), f.share(t, i, runbook.Stable)))
	}
	return worst, level, worst > PartLimit(t.trigger)
}

// share is a side's share in one part over the window.
func (f *parts) share(t *Test, part int, role runbook.Role) float64 {
	side := &f.sides[part][index(role)]
	return t.visible(part, role, side.all.last(t.gate), side.bad.last(t.gate))
}

// gap is how far the candidate's share is from stable's.
func (f *parts) gap(candidate, stable float64) float64 {
	gap := candidate - stable
	if f.eitherWay {
		return math.Abs(gap)
	}
	return gap
}

// stability is the population stability index: the sum over bins of (p-q) ln(p/q).
func (f *parts) stability(window int) float64 {
	psi, before := 0.0, [2]float64{}
	for i := range len(f.sides) + 1 {
		upTo := [2]float64{1, 1}
		if i < len(f.sides) {
			upTo = [2]float64{f.sides[i][0].share(window), f.sides[i][1].share(window)}
		}
		p, q := max(upTo[0]-before[0], LeastBin), max(upTo[1]-before[1], LeastBin)
		psi += (p - q) * math.Log(p/q)
		before = upTo
	}
	if len(f.sides) == 0 {
		return math.NaN()
	}
	return psi
}

func (f *parts) guard(t *Test, _ Result) float64 {
	return f.remains(t) / (PartLimit(t.trigger) * partOfEffect(t.trigger))
}

// remains is the greatest effect, over the parts, that remains whichever candidate pod
// is left out; without end where there is one pod only.
func (f *parts) remains(t *Test) float64 {
	most := math.Inf(-1)
	for i := range f.sides {
		rest, busy := math.Inf(1), 0
		whole := &f.sides[i][0]
		for _, p := range t.pods {
			if p.role != runbook.Candidate || i >= len(p.parts) {
				continue
			}
			all, bad := p.parts[i].all.last(t.gate), p.parts[i].bad.last(t.gate)
			if all > 0 {
				busy++
			}
			if others := whole.all.last(t.gate) - all; others > 0 {
				rest = least(rest, f.gap((whole.bad.last(t.gate)-bad)/others, f.sides[i][1].share(t.gate)))
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

// suppose is for harm in one part, the one where it is proved the soonest: that with
// the most opportunities on the smaller side.
func (f *parts) suppose(t *Test, h *hypothesis) bool {
	best, most := -1, 0.0
	for i := range f.sides {
		c, s := f.sides[i][0].all.last(t.gate), f.sides[i][1].all.last(t.gate)
		if n := min(c, s); n > most {
			best, most = i, n
		}
	}
	if best < 0 || t.trigger.PSI > 0 {
		return false
	}
	part := &f.sides[best]
	all := [2]float64{part[0].all.last(t.gate), part[1].all.last(t.gate)}
	stable, share := part[1].share(t.gate), all[0]/(all[0]+all[1])
	h.ratios = func(size float64) []float64 {
		out := make([]float64, len(t.ratios))
		for i := range t.ratios {
			out[i] = t.ratios[i].last(h.window)
		}
		x := all[0] * min(1, stable+size)
		copy(out[best*len(t.signal.Thetas):], t.signal.ratios(share, x, x+all[1]*stable))
		return out
	}
	h.between, h.effect = [2]float64{0, 1 - stable}, same
	if t.Guarded && t.active(runbook.Candidate) > 1 { // so much must remain without any one pod
		h.between[0] = min(PartLimit(t.trigger)*partOfEffect(t.trigger), 1-stable)
	}
	return true
}

// mostCuts is how many bounds of a distribution are looked at.
const mostCuts = 4

// Cuts are up to four bounds, evenly picked from those of the distribution.
func Cuts(d runbook.Distribution) []float64 {
	n := len(d.Buckets)
	if n <= mostCuts {
		return d.Buckets
	}
	var out []float64
	for i := range mostCuts {
		out = append(out, d.Buckets[(2*i+1)*n/(2*mostCuts)])
	}
	return out
}

// cutAt is how many buckets lie at or below each of the picked bounds.
func cutAt(d runbook.Distribution) []int {
	var out []int
	for _, cut := range Cuts(d) {
		out = append(out, slices.Index(d.Buckets, cut)+1)
	}
	return out
}
