package analysis

import (
	"math"

	"github.com/autorollback/autorollback/runbook"
)

// Smallest is the smallest effect that could be proved now, in the unit of the trigger's
// effect: the least harm, the same on all candidate pods, which, had it been there for the
// whole of the trigger's window at the traffic and the dispersion of that window, would be
// significant at its end. What was counted before the window stays as it was. It is the
// expected sum, so that half of such harms are proved a little earlier and half a little
// later. NaN: not even the greatest harm could be proved, or there is no data.
func (t *Test) Smallest() float64 {
	h, ok := t.harmless()
	if !ok {
		return math.NaN()
	}
	from, to := h.between[0], h.between[1]
	if !h.proves(to) {
		return math.NaN()
	}
	return h.effect(narrow(from, to, 40, h.proves))
}

// A hypothesis is harm of some size in the trigger's window. Sizes grow with harm.
type hypothesis struct {
	test         *Test
	window       int                                // in intervals, of which there are data
	ratios       func(size float64) []float64       // log likelihood ratios of the window
	alone        func(o overlap, size float64) bool // whether the pod guard passes; nil: there is none
	effect       func(size float64) float64
	between      [2]float64
	phi, lasting float64
}

// An overlap is how much of the harm falls into one of the windows of significance.
type overlap struct {
	span   int
	harmed int     // intervals
	part   float64 // of the trigger's window
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
	proved, alone := false, h.alone == nil
	for i := range Spans() {
		if !t.judges(i) {
			continue
		}
		o := h.within(i)
		sums := make([]float64, len(t.ratios))
		for k := range sums {
			sums[k] = (t.earlier(&t.ratios[k], o) + o.part*now[k]) / h.phi
		}
		proved = proved || mixture(sums) > t.bar(i)
		alone = alone || h.alone(o, size)
	}
	return proved && alone
}

func (h hypothesis) within(span int) overlap {
	harmed := h.window
	if length := h.test.windows[span]; length != since {
		harmed = min(harmed, length)
	}
	return overlap{span, harmed, float64(harmed) / float64(h.window)}
}

// earlier is what a window of significance holds from before the harm.
func (t *Test) earlier(x *total, o overlap) float64 {
	return x.last(t.windows[o.span]) - x.last(o.harmed)
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
