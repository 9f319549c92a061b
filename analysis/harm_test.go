package analysis

import (
	"math"
	"testing"
)

func steady(t *testing.T, trigger string, rate, stable, candidate float64, pods int) Harm {
	t.Helper()
	rb := shop("latency-p95", "error-rate", "conversion-drop", "revenue-drop")
	x, _ := rb.Trigger(trigger)
	h, err := NewHarm(rb, x)
	if err != nil {
		t.Fatal(err)
	}
	h.Rate, h.Stable, h.Candidate, h.Pods = rate, stable, candidate, pods
	if trigger == "revenue-drop" {
		h.Variation = 30
	}
	return h
}

func TestNewHarmRefuses(t *testing.T) {
	for _, name := range []string{"null-spike", "shift", "starved"} {
		rb := shop(name)
		if _, err := NewHarm(rb, rb.Triggers[0]); err == nil {
			t.Errorf("%s has a planning formula", name)
		}
	}
	rb := shop()
	unknown := rb.Triggers[2]
	unknown.KPI = "none"
	if _, err := NewHarm(rb, unknown); err == nil {
		t.Error("an unknown KPI has a planning formula")
	}
}

// Whether a step goes on or a new one begins at the same weight, the proof comes at the
// same moment, but for the seconds in which a mean's variance is not believed yet. (Whether
// that is when simulated releases are proved is tested in plan.)
func TestHarmIsCarried(t *testing.T) {
	for _, h := range []Harm{
		steady(t, "error-rate", 20, 0.005, 0.03, 3), steady(t, "latency-p95", 40, 0.05, 0.12, 6),
		steady(t, "conversion-drop", 300, 0.05, 0.045, 2), steady(t, "revenue-drop", 300, 1, 0.8, 2), steady(t, "error-rate", 20, 0.005, 0.03, 1),
	} {
		all, guarded := h.Proof(0.25, Carried{})
		if !(all > 10 && all < Longest.Seconds()) || guarded == 0 != (h.Pods == 1) {
			t.Errorf("%+v is proved after %g and %g seconds", h, all, guarded)
		}
		c := h.Carry(Carried{}, 0.25, 5)
		c = h.Carry(c, 0.25, all/2-5)
		later, without := h.Proof(0.25, c)
		off := 1 + h.unbelieved()
		if c.Seconds() != all/2 || math.Abs(later+all/2-all) > off || h.Pods > 1 && math.Abs(without+all/2-guarded) > off {
			t.Errorf("%+v: %g and %g seconds, after a step of %g still %g and %g", h, all, guarded, all/2, later, without)
		}
	}
}

// Harm that begins late takes longer, to the higher bar of the trailing windows.
func TestLateProofIsLater(t *testing.T) {
	h := steady(t, "error-rate", 20, 0.005, 0.05, 3)
	all, guarded := h.Proof(0.25, Carried{})
	if late := h.LateProof(0.25); !(late > max(all, guarded)) || math.IsInf(late, 1) {
		t.Errorf("%g seconds late, %g and %g from the start", late, all, guarded)
	}
	if h.Candidate = 0.0051; !math.IsInf(h.LateProof(0.25), 1) {
		t.Error("harm within the tolerance is proved late")
	}
}

// Within the tolerated odds ratio the pod guard gathers nothing.
func TestGuardIsOpen(t *testing.T) {
	h := steady(t, "error-rate", 20, 0.01, 0.02, 6)
	if !h.Open(0.25) || h.LeftOut() != 2 || h.Null() != 1.25 {
		t.Errorf("open %v, %d pods are left out, tolerated %g", h.Open(0.25), h.LeftOut(), h.Null())
	}
	if h.Candidate = 0.012; h.Open(0.25) {
		t.Error("the guard is open within the tolerance")
	}
	if h.Pods = 1; !h.Open(0.25) {
		t.Error("one pod has a guard")
	}
	if m := steady(t, "revenue-drop", 20, 1, 0.8, 6); m.LeftOut() != 1 {
		t.Errorf("of a mean %d pods are left out", m.LeftOut())
	}
}

// A Brownian motion without drift is above a bar with twice the chance that it ends there.
func TestCrossed(t *testing.T) {
	if got, want := crossed(0, 4, 3), 2*normal(-1.5); math.Abs(got-want) > 1e-12 {
		t.Errorf("%g, want %g", got, want)
	}
	if got := crossed(1e3, 1, 3); got != 1 || crossed(-1e3, 1, 3) != 0 || crossed(5, 0, 3) != 0 {
		t.Errorf("with great drift %g", got)
	}
}

// The reading of classic histograms that a plan asks for is that of the gate.
func TestSlowdown(t *testing.T) {
	x, bounds := triggers()["latency-p95"], []float64{1, 2, 4}
	stable := []float64{90, 10, 0, 0}
	if ratio, passes := Slowdown(x, bounds, stable, stable); ratio != 1 || passes {
		t.Errorf("no difference is %g, %v", ratio, passes)
	}
	if ratio, passes := Slowdown(x, bounds, []float64{50, 40, 10, 0}, stable); !like(ratio, 3/1.5, 1e-12) || !passes {
		t.Errorf("twice as slow is %g, %v", ratio, passes)
	}
	tail := []float64{94, 4, 0, 2} // the quantile is the same, and two points are off the scale
	if ratio, passes := Slowdown(x, bounds, tail, stable); ratio > 1.3 || !passes {
		t.Errorf("two points off the scale are %g, %v", ratio, passes)
	}
	// stable's p95 is 1.5; with the margin of 15 % from 1.725 on
	if slow, usual := SlowShares(x, bounds, stable, stable); !like(usual, 0.05, 1e-12) || !like(slow, 0.0275, 1e-12) {
		t.Errorf("slow are %g and %g", slow, usual)
	}
}
