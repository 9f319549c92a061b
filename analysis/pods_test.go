package analysis

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/autorollback/autorollback/runbook"
)

// A pod that vanishes keeps its part of the release, and its windows are forgotten.
func TestPodsThatVanish(t *testing.T) {
	x := begin(t, shop(), "error-rate")
	with := even([2]int{3, 4}, [2]float64{900, 4000}, [2]float64{90, 40})
	without := slices.DeleteFunc(slices.Clone(with), func(c PodCount) bool { return c.Pod == "candidate0" || c.Pod == "stable0" })
	for range 40 {
		x.Observe(with)
	}
	find := func(name string) *pod {
		i := slices.IndexFunc(x.pods, func(p *pod) bool { return p.name == name })
		return x.pods[i]
	}
	before := *find("candidate0")
	if before.surplus.sum <= 0 || before.bad.sum != 40*30 {
		t.Fatalf("%+v", before)
	}
	var r Result
	for range 5 * 240 {
		r = x.Observe(without)
	}
	for _, name := range []string{"candidate0", "stable0"} {
		p := find(name)
		if !p.gone || p.all.past != nil || p.bad.past != nil || p.surplus.past != nil || p.judged.past != nil || p.apart.past != nil {
			t.Errorf("%s is remembered: %+v", name, p)
		}
		if p.bad.last(x.level) != 0 || p.all.last(x.level) != 0 {
			t.Errorf("%s did something lately", name)
		}
	}
	if p := find("candidate0"); p.surplus.last(since) != before.surplus.sum || p.judged.last(since) != 40 || p.bad.last(since) != before.bad.sum {
		t.Errorf("its part of the release is %g, want %g", p.surplus.last(since), before.surplus.sum)
	}
	if r.Pods != [2]int{2, 3} {
		t.Errorf("pods %v", r.Pods)
	}
	for range x.level { // it is back
		r = x.Observe(with)
	}
	if p := find("candidate0"); p.gone || p.bad.last(x.level) != 30*float64(x.level) || p.bad.sum != float64(40+x.level)*30 || r.Pods != [2]int{3, 4} {
		t.Errorf("back again: %+v, pods %v", p, r.Pods)
	}
}

// Whether windows are forgotten makes no difference, for every kind of trigger.
func TestForgettingChangesNothing(t *testing.T) {
	for name, trigger := range triggers() {
		rb := shop(name)
		x, y := begin(t, rb, name), begin(t, rb, name)
		f := feed{rnd: seeded(2), rate: 20, share: 0.4, pods: [2]int{3, 4}, level: [2]float64{0.5, 0.5}}
		idle := func(role runbook.Role) PodCount {
			return PodCount{Pod: string(role) + "9", Role: role, Buckets: make([]float64, 16), Parts: make([]PartCount, 3)}
		}
		for i := range 1500 {
			counts := f.counts(MeasureOf(trigger))
			x.Weigh(0.4, true)
			y.Weigh(0.4, true)
			if i < 30 || i > 1400 {
				c, s := counts[0], counts[0]
				c.Pod, s.Pod, s.Role = "candidate9", "stable9", runbook.Stable
				counts = append(counts, c, s)
			}
			a := x.Observe(counts)
			if i >= 30 && i <= 1400 { // y hears of both all the time
				counts = append(counts, idle(runbook.Candidate), idle(runbook.Stable))
			}
			if b := y.Observe(counts); !alike(a, b, 1e-9) {
				t.Fatalf("%s, interval %d:\n%+v\nwant\n%+v", name, i, a, b)
			}
			if i == 1300 && !x.pods[slices.IndexFunc(x.pods, func(p *pod) bool { return p.name == "stable9" })].gone {
				t.Fatalf("%s: nothing is forgotten", name)
			}
		}
	}
}

// A release whose pods come and go without end forgets the oldest.
func TestPodsWithoutEnd(t *testing.T) {
	x := begin(t, shop(), "error-rate")
	for i := range 1200 {
		x.Observe([]PodCount{
			{Pod: fmt.Sprint(i), Role: runbook.Candidate, All: 10}, {Pod: fmt.Sprint(i), Role: runbook.Stable, All: 10},
		})
	}
	if len(x.pods) > mostPods {
		t.Errorf("%d pods are remembered", len(x.pods))
	}
	if r := x.Observe(nil); math.IsNaN(r.LogE[0]) {
		t.Errorf("%+v", r)
	}
}

// Where routers count, all harm may come through one of them: no guard looks at it.
func TestRoutersAreNoPods(t *testing.T) {
	for vantage, want := range map[runbook.Vantage]bool{"": false, runbook.FromPods: false, runbook.FromRouter: true} {
		for _, change := range map[string]func(*runbook.Trigger){"evidence": func(*runbook.Trigger) {}, "threshold": func(t *runbook.Trigger) { t.Style = runbook.ByThreshold }} {
			rb := shop()
			rb.Metrics.Vantage = vantage
			x := begin(t, rb, "error-rate", change)
			counts := even([2]int{2, 4}, [2]float64{900, 4000}, [2]float64{0, 20})
			counts[0].Bad = 150
			var r Result
			for range 40 {
				r = x.Observe(counts)
			}
			if !r.Proved || r.Widespread != want || r.Fires() != want {
				t.Errorf("vantage %q: proved %v, widespread %v, significance %g", vantage, r.Proved, r.Widespread, r.Significance)
			}
		}
	}
}
