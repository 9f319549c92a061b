package analysis

import (
	"math"

	"github.com/autorollback/autorollback/runbook"
)

// traffic is whether the candidate gets the requests that its weight stands for. How far
// routers spread them is assumed, and there is no pod guard.
type traffic struct {
	events
	due total // the requests that the candidate should have got
}

func openTraffic(*runbook.Runbook, runbook.Trigger) (signal, error) {
	return signal{Odds: shareOdds(), family: &traffic{}, leastPhi: phiTraffic, assumed: true}, nil
}

// Weigh says which share of the requests the candidate should get in the intervals
// that come, and whether the weight has stood still long enough, and every pod was seen,
// to hold it to that. Only canary_starved asks.
func (t *Test) Weigh(share float64, steady bool) {
	if t.weight = share; !steady || !(share > 0) {
		t.weight = math.NaN()
	}
}

func (f *traffic) prepare(t *Test) { f.due = newTotal(t.gate) }

func (*traffic) before(*Test, []PodCount) {}

// judge holds what the candidate got against what it should have got.
func (f *traffic) judge(t *Test) {
	all, known := t.sideAll[0]+t.sideAll[1], t.weight > 0
	t.begin(known)
	for i, theta := range t.signal.Thetas {
		ratio := 0.0
		if known {
			ratio = t.signal.Ratio(theta, t.weight, t.sideAll[0], all)
		}
		t.ratios[i].add(ratio)
	}
	if known {
		f.due.add(t.weight * all)
		return
	}
	f.due.add(0)
	for _, p := range t.pods { // what is not held against the weight is no part of the effect
		if !p.gone {
			p.all.sum -= p.nowAll
		}
	}
}

func (f *traffic) effect(t *Test) (effect float64, level [2]float64, passes bool) {
	level = [2]float64{t.sum(runbook.Candidate, opportunities), f.due.last(t.gate)}
	effect = level[0] / level[1]
	return effect, level, effect < float64(t.trigger.Below)
}

func (*traffic) guard(*Test, Result) float64 { return math.Inf(1) }

// suppose is for a candidate that gets only a part of what it should.
func (f *traffic) suppose(t *Test, h *hypothesis) bool {
	due := f.due.last(t.gate)
	if !(due > 0) || !(t.weight > 0) {
		return false
	}
	all := due / t.weight
	h.ratios = func(size float64) []float64 { return t.signal.ratios(t.weight, due*(1-size), all) }
	h.between, h.effect = [2]float64{0, 1}, rest
	return true
}
