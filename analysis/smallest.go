package analysis

import (
	"math"

	"github.com/autorollback/autorollback/runbook"
)

// Smallest is the smallest effect that could be proved now, in the unit of the trigger's
// effect: the least harm which, had it been there for the whole of the trigger's window at
// the traffic and the dispersion of that window, would be significant at its end. What was
// counted before the window stays as it was. It is the expected sum, so that half of such
// harms are proved a little earlier and half a little later. NaN: not even the greatest
// harm could be proved, or there is no data.
func (t *Test) Smallest() float64 {
	h, ok := t.harmless()
	if !ok {
		return math.NaN()
	}
	from, to := h.between[0], h.between[1]
	if !h.proves(to) {
		return math.NaN()
	}
	for range 40 {
		if mid := (from + to) / 2; h.proves(mid) {
			to = mid
		} else {
			from = mid
		}
	}
	return h.effect(to)
}

// A hypothesis is harm of some size in the trigger's window. Sizes grow with harm.
type hypothesis struct {
	test         *Test
	window       int                               // in intervals, of which there are data
	ratios       func(size float64) []float64      // log likelihood ratios of the window
	guard        func(size, parts float64) float64 // pod guard, with so many more windows of no harm; nil: none
	effect       func(size float64) float64
	between      [2]float64
	phi, lasting float64
}

// harmless prepares the hypothesis from what the window holds.
func (t *Test) harmless() (hypothesis, bool) {
	h := hypothesis{test: t, window: max(1, min(t.gate, t.n-t.began+1)), phi: t.phi()}
	h.lasting = t.lastingPhi(h.phi)
	if t.began == 0 {
		return h, false
	}
	switch {
	case t.trigger.Style == runbook.ByThreshold:
		return h, false
	case t.signal.isTraffic():
		return t.harmlessTraffic(h)
	case t.signal.isMean():
		return t.harmlessMean(h)
	case t.signal.parted:
		return t.harmlessParts(h)
	}
	return t.harmlessEvents(h)
}

// proves reports whether harm of that size would be significant.
func (h hypothesis) proves(size float64) bool {
	t, now := h.test, h.ratios(size)
	proved, alone := false, h.guard == nil
	for i, s := range Spans() {
		if !t.judges(i) {
			continue
		}
		length := t.windows[i]
		if length == since {
			length = t.n - t.began + 1
		}
		part := float64(min(h.window, length)) / float64(h.window)
		sums := make([]float64, len(t.ratios))
		for k := range sums {
			sums[k] = (t.ratios[k].last(t.windows[i]) - t.ratios[k].last(min(h.window, length)) + part*now[k]) / h.phi
		}
		proved = proved || mixture(sums) > t.bar(i)
		if s.guarded && h.guard != nil {
			rest := float64(max(length-h.window, 0)) / float64(h.window)
			alone = alone || h.guard(size, rest)/h.lasting-s.penalty() > t.signal.guardBar()
		}
	}
	return proved && alone
}

// mixture is the log of the mean of e-values.
func mixture(sums []float64) float64 {
	top := math.Inf(-1)
	for _, s := range sums {
		top = max(top, s)
	}
	total := 0.0
	for _, s := range sums {
		total += math.Exp(s - top)
	}
	return top + math.Log(total/float64(len(sums)))
}

// harmlessEvents is for signals whose events are counted.
func (t *Test) harmlessEvents(h hypothesis) (hypothesis, bool) {
	all := [2]float64{t.sum(runbook.Candidate, opportunities), t.sum(runbook.Stable, opportunities)}
	stable := t.sum(runbook.Stable, events) / all[1]
	if !(all[0] > 0) || !(all[1] > 0) || stable > 1 {
		return h, false
	}
	level, ok := t.levels(&h, stable)
	if !ok {
		return h, false
	}
	f := t.signal.family
	share := all[0] / (all[0] + all[1])
	h.ratios = func(size float64) []float64 {
		x := all[0] * level(size)
		out := make([]float64, len(f.Thetas))
		for k, theta := range f.Thetas {
			out[k] = f.Ratio(theta, share, x, x+all[1]*stable)
		}
		return out
	}
	if pods := t.active(runbook.Candidate); f.guarded && pods > 1 && t.Guarded {
		rest := all[0] * (1 - float64(leftOut(pods))/float64(pods))
		h.guard = func(size, more float64) float64 { return f.remains(rest, all[1], level(size), stable, more) }
	}
	return h, true
}

func opportunities(p *pod) *total { return &p.all }
func events(p *pod) *total        { return &p.bad }

// remains is the fitted ratio of the pods that are left, where harm filled the window and
// more such windows had none.
func (f Family) remains(candidate, stable, level, before, more float64) float64 {
	fair := stable / f.Null
	surplus := func(level float64) float64 {
		return (candidate*level*fair - candidate*stable*before) / (candidate + fair)
	}
	return f.fitted(candidate*(level+more*before), surplus(level)+more*surplus(before), stable*before*(1+more))
}

// levels settles what a size means: which share of the candidate's opportunities are
// events then, and which effect that is.
func (t *Test) levels(h *hypothesis, stable float64) (func(size float64) float64, bool) {
	x := t.trigger
	switch x.Type {
	case runbook.KPIDrop:
		h.between, h.effect = [2]float64{0, 1}, func(size float64) float64 { return 1 - size }
		return func(size float64) float64 { return stable * (1 - size) }, true
	case runbook.LatencyQuantile:
		seen := append([]float64(nil), t.hist[1].last(t.gate)...)
		limit, quantile := t.limit, t.scale.quantile(x.Quantile, seen)
		if !(limit > 0) || !(quantile > 0) {
			return nil, false
		}
		h.between, h.effect = [2]float64{1, 20}, func(size float64) float64 { return size }
		if x.Increase == 0 {
			h.effect = func(size float64) float64 { return size * quantile }
		}
		return func(size float64) float64 { return t.scale.above(limit/size, seen) }, true
	case runbook.ErrorIncrease, runbook.Compare:
		h.effect = func(size float64) float64 { return size - stable }
	default:
		h.effect = func(size float64) float64 { return size }
	}
	h.between = [2]float64{stable, 1}
	return func(size float64) float64 { return size }, true
}

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
	n := float64(h.window)
	each := [2]float64{all[0] / n, all[1] / n}
	h.ratios = func(size float64) []float64 {
		out := make([]float64, len(t.ratios))
		sum := [2]float64{each[0] * t.means.level * (1 - size), each[1] * t.means.level}
		for k, theta := range t.signal.family.Thetas {
			out[k] = n * Catoni(1-theta, t.means.level, t.means.variance, each, sum)
		}
		return out
	}
	h.between, h.effect = [2]float64{0, 1}, func(size float64) float64 { return 1 - size }
	return h, true
}
