package analysis

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/runbook"
)

// What was counted from zero is no part of the effect while it is in the window, and is part
// of the significance.
func TestEffectLeavesBirthsOut(t *testing.T) {
	x, all := begin(t, shop("error-rate"), "error-rate"), begin(t, shop("error-rate"), "error-rate")
	for i := range 14 {
		counts := even([2]int{2, 4}, [2]float64{1000, 1000}, [2]float64{10, 10})
		if i == 1 {
			counts[0].All, counts[0].Bad = counts[0].All+400, counts[0].Bad+400
		}
		want := all.Observe(counts)
		if i == 1 {
			counts[0].Born = PartCount{400, 400}
		}
		got := x.Observe(counts)
		if !like(got.Effect, 0.01, 1e-9) || got.Gate {
			t.Errorf("interval %d: effect %g, want 0.01", i, got.Effect)
		}
		if in := i >= 1 && i <= 12; in != (want.Effect > 0.02) {
			t.Errorf("interval %d: with the birth the effect is %g", i, want.Effect)
		}
		if got.LogE[0] != want.LogE[0] || got.Significance != want.Significance && !math.IsNaN(want.Significance) {
			t.Errorf("interval %d: significance %g, with births counted %g", i, got.Significance, want.Significance)
		}
	}
}

// Births of stable lower the level that the candidate is held against.
func TestBirthsOfBothSides(t *testing.T) {
	x := begin(t, shop("error-increase"), "error-increase")
	counts := even([2]int{2, 4}, [2]float64{1000, 1000}, [2]float64{15, 15})
	for i := range counts {
		if counts[i].Role == runbook.Stable {
			counts[i].Born = PartCount{Bad: 1}
		}
	}
	if r := x.Observe(counts); !like(r.Level[0], 0.015, 1e-9) || !like(r.Level[1], 0.011, 1e-9) || !like(r.Effect, 0.004, 1e-9) {
		t.Errorf("levels %v, effect %v", r.Level, r.Effect)
	}
}

func TestBirthsOfParts(t *testing.T) {
	x := begin(t, shop("null-spike"), "null-spike")
	r := x.Observe([]PodCount{
		{Pod: "c0", Role: runbook.Candidate, Parts: []PartCount{{1000, 10}, {1000, 60}}, BornParts: []PartCount{{}, {0, 50}}},
		{Pod: "s0", Role: runbook.Stable, Parts: []PartCount{{1000, 10}, {1000, 5}}},
	})
	if !like(r.Effect, 0.005, 1e-9) || r.Gate {
		t.Errorf("effect %v, gate %v", r.Effect, r.Gate)
	}
}

// Folders of before births were recorded say nothing of them.
func TestBirthsAreStored(t *testing.T) {
	text, err := json.Marshal([]PodCount{{Pod: "c0", Role: runbook.Candidate, All: 7, Bad: 5, Born: PartCount{2, 2}}, {Pod: "c1", All: 1}})
	if err != nil || !strings.Contains(string(text), `"born":{"all":2,"bad":2}`) || strings.Count(string(text), "born") != 1 {
		t.Errorf("stored as %s, %v", text, err)
	}
	var read []PodCount
	if err := json.Unmarshal(text, &read); err != nil || read[0].Born != (PartCount{2, 2}) || read[1].Born != (PartCount{}) {
		t.Errorf("read as %+v, %v", read, err)
	}
}
