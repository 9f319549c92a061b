package analysis

import (
	"math"

	"github.com/autorollback/autorollback/runbook"
)

// events are what a share of the opportunities is: errors, mismatches, conversions.
type events struct {
	// read is the trigger's number, from the sides' shares, and whether it passes the gate.
	read func(x runbook.Trigger, candidate, stable float64) (effect float64, passes bool)
	// sizes is what sizes of harm mean where stable has that share.
	sizes func(stable float64) sizes
}

func errorSignal(e events) (signal, error) {
	return signal{Odds: errorOdds(), family: e, guarded: true, leastOdds: leastPodOdds, leastPhi: 1, planned: true}, nil
}

func openErrors(*runbook.Runbook, runbook.Trigger) (signal, error) {
	return errorSignal(events{
		read: func(x runbook.Trigger, candidate, stable float64) (float64, bool) {
			return candidate, candidate > float64(x.Above) && candidate > runbook.MinErrorRatio*stable
		},
		sizes: func(stable float64) sizes { return sizes{[2]float64{stable, 1}, same, same} },
	})
}

func openIncrease(*runbook.Runbook, runbook.Trigger) (signal, error) {
	return errorSignal(events{
		read: func(x runbook.Trigger, candidate, stable float64) (float64, bool) {
			effect := candidate - stable
			return effect, effect > float64(x.By) && candidate > x.MinRatio*stable
		},
		sizes: func(stable float64) sizes {
			return sizes{[2]float64{stable, 1}, same, func(size float64) float64 { return size - stable }}
		},
	})
}

// drop is that of a KPI.
func drop() events {
	return events{
		read: func(x runbook.Trigger, candidate, stable float64) (float64, bool) {
			ratio := candidate / stable
			return ratio, ratio < 1-float64(x.Drop)
		},
		sizes: func(stable float64) sizes {
			return sizes{[2]float64{0, 1}, func(size float64) float64 { return stable * (1 - size) }, rest}
		},
	}
}

func (events) prepare(*Test) {}

func (events) remember(t *Test, p *pod) {
	p.surplus, p.judged = newTotal(t.guardWindow()), newTotal(t.guardWindow())
}

func (events) count(_ *Test, c *PodCount) (all, bad float64) { return c.All, c.Bad }

func (events) keep(*Test, []PodCount) {}

func (f events) before(t *Test, counts []PodCount) { t.before.take(t, counts, f.count) }

func (events) settle(*Test) {}

func (events) judge(t *Test) { t.judgeEvents(true) }

func (events) apart(t *Test) (num, den float64) { return t.scattered(t.level) }

// judgeEvents adds the interval; of latency it is not known at first what is slow.
func (t *Test) judgeEvents(known bool) {
	all, bad := t.sideAll, t.sideBad
	known = known && all[0]+all[1] > 0
	t.begin(known)
	for i, theta := range t.signal.Thetas {
		ratio := 0.0
		if known {
			ratio = t.signal.Ratio(theta, all[0]/(all[0]+all[1]), bad[0], bad[0]+bad[1])
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
	all, bad, fair := t.sideAll, t.sideBad, t.sideAll[1]/t.signal.Null
	pods := float64(t.active(runbook.Candidate))
	remain := all[0] * (1 - float64(leftOut(int(pods)))/pods)
	for _, p := range t.pods {
		if p.gone || p.role != runbook.Candidate {
			continue
		}
		surplus, judged := 0.0, 0.0
		if known && p.nowAll > 0 && remain+fair > 0 { // else there is nobody to hold the pod against
			surplus, judged = (p.nowBad*fair-p.nowAll*bad[1])/(remain+fair), 1
		}
		p.surplus.add(surplus)
		p.judged.add(judged)
	}
}

func indicator(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

func (events) withoutPods(t *Test, span int, _, lasting float64) float64 {
	s := Spans()[span]
	if !s.guarded || !t.signal.guarded {
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
	return t.signal.fitted(events, surplus, others)/lasting - s.penalty()
}

func (events) guard(t *Test, r Result) float64 {
	if r.Pods[0] == 1 {
		return math.Inf(1)
	}
	remains := math.NaN()
	for _, v := range r.WithoutPod {
		remains = greatest(remains, v)
	}
	if math.IsNaN(remains) {
		return math.Inf(-1)
	}
	return remains / t.signal.guardBar()
}

func (f events) effect(t *Test) (effect float64, level [2]float64, passes bool) {
	level = [2]float64{t.share(runbook.Candidate), t.share(runbook.Stable)}
	effect, passes = f.read(t.trigger, level[0], level[1])
	return effect, level, passes
}

func (f events) suppose(t *Test, h *hypothesis) bool { return t.supposeEvents(h, f.sizes) }

func (t *Test) supposeEvents(h *hypothesis, of func(stable float64) sizes) bool {
	all := t.bothSides(opportunities)
	stable := t.sum(runbook.Stable, eventsOf) / all[1]
	if !(all[0] > 0) || !(all[1] > 0) || stable > 1 {
		return false
	}
	if h.sizes = of(stable); h.level == nil {
		return false
	}
	share := all[0] / (all[0] + all[1])
	h.ratios = func(size float64) []float64 {
		x := all[0] * h.level(size)
		return t.signal.ratios(share, x, x+all[1]*stable)
	}
	if t.Guarded && t.active(runbook.Candidate) > 1 {
		h.widespread = func(o overlap, size float64) bool {
			s := Spans()[o.span]
			return s.guarded && t.remains(o, all, h.level(size), stable)/h.lasting-s.penalty() > t.signal.guardBar()
		}
	}
	return true
}

func opportunities(p *pod) *total { return &p.all }
func eventsOf(p *pod) *total      { return &p.bad }
func surplusOf(p *pod) *total     { return &p.surplus }

// remains is the fitted ratio without the pods that the guard leaves out, all of which do
// the same.
func (t *Test) remains(o overlap, all [2]float64, level, stable float64) float64 {
	pods := t.active(runbook.Candidate)
	kept := 1 - float64(leftOut(pods))/float64(pods)
	c, fair, bad := kept*all[0], all[1]/t.signal.Null, all[1]*stable
	x := kept*t.beforeHarm(o, runbook.Candidate, eventsOf) + o.part*c*level
	more := kept*t.beforeHarm(o, runbook.Candidate, surplusOf) + o.part*(c*level*fair-c*bad)/(c+fair)
	return t.signal.fitted(x, more, t.beforeHarm(o, runbook.Stable, eventsOf)+o.part*bad)
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
