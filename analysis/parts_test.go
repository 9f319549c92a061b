package analysis

import (
	"math"
	"slices"
	"testing"

	"github.com/autorollback/autorollback/runbook"
)

func TestCuts(t *testing.T) {
	for _, c := range []struct{ bounds, want []float64 }{
		{[]float64{1}, []float64{1}},
		{[]float64{1, 2, 3, 4}, []float64{1, 2, 3, 4}},
		{[]float64{1, 2, 3, 4, 5}, []float64{1, 2, 4, 5}},
		{scoreBounds, []float64{0.2, 0.4, 0.6, 0.8}},
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, []float64{3, 7, 11, 15}},
	} {
		if got := Cuts(runbook.Distribution{Buckets: c.bounds}); !slices.Equal(got, c.want) {
			t.Errorf("of %v: %v, want %v", c.bounds, got, c.want)
		}
	}
	x := begin(t, shop("shift"), "shift")
	got := x.signal.family.(*parts).below([]float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512})
	if want := []PartCount{{1023, 3}, {1023, 15}, {1023, 63}, {1023, 255}}; !slices.Equal(got, want) {
		t.Errorf("at or below the cuts are %v, want %v", got, want)
	}
	if got := x.signal.family.(*parts).below([]float64{1, 2, 4}); len(got) != 4 || got[3] != (PartCount{7, 7}) {
		t.Errorf("of a histogram that is too short: %v", got)
	}
}

// scores has a pod's values in the five bins that the cuts make.
func scores(pod string, role runbook.Role, bins ...float64) PodCount {
	c := PodCount{Pod: pod, Role: role, Buckets: make([]float64, len(scoreBounds)+1)}
	for i, v := range bins {
		c.Buckets[2*i] = v
	}
	return c
}

// The population stability index by hand: 20 % in each bin against 40, 20, 20, 10, 10 %.
func TestStabilityIndex(t *testing.T) {
	x := begin(t, shop("psi"), "psi")
	counts := []PodCount{scores("c0", runbook.Candidate, 40, 20, 20, 10, 10), scores("s0", runbook.Stable, 20, 20, 20, 20, 20)}
	r := x.Observe(counts)
	if want := 0.2*math.Log(2) + 0.2*math.Log(2); !like(r.Effect, want, 1e-12) || !r.Gate {
		t.Errorf("index %g, gate %v, want %g and true", r.Effect, r.Gate, want)
	}
	// An empty bin does not make it infinite: at least one in 10,000 is assumed.
	x = begin(t, shop("psi"), "psi")
	r = x.Observe([]PodCount{scores("c0", runbook.Candidate, 25, 25, 25, 25, 0), scores("s0", runbook.Stable, 20, 20, 20, 20, 20)})
	if want := 4*0.05*math.Log(1.25) - 0.1999*math.Log(0.0005); !like(r.Effect, want, 1e-12) {
		t.Errorf("index with an empty bin %g, want %g", r.Effect, want)
	}
	if r = begin(t, shop("psi"), "psi").Observe(counts[:1]); !math.IsNaN(r.Effect) || r.Gate {
		t.Errorf("index with one side %g, gate %v", r.Effect, r.Gate)
	}
	if r = begin(t, shop("psi"), "psi").Observe(nil); !math.IsNaN(r.Effect) || r.Gate || !math.IsNaN(r.Significance) {
		t.Errorf("of nothing: %+v", r)
	}
}

// A trigger worded as PSI wants proof, and a shift on more than one pod.
func TestStabilityIndexFires(t *testing.T) {
	run := func(one bool) Result {
		x, last := begin(t, shop("psi"), "psi"), Result{}
		for range 40 {
			counts := []PodCount{scores("c0", runbook.Candidate, 80, 10, 4, 3, 3), scores("c1", runbook.Candidate, 40, 20, 20, 10, 10)}
			if one {
				counts[1] = scores("c1", runbook.Candidate, 20, 20, 20, 20, 20)
			}
			for _, pod := range []string{"s0", "s1", "s2"} {
				counts = append(counts, scores(pod, runbook.Stable, 20, 20, 20, 20, 20))
			}
			last = x.Observe(counts)
		}
		return last
	}
	if r := run(false); !r.Fires() {
		t.Errorf("does not fire: %+v", r)
	}
	if r := run(true); r.Fires() || !r.Gate || !r.Proved || r.Widespread {
		t.Errorf("one pod's doing: %+v", r)
	}
}

// The worst part counts, in a shift whichever way it goes.
func TestWorstPart(t *testing.T) {
	x := begin(t, shop("null-spike"), "null-spike")
	parts := func(shares ...float64) (out []PartCount) {
		for _, s := range shares {
			out = append(out, PartCount{1000, 1000 * s})
		}
		return out
	}
	r := x.Observe([]PodCount{{Pod: "c0", Role: runbook.Candidate, Parts: parts(0.01, 0.05, 0)}, {Pod: "s0", Role: runbook.Stable, Parts: parts(0.02, 0.01, 0.5)}})
	if !like(r.Effect, 0.04, 1e-12) || !r.Gate {
		t.Errorf("effect %g, gate %v, want 0.04 of the second feature", r.Effect, r.Gate)
	}
	x = begin(t, shop("shift"), "shift")
	r = x.Observe([]PodCount{scores("c0", runbook.Candidate, 10, 20, 20, 20, 30), scores("s0", runbook.Stable, 20, 20, 20, 20, 20)})
	if !like(r.Effect, 0.1, 1e-12) {
		t.Errorf("distance %g, want 0.1", r.Effect)
	}
}

// A feature that appears later begins then, and one without rows says nothing.
func TestPartsThatAppear(t *testing.T) {
	x := begin(t, shop("null-spike"), "null-spike")
	pods := func(parts ...PartCount) (out []PodCount) {
		for i, role := range []runbook.Role{runbook.Candidate, runbook.Candidate, runbook.Stable, runbook.Stable, runbook.Stable} {
			c := PodCount{Pod: string(rune('a' + i)), Role: role, Parts: slices.Clone(parts)}
			if role == runbook.Stable {
				for k := range c.Parts {
					c.Parts[k].Bad /= 10
				}
			}
			out = append(out, c)
		}
		return out
	}
	x.Observe(nil)
	for range 5 {
		if r := x.Observe(pods(PartCount{100, 1})); r.Proved {
			t.Fatalf("%+v", r)
		}
	}
	var r Result
	for range 30 {
		r = x.Observe(pods(PartCount{100, 1}, PartCount{}, PartCount{100, 40}))
	}
	if !r.Fires() || !like(r.Effect, 0.36, 1e-9) || len(x.signal.family.(*parts).sides) != 3 || len(x.ratios) != 3 {
		t.Errorf("%d parts, %+v", len(x.signal.family.(*parts).sides), r)
	}
}

// One pod that does anything is not left out, whatever idle pods are beside it.
func TestOnePodWithParts(t *testing.T) {
	x, r := begin(t, shop("null-spike"), "null-spike"), Result{}
	for range 10 {
		r = x.Observe([]PodCount{
			{Pod: "c0", Role: runbook.Candidate, Parts: []PartCount{{1000, 300}}}, {Pod: "c1", Role: runbook.Candidate, Parts: []PartCount{{}}},
			{Pod: "s0", Role: runbook.Stable, Parts: []PartCount{{1000, 10}}}, {Pod: "s1", Role: runbook.Stable, Parts: []PartCount{{1000, 10}}},
		})
	}
	if !r.Fires() || !math.IsInf(x.signal.family.(*parts).remains(x), 1) {
		t.Errorf("%+v, %g remains", r, x.signal.family.(*parts).remains(x))
	}
}

func TestPartLimits(t *testing.T) {
	for name, want := range map[string][2]float64{"null-spike": {0.01, 0.5}, "shift": {0.1, 0.5}, "psi": {0.05, 1}} {
		trigger := triggers()[name]
		if got := [2]float64{PartLimit(trigger), partOfEffect(trigger)}; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}
