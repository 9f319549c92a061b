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
