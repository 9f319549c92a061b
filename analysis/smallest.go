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
	h, ok := t.hypothesis()
	if !ok {
		return math.NaN()
	}
	from, to := h.between[0], h.between[1]
	if !h.proves(to) {
		return math.NaN()
	}
	return h.effect(narrow(from, to, 40, h.proves))
}

// Blunted reports whether the smallest effect that could be proved is further than the one
// that the runbook names, and than the one that passes the gate where stable has that level.
// NaN, which is that nothing could be proved, is; what has no limit in the unit of its effect
// is not.
func Blunted(t runbook.Trigger, smallest, stable float64) bool {
	limit, under := bound(t, stable)
	switch {
	case math.IsNaN(limit) || !t.Proved():
		return false
	case under:
		return !(smallest >= limit)
	}
	return !(smallest <= limit)
}

// bound is the runbook's number in the unit of the trigger's effect, and whether harm is below
// it. NaN: there is none, as of a PSI, which no share of harm can be told from.
func bound(t runbook.Trigger, stable float64) (limit float64, under bool) {
	switch t.Type {
	case runbook.LatencyQuantile:
		if t.Increase > 0 {
			return 1 + float64(t.Increase), false
		}
		return t.Ceiling.Std().Seconds(), false
	case runbook.KPIDrop:
		return 1 - float64(t.Drop), true
	case runbook.CanaryStarved:
		return float64(t.Below), true
	case runbook.ErrorRate, runbook.SchemaMismatch:
		return max(float64(t.Above), runbook.MinErrorRatio*stable), false
	case runbook.ErrorIncrease, runbook.Compare:
		return max(float64(t.By), (t.MinRatio-1)*stable), false
	case runbook.NullSpike:
		return float64(t.By), false
	case runbook.DistributionShift:
		if t.PSI == 0 {
			return float64(t.Distance), false
		}
	}
	return math.NaN(), false
}

// A hypothesis is harm of some size in the trigger's window. Sizes grow with harm.
type hypothesis struct {
	test         *Test
	window       int                                // in intervals, of which there are data
	ratios       func(size float64) []float64       // log likelihood ratios of the window
	widespread   func(o overlap, size float64) bool // whether the pod guard passes; nil: there is none
	phi, lasting float64
	sizes
}

// sizes are what sizes of harm mean.
type sizes struct {
	between [2]float64                 // the least, and the greatest that is looked at
	level   func(size float64) float64 // which share of the candidate's opportunities are events then
	effect  func(size float64) float64 // which effect that is
}

func same(size float64) float64 { return size }
func rest(size float64) float64 { return 1 - size }

// An overlap is how much of the harm falls into one of the windows of significance.
type overlap struct {
	span   int
	harmed int     // intervals
	part   float64 // of the trigger's window
}

// hypothesis is prepared from what the window holds.
func (t *Test) hypothesis() (hypothesis, bool) {
	if t.began == 0 || t.trigger.Style == runbook.ByThreshold {
		return hypothesis{}, false
	}
	h := hypothesis{test: t, window: max(1, min(t.gate, t.n-t.began+1)), phi: t.phi()}
	h.lasting = t.lastingPhi(h.phi)
	ok := t.signal.suppose(t, &h)
	return h, ok
}

// proves reports whether harm of that size would be significant.
func (h hypothesis) proves(size float64) bool {
	t, now := h.test, h.ratios(size)
	proved, widespread := false, h.widespread == nil
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
		widespread = widespread || h.widespread(o, size)
	}
	return proved && widespread
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
