package analysis

import (
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
	parts           []partTotals

	nowAll, nowBad, nowSquares float64 // of this interval
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
	read := max(t.level, t.gate, t.lasts)
	p := &pod{name: name, role: role, all: newTotal(read), bad: newTotal(max(read, t.guardWindow()))}
	if role == runbook.Stable {
		p.apart = newTotal(t.level)
	} else {
		t.signal.remember(t, p)
	}
	return p
}

// guardWindow is 30 m, the longest trailing window that the pod guard looks at; 0 if it
// looks at none.
func (t *Test) guardWindow() int {
	if !t.signal.guarded {
		return 0
	}
	return t.windows[2]
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

// count adds the interval to the pods.
func (t *Test) count(counts []PodCount) {
	for _, p := range t.pods {
		p.nowAll, p.nowBad, p.nowSquares = 0, 0, 0
	}
	t.sideAll, t.sideBad, t.sideSquares = [2]float64{}, [2]float64{}, [2]float64{}
	for k := range counts {
		c := &counts[k]
		p, i := t.pod(c.Pod, c.Role), index(c.Role)
		p.nowAll, p.nowBad = t.signal.count(t, c)
		p.nowSquares = c.Squares
		t.noteBirths(c)
		t.sideAll[i] += p.nowAll
		t.sideBad[i] += p.nowBad
		t.sideSquares[i] += c.Squares
	}
	for _, p := range t.pods {
		if !p.gone {
			p.all.add(p.nowAll)
			p.bad.add(p.nowBad)
		}
	}
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
