package analysis

import (
	"math"

	"github.com/autorollback/autorollback/runbook"
)

// harmlessParts is for harm in one part, the one where it is proved the soonest: that with
// the most opportunities on the smaller side.
func (t *Test) harmlessParts(h hypothesis) (hypothesis, bool) {
	best, most := -1, 0.0
	for i := range t.mixed {
		c, s := t.mixed[i][0].all.last(t.gate), t.mixed[i][1].all.last(t.gate)
		if n := min(c, s); n > most {
			best, most = i, n
		}
	}
	if best < 0 || t.trigger.PSI > 0 {
		return h, false
	}
	f, part := t.signal.family, &t.mixed[best]
	all := [2]float64{part[0].all.last(t.gate), part[1].all.last(t.gate)}
	stable, share := part[1].share(t.gate), all[0]/(all[0]+all[1])
	h.ratios = func(size float64) []float64 {
		out := make([]float64, len(t.ratios))
		for i := range t.ratios {
			out[i] = t.ratios[i].last(h.window)
		}
		x := all[0] * min(1, stable+size)
		for k, theta := range f.Thetas {
			out[best*len(f.Thetas)+k] = f.Ratio(theta, share, x, x+all[1]*stable)
		}
		return out
	}
	h.between, h.effect = [2]float64{0, 1 - stable}, func(size float64) float64 { return size }
	if t.Guarded && t.active(runbook.Candidate) > 1 { // so much must remain without any one pod
		h.between[0] = min(t.partLimit()*partOfEffect(t.trigger), 1-stable)
	}
	return h, true
}

// harmlessTraffic is for a candidate that gets only a part of what it should.
func (t *Test) harmlessTraffic(h hypothesis) (hypothesis, bool) {
	due := t.due.last(t.gate)
	if !(due > 0) || !(t.wanted > 0) {
		return h, false
	}
	f, all := t.signal.family, due/t.wanted
	h.ratios = func(size float64) []float64 {
		out := make([]float64, len(f.Thetas))
		for k, theta := range f.Thetas {
			out[k] = f.Ratio(theta, t.wanted, due*(1-size), all)
		}
		return out
	}
	h.between, h.effect = [2]float64{0, 1}, func(size float64) float64 { return 1 - size }
	return h, true
}

// harmlessMean is for a candidate whose values are lower; intervals are all alike.
func (t *Test) harmlessMean(h hypothesis) (hypothesis, bool) {
	all := [2]float64{t.sum(runbook.Candidate, opportunities), t.sum(runbook.Stable, opportunities)}
	if !(t.means.level > 0) || !(all[0] > 0) || !(all[1] > 0) {
		return h, false
	}
	n, m := float64(h.window), &t.means
	ratios := func(size, kept float64) []float64 {
		each := [2]float64{kept * all[0] / n, all[1] / n}
		sum := [2]float64{each[0] * m.level * (1 - size), each[1] * m.level}
		out := make([]float64, len(t.ratios))
		for k, theta := range t.signal.family.Thetas {
			out[k] = n * Catoni(1-theta, m.level, m.variance, each, sum)
		}
		return out
	}
	h.ratios = func(size float64) []float64 { return ratios(size, 1) }
	if pods := t.active(runbook.Candidate); t.Guarded && pods > 1 {
		h.alone = func(o overlap, size float64) bool {
			now := ratios(size, 1-1/float64(pods))
			for k := range now {
				now[k] = (t.earlier(&t.ratios[k], o) - t.earlierWorst(k, o) + o.part*now[k]) / h.phi
			}
			return mixture(now) > t.signal.guardBar()
		}
	}
	h.between, h.effect = [2]float64{0, 1}, func(size float64) float64 { return 1 - size }
	return h, true
}

// earlierWorst is what the most harmful pod added before the harm.
func (t *Test) earlierWorst(k int, o overlap) float64 {
	worst := math.Inf(-1)
	for _, p := range t.pods {
		if p.role == runbook.Candidate {
			worst = max(worst, t.earlier(&p.influence[k], o))
		}
	}
	return worst
}
