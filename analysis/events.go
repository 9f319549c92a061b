package analysis

import (
	"math"

	"github.com/autorollback/autorollback/runbook"
)

// judge adds the interval's log likelihood ratios, and the surplus of each candidate pod.
func (t *Test) judge(known bool) {
	switch {
	case t.signal.parted:
		t.judgeParts()
	case t.signal.isTraffic():
		t.judgeTraffic()
	case t.signal.isMean():
		t.judgeMean()
	default:
		t.judgeEvents(known)
	}
}

func (t *Test) judgeEvents(known bool) {
	f, all, bad := t.signal.family, t.sideAll, t.sideBad
	t.tells(known && all[0]+all[1] > 0)
	for i, theta := range f.Thetas {
		ratio := 0.0
		if known && all[0]+all[1] > 0 {
			ratio = f.Ratio(theta, all[0]/(all[0]+all[1]), bad[0], bad[0]+bad[1])
		}
		t.ratios[i].add(ratio)
	}
	t.separate(all[1], bad[1])
	t.addSurplus(known)
}

// addSurplus is how many events each candidate pod has beyond its fair part, x - μ of the
// pod: with its c opportunities and x events, and stable's S and s, that is
//
//	(x S/θ0 - c s) / (C + S/θ0)
//
// where C are the opportunities of the pods that remain when the guard leaves the worst
// out. So the pods add up to the surplus of those that remain, whichever these are.
func (t *Test) addSurplus(known bool) {
	all, bad, fair := t.sideAll, t.sideBad, t.sideAll[1]/t.signal.family.Null
	pods := float64(t.active(runbook.Candidate))
	remain := all[0] * (1 - float64(leftOut(int(pods)))/pods)
	for _, p := range t.pods {
		if p.gone || p.role != runbook.Candidate {
			continue
		}
		surplus, judged := 0.0, 0.0
		if known && p.nowAll > 0 {
			surplus, judged = (p.nowBad*fair-p.nowAll*bad[1])/(remain+fair), count(remain+fair > 0)
		}
		p.surplus.add(surplus)
		p.judged.add(judged)
	}
}

func count(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// judgeTraffic holds what the candidate got against what it should have got.
func (t *Test) judgeTraffic() {
	got, f := t.sideAll, t.signal.family
	known := t.wanted > 0
	t.tells(known)
	for i, theta := range f.Thetas {
		if known {
			t.ratios[i].add(f.Ratio(theta, t.wanted, got[0], got[0]+got[1]))
		} else {
			t.ratios[i].add(0)
		}
	}
	if !known {
		t.due.add(0)
		for _, p := range t.pods { // what is not held against the weight is no part of the effect
			if !p.gone {
				p.all.sum -= p.nowAll
			}
		}
		return
	}
	t.due.add(t.wanted * (got[0] + got[1]))
}

// withoutPods is what remains in a window without the candidate pods that add most.
func (t *Test) withoutPods(span int, s Span, phi, lasting float64) float64 {
	switch {
	case t.signal.isMean():
		return t.meanWithoutPod(span, phi)
	case !s.guarded || !t.signal.family.guarded:
		return math.NaN()
	}
	window := t.windows[span]
	worst, rest := t.worstPods(window)
	if len(worst) == 0 || len(rest) == 0 {
		return math.NaN()
	}
	var events, surplus, others float64
	for _, p := range t.pods {
		if p.role == runbook.Stable {
			others += p.bad.last(window)
		}
	}
	for _, p := range rest {
		events += p.bad.last(window)
		surplus += p.surplus.last(window)
	}
	return t.signal.family.fitted(events, surplus, others)/lasting - s.penalty()
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
