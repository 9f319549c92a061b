package analysis

import (
	"math"
	"slices"

	"github.com/autorollback/autorollback/runbook"
)

// A pod is what one pod did since the release began. Windows are forgotten once it has
// been silent for longer than any of them.
type pod struct {
	name   string
	role   runbook.Role
	silent int  // intervals since it was counted
	gone   bool // its windows are forgotten

	all, bad        total
	surplus, judged total // of a candidate pod: events beyond its fair part; 1 where that is known
	apart           total // of a stable pod: events beyond its part of the side's
	influence       []total
	parts           []tally

	nowAll, nowBad, nowSquares float64 // of this interval
}

// A tally is opportunities and events.
type tally struct {
	all, bad       total
	nowAll, nowBad float64 // of this interval
}

func newTally(longest int) tally { return tally{all: newTotal(longest), bad: newTotal(longest)} }

func (t *tally) share(window int) float64 { return t.bad.last(window) / t.all.last(window) }

// settle ends the interval.
func (t *tally) settle() {
	t.all.add(t.nowAll)
	t.bad.add(t.nowBad)
	t.nowAll, t.nowBad = 0, 0
}

func index(r runbook.Role) int {
	if r == runbook.Candidate {
		return 0
	}
	return 1
}

// pod finds a pod, or begins it.
func (t *Test) pod(name string, role runbook.Role) *pod {
	for _, p := range t.pods {
		if p.name == name && p.role == role {
			p.silent, p.gone = 0, false
			return p
		}
	}
	p := t.newPod(name, role)
	t.pods = append(t.pods, p)
	return p
}

// newPod remembers as far back as some window reads.
func (t *Test) newPod(name string, role runbook.Role) *pod {
	guarded := 0
	if t.signal.family.guarded {
		guarded = t.windows[2] // 30 m: the longest trailing window that the guard looks at
	}
	read := max(t.level, t.gate, t.lasts)
	p := &pod{name: name, role: role, all: newTotal(read), bad: newTotal(max(read, guarded))}
	switch {
	case role == runbook.Stable:
		p.apart = newTotal(t.level)
	case t.signal.isMean():
		p.judged = newTotal(t.windows[1])
		for range t.signal.family.Thetas {
			p.influence = append(p.influence, t.newRatio())
		}
	default:
		p.surplus, p.judged = newTotal(guarded), newTotal(guarded)
	}
	return p
}

// mostPods bounds how many pods a release remembers, of both sides together. The windows
// of those that are gone are forgotten anyway; beyond this number so is their part of the
// release.
const mostPods = 2000

// forgetGone lets go of the windows of pods that have been silent for longer than any.
func (t *Test) forgetGone() {
	for _, p := range t.pods {
		if p.silent++; p.silent > t.windows[1]+t.gate+t.lasts && !p.gone {
			p.gone = true
			p.forget()
		}
	}
	if len(t.pods) > mostPods {
		t.pods = slices.DeleteFunc(t.pods, func(p *pod) bool { return p.gone })
	}
}

func (p *pod) forget() {
	for _, x := range []*total{&p.all, &p.bad, &p.surplus, &p.judged, &p.apart} {
		x.forget()
	}
	for i := range p.influence {
		p.influence[i].forget()
	}
	p.parts = nil
}

// count adds the interval to the pods. It reports whether events are known: of a
// latency signal they are not, until the limit is.
func (t *Test) count(counts []PodCount) bool {
	latency := t.trigger.Type == runbook.LatencyQuantile
	limit := t.limit
	for _, p := range t.pods {
		p.nowAll, p.nowBad, p.nowSquares = 0, 0, 0
	}
	t.sideAll, t.sideBad, t.sideSquares = [2]float64{}, [2]float64{}, [2]float64{}
	for _, c := range counts {
		switch {
		case latency:
			c.All, c.Bad = t.slow(c, limit)
		case t.signal.parted:
			c.All, c.Bad = t.split(c)
		}
		t.noteBirths(c)
		p := t.pod(c.Pod, c.Role)
		p.nowAll, p.nowBad, p.nowSquares = c.All, c.Bad, c.Squares
		i := index(c.Role)
		t.sideAll[i], t.sideBad[i], t.sideSquares[i] = t.sideAll[i]+c.All, t.sideBad[i]+c.Bad, t.sideSquares[i]+c.Squares
	}
	for _, p := range t.pods {
		if !p.gone {
			p.all.add(p.nowAll)
			p.bad.add(p.nowBad)
		}
	}
	t.keepHistograms(counts)
	return !latency || !math.IsNaN(limit)
}

// active counts the pods of a side that did anything in the last five minutes.
func (t *Test) active(role runbook.Role) int {
	n := 0
	for _, p := range t.pods {
		if p.role == role && p.all.last(t.level) > 0 {
			n++
		}
	}
	return n
}
