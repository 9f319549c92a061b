package runbook_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

func TestSafer(t *testing.T) {
	m := func(n int) runbook.Duration { return runbook.Duration(time.Duration(n) * time.Minute) }
	canary := runbook.Rollout{Strategy: runbook.Canary, Promote: runbook.PromoteAutomatic, Bake: m(60),
		Steps: []runbook.RampStep{{Weight: 1, For: m(10)}, {Weight: 5, For: m(30)}, {Weight: 25, For: m(60)}, {Weight: 100}}}
	for name, c := range map[string]struct {
		o     runbook.Rollout
		broke runbook.Weight
		want  string
	}{
		"in the middle":       {canary, 25, "1 % for 20m, 5 % for 1h, 12 % for 2h, 25 % for 2h, 100 % for 2h"},
		"at the end":          {canary, 100, "1 % for 20m, 5 % for 1h, 25 % for 2h, 50 % for 2h, 100 % for 2h"},
		"at the first step":   {canary, 1, "1 % for 20m, 5 % for 1h, 25 % for 2h, 100 % for 2h"},
		"without traffic":     {canary, 0, "1 % for 20m, 5 % for 1h, 25 % for 2h, 100 % for 2h"},
		"half is a step":      {canary, 10, "1 % for 20m, 5 % for 1h, 25 % for 2h, 100 % for 2h"},
		"above its last step": {canary, 60, "1 % for 20m, 5 % for 1h, 25 % for 2h, 30 % for 2h, 100 % for 2h"},
		"blue and green":      {runbook.Rollout{Strategy: runbook.BlueGreen, Holdback: 5, Promote: runbook.PromoteManual, Bake: m(60)}, 95, "1 % for 1h, 5 % for 1h, 25 % for 1h, 47 % for 1h, 50 % for 1h, 100 % for 2h"},
	} {
		safe := c.o.Safer(c.broke)
		if safe.String() != c.want {
			t.Errorf("%s: %s, want %s", name, &safe, c.want)
		}
		if safe.Promote == runbook.PromoteAutomatic || safe.Strategy != runbook.Canary {
			t.Errorf("%s: %+v", name, safe)
		}
	}
}

// Whatever the ramp and wherever it broke: the draft ascends to 100, every step below
// has a time, and nothing it had is shorter.
func TestSaferIsARamp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := runbook.Rollout{Strategy: runbook.Canary, Promote: runbook.PromoteAutomatic, Bake: runbook.Duration(time.Hour)}
		finest := rapid.SampledFrom([]runbook.Weight{1, 0.01}).Draw(t, "finest")
		for w := runbook.Weight(0); w < 100; {
			more := finest * runbook.Weight(rapid.IntRange(1, 60).Draw(t, "more"))
			if finest < 1 && w > 1 {
				more = 100
			}
			w = min(100, runbook.RoundWeight(float64(w+more)))
			step := runbook.RampStep{Weight: w, For: runbook.Duration(rapid.IntRange(1, 100).Draw(t, "minutes")) * runbook.Duration(time.Minute)}
			if w == 100 {
				step.For = 0
			}
			o.Steps = append(o.Steps, step)
		}
		if rapid.Bool().Draw(t, "flip") {
			o.Strategy, o.Steps = runbook.BlueGreen, nil
		}
		safe := o.Safer(runbook.RoundWeight(float64(finest) * float64(rapid.IntRange(0, 100).Draw(t, "broke"))))
		before := runbook.Weight(0)
		for n, step := range safe.Steps {
			last := n == len(safe.Steps)-1
			if step.Weight <= before || last != (step.Weight == 100) || last != (step.For == 0) {
				t.Fatalf("%+v", safe.Steps)
			}
			if before = step.Weight; finest == 1 && !before.Whole() {
				t.Fatalf("%+v is finer than the runbook's ramp %+v", safe.Steps, o.Steps)
			}
		}
		for _, step := range o.Steps {
			if step.Weight < 100 && safe.Stay(step.Weight) < 2*step.For.Std() {
				t.Fatalf("%+v is no safer than %+v", safe.Steps, o.Steps)
			}
		}
	})
}

func TestFollows(t *testing.T) {
	rb := &runbook.Runbook{Service: "ranker", Rollout: &runbook.Rollout{Bake: 1}}
	r := record.Release{Phase: record.Open, Rollout: &runbook.Rollout{Bake: 2}}
	if got := r.Follows(rb); got.Rollout.Bake != 2 || rb.Rollout.Bake != 1 || !strings.Contains(got.Service, "ranker") {
		t.Errorf("%+v", got)
	}
	r.Phase = record.RolledBack
	if r.Follows(rb) != rb || (record.Release{Phase: record.Open}).Follows(rb) != rb {
		t.Error("follows a ramp that is not its own, or over")
	}
}
