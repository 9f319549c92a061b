package analysis

import "github.com/autorollback/autorollback/runbook"

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
	f, share := t.signal.family, all[0]/(all[0]+all[1])
	h.ratios = func(size float64) []float64 {
		x := all[0] * level(size)
		out := make([]float64, len(f.Thetas))
		for k, theta := range f.Thetas {
			out[k] = f.Ratio(theta, share, x, x+all[1]*stable)
		}
		return out
	}
	if t.Guarded && t.active(runbook.Candidate) > 1 {
		h.alone = func(o overlap, size float64) bool {
			s := Spans()[o.span]
			return s.guarded && t.remains(o, all, level(size), stable)/h.lasting-s.penalty() > t.signal.guardBar()
		}
	}
	return h, true
}

func opportunities(p *pod) *total { return &p.all }
func events(p *pod) *total        { return &p.bad }
func surplus(p *pod) *total       { return &p.surplus }

// remains is the fitted ratio without the pods that the guard leaves out, all of which do
// the same.
func (t *Test) remains(o overlap, all [2]float64, level, stable float64) float64 {
	pods := t.active(runbook.Candidate)
	kept := 1 - float64(leftOut(pods))/float64(pods)
	c, fair, bad := kept*all[0], all[1]/t.signal.family.Null, all[1]*stable
	x := kept*t.beforeHarm(o, runbook.Candidate, events) + o.part*c*level
	more := kept*t.beforeHarm(o, runbook.Candidate, surplus) + o.part*(c*level*fair-c*bad)/(c+fair)
	return t.signal.family.fitted(x, more, t.beforeHarm(o, runbook.Stable, events)+o.part*bad)
}

// beforeHarm is what a side's pods did before the harm, in a window of significance.
func (t *Test) beforeHarm(o overlap, role runbook.Role, of func(*pod) *total) float64 {
	sum := 0.0
	for _, p := range t.pods {
		if p.role == role {
			sum += t.earlier(of(p), o)
		}
	}
	return sum
}

// levels settles what a size means: which share of the candidate's opportunities are
// events then, and which effect that is.
func (t *Test) levels(h *hypothesis, stable float64) (func(size float64) float64, bool) {
	same := func(size float64) float64 { return size }
	switch t.trigger.Type {
	case runbook.KPIDrop:
		h.between, h.effect = [2]float64{0, 1}, func(size float64) float64 { return 1 - size }
		return func(size float64) float64 { return stable * (1 - size) }, true
	case runbook.LatencyQuantile:
		return t.slowerLevels(h)
	case runbook.ErrorIncrease, runbook.Compare:
		h.effect = func(size float64) float64 { return size - stable }
	default:
		h.effect = same
	}
	h.between = [2]float64{stable, 1}
	return same, true
}

// mostTimes is the greatest slowdown that is looked at.
const mostTimes = 20

// slowerLevels has sizes that are how many times slower the candidate is.
func (t *Test) slowerLevels(h *hypothesis) (func(size float64) float64, bool) {
	seen := append([]float64(nil), t.hist[1].last(t.gate)...)
	limit, quantile := t.limit, t.scale.quantile(t.trigger.Quantile, seen)
	if !(limit > 0) || !(quantile > 0) {
		return nil, false
	}
	h.between, h.effect = [2]float64{1, mostTimes}, func(size float64) float64 { return size }
	if t.trigger.Increase == 0 {
		h.effect = func(size float64) float64 { return size * quantile }
	}
	return func(size float64) float64 { return t.scale.above(limit/size, seen) }, true
}
