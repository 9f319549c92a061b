package runbook_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

func TestRamp(t *testing.T) {
	canary := &runbook.Rollout{Strategy: runbook.Canary, Bake: runbook.Duration(24 * time.Hour), Steps: []runbook.RampStep{
		{Weight: 1, For: runbook.Duration(10 * time.Minute)}, {Weight: 25, For: runbook.Duration(time.Hour)}, {Weight: 100}}}
	held := &runbook.Rollout{Strategy: runbook.BlueGreen, Holdback: 5, Bake: runbook.Duration(24 * time.Hour)}
	whole := &runbook.Rollout{Strategy: runbook.BlueGreen, Bake: runbook.Duration(24 * time.Hour)}
	cases := []struct {
		name   string
		of     *runbook.Rollout
		weight runbook.Weight
		next   runbook.Weight // 0: none
		stay   time.Duration
	}{
		{"no ramp", nil, 5, 0, 0},
		{"before the first step", canary, 0, 1, 0},
		{"first step", canary, 1, 25, 10 * time.Minute},
		{"between two steps", canary, 20, 25, 10 * time.Minute},
		{"last step before all", canary, 25, 100, time.Hour},
		{"all", canary, 100, 0, 24 * time.Hour},
		{"blue", held, 0, 95, 0},
		{"below the flip", held, 50, 95, 24 * time.Hour},
		{"green with holdback", held, 95, 100, 24 * time.Hour},
		{"green", held, 100, 0, 0},
		{"blue, no holdback", whole, 0, 100, 0},
		{"green, no holdback", whole, 100, 0, 24 * time.Hour},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			next, ok := c.of.Next(c.weight)
			got := fmt.Sprint(next.Weight, ok, c.of.Stay(c.weight))
			if want := fmt.Sprint(c.next, c.next > 0, c.stay); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
	if canary.Steps[2].For != 0 {
		t.Error("Ramp changed the runbook")
	}
}

func TestRolloutDefaults(t *testing.T) {
	rb, err := runbook.Load("testdata/good/rollout-bluegreen.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%s %v %s", rb.Rollout.Promote, rb.Rollout.Holdback, rb.Rollout.Bake); got != "ask 0 1d" {
		t.Errorf("got %s", got)
	}
}
