package rules

import (
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// features adds missing values of three features; shift changes that of age on the
// candidate, and shared keeps rows without the feature's label.
func features(age func(p *pod) func(time.Duration) float64, shared bool) func([]*pod) []*pod {
	return func(pods []*pod) []*pod {
		for _, name := range []string{"age", "city", "price"} {
			with(pods, func(p *pod) *extra {
				e := &extra{name: "nulls_total", labels: []string{"feature", name}, share: constant(0.02)}
				if name == "age" {
					e.share = age(p)
				}
				return e
			})
			if !shared {
				with(pods, func(*pod) *extra {
					return &extra{name: "rows_total", labels: []string{"feature", name}, share: constant(1)}
				})
			}
		}
		if shared {
			with(pods, func(*pod) *extra { return &extra{name: "rows_total", share: constant(1)} })
		}
		return pods
	}
}

func onCandidates(good, bad float64) func(*pod) func(time.Duration) float64 {
	return func(p *pod) func(time.Duration) float64 {
		if p.candidate() {
			return after(onset, good, bad)
		}
		return constant(good)
	}
}

func sharedRows(_ *world, rb *runbook.Runbook) { rb.Metrics.Features.SharedRows = true }

func TestNullSpike(t *testing.T) {
	spike := runbook.Trigger{Type: runbook.NullSpike, For: dur(5 * time.Minute), By: 0.01}
	value := [2]float64{0.02, 0.055}
	tell(t, []story{
		{name: "one feature from 1 to 6 %", trigger: spike, pods: features(onCandidates(0.01, 0.06), false), minutes: 16, fires: true, within: 4 * time.Minute, value: value},
		{name: "one feature from none to 5 %, shared rows", trigger: spike, before: sharedRows, pods: features(onCandidates(0, 0.05), true), minutes: 16, fires: true, within: 4 * time.Minute, value: value},
		{name: "no change, shared rows", trigger: spike, before: sharedRows, pods: features(onCandidates(0.02, 0.02), true), minutes: 15},
		{name: "both sides", trigger: spike, minutes: 16, pods: features(func(*pod) func(time.Duration) float64 { return after(onset, 0.01, 0.2) }, false)},
	})
}

// scores are values between 0 and 1; a greater skew is a higher score.
func scores(skew func(p *pod) func(time.Duration) float64) func([]*pod) []*pod {
	return func(pods []*pod) []*pod {
		return with(pods, func(p *pod) *extra { return &extra{name: "score", skew: skew(p)} })
	}
}

func TestDistributionShift(t *testing.T) {
	shift := runbook.Trigger{Type: runbook.DistributionShift, For: dur(10 * time.Minute), Distribution: "score", Distance: 0.1, Against: runbook.AgainstStable}
	psi := shift
	psi.Distance, psi.PSI = 0, 0.25
	// x against x^2: the greatest gap is 1/4; PSI over ten bins is about 0.6.
	tell(t, []story{
		{name: "higher scores", trigger: shift, pods: scores(onCandidates(1, 2)), minutes: 18, fires: true, within: 7 * time.Minute, value: [2]float64{0.1, 0.27}},
		{name: "lower scores", trigger: shift, pods: scores(onCandidates(1, 0.5)), minutes: 18, fires: true, within: 7 * time.Minute, value: [2]float64{0.1, 0.27}},
		{name: "a little higher", trigger: shift, pods: scores(onCandidates(1, 1.1)), minutes: 18},
		{name: "the world changes", trigger: shift, minutes: 18, pods: scores(func(*pod) func(time.Duration) float64 { return after(onset, 1, 2) })},
		{name: "by PSI", trigger: psi, pods: scores(onCandidates(1, 3)), minutes: 20, fires: true, within: 9 * time.Minute, value: [2]float64{0.25, 2}},
		{name: "a little higher, by PSI", trigger: psi, pods: scores(onCandidates(1, 1.3)), minutes: 20},
	})
}

func TestShiftFromTheReferencePages(t *testing.T) {
	bulk(t)
	world := runbook.Trigger{Name: "told", Type: runbook.DistributionShift, Severity: runbook.Page, For: dur(5 * time.Minute), Distribution: "score", Distance: 0.1, Against: runbook.AgainstReference}
	rb := data(world)
	for _, b := range scoreBounds {
		rb.Metrics.Distributions[0].Reference = append(rb.Metrics.Distributions[0].Reference, runbook.Ratio(b))
	}
	w := newWorld(t, 23, scores(func(*pod) func(time.Duration) float64 { return after(onset, 1, 2) })(usualFleet()), rb)
	got := w.run(18 * time.Minute)
	fires(t, got, "ranker/told")
	if at := got["ranker/told"]; at < onset || at > onset+5*time.Minute {
		t.Errorf("fired at %s", at)
	}
	q, err := Ask(rb)
	if err != nil {
		t.Fatal(err)
	}
	effect, _ := q.Effect("told", release("default"))
	if v := w.ask(effect); len(v) != 1 || v[0].F < 0.2 || v[0].F > 0.27 {
		t.Errorf("distance %v, want about 0.25", v)
	}
}

// served changes what the candidate gets of the usual 50 requests per second.
func served(rps func(time.Duration) float64) func([]*pod) []*pod {
	return func(pods []*pod) []*pod {
		return of(pods, candidates, func(p *pod) {
			p.rps = func(t time.Duration) float64 { return rps(t) / 3 }
		})
	}
}

func TestCanaryStarved(t *testing.T) {
	starved := runbook.Trigger{Type: runbook.CanaryStarved, For: dur(3 * time.Minute), Below: 0.5}
	// unseen keeps two of the three candidate pods, which serve on, from being scraped.
	unseen := func(from, until time.Duration) func([]*pod) []*pod {
		return func(pods []*pod) []*pod {
			return of(pods, func(p *pod) bool { return p.candidate() && p.name != "ranker-c0" }, func(p *pod) {
				p.silent = func(t time.Duration) bool { return t >= from && t < until }
			})
		}
	}
	// weighs gives the candidate a share in percent.
	weighs := func(share func(time.Duration) float64) func(*world, *runbook.Runbook) {
		return func(w *world, _ *runbook.Runbook) {
			w.weight = func(p *pod, t time.Duration) float64 {
				if p.candidate() {
					return share(t)
				}
				return 100 - share(t)
			}
		}
	}
	tell(t, []story{
		{name: "gets all it should", trigger: starved, adjust: weighs(constant(25)), minutes: 15},
		{name: "gets a fifth", trigger: starved, adjust: weighs(constant(25)), pods: served(after(onset, 50, 10)), minutes: 16, fires: true, within: 4 * time.Minute, value: [2]float64{0.1, 0.4}},
		{name: "gets four fifths", trigger: starved, adjust: weighs(constant(25)), pods: served(after(onset, 50, 38)), minutes: 16},
		// Traffic follows a step of the weight 40 s later.
		{name: "a step off the grid", trigger: starved, minutes: 20, adjust: weighs(after(onset, 1, 25)),
			pods: served(after(onset+40*time.Second, 1.5, 50))},
		{name: "a router that follows slowly", trigger: starved, minutes: 20, adjust: weighs(after(onset, 1, 25)),
			pods: served(after(onset+70*time.Second, 1.5, 50))},
		{name: "two of three pods are gone", trigger: starved, adjust: weighs(constant(25)), pods: unseen(onset, time.Hour), minutes: 26,
			fires: true, within: 4 * time.Minute, value: [2]float64{0.3, 0.45}},
		{name: "crash loop", also: "ranker/blind default", trigger: starved, adjust: weighs(constant(25)), minutes: 16, fires: true, within: 4 * time.Minute, value: [2]float64{0, 0.01},
			pods: func(pods []*pod) []*pod {
				return of(pods, candidates, func(p *pod) { p.silent = func(t time.Duration) bool { return t >= onset } })
			}},
	})
}
