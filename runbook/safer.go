package runbook

import (
	"fmt"
	"strings"
	"time"
)

// Safer drafts a more careful ramp for the release after one that was rolled back at a
// weight: each step lasts twice as long, one at half of that weight comes before it,
// nothing is promoted without a human's yes, and it bakes twice as long. Blue and green
// becomes a canary. It is pure, and the ramp it returns passes the runbook's own checks.
func (o Rollout) Safer(broke int) Rollout {
	steps := o.Steps
	if o.Strategy == BlueGreen {
		half := Duration(30 * time.Minute)
		steps = []RampStep{{1, half}, {5, half}, {25, half}, {50, half}, {Weight: 100}}
	}
	safe := Rollout{Strategy: Canary, Promote: o.Promote, Schedule: o.Schedule, Bake: 2 * o.Bake}
	if safe.Promote == PromoteAutomatic {
		safe.Promote = PromoteAsk
	}
	longest, before, half := Duration(0), 0, broke/2
	for _, step := range steps {
		longest = max(longest, step.For)
		if before < half && half < step.Weight {
			safe.Steps = append(safe.Steps, RampStep{half, 2 * max(longest, Duration(time.Minute))})
		}
		if step.Weight == half {
			half = 0 // there is such a step
		}
		before = step.Weight
		safe.Steps = append(safe.Steps, RampStep{step.Weight, 2 * step.For})
	}
	return safe
}

// String lists the steps, e.g. "1 % for 10m, 5 % for 30m, 100 % (24h)".
func (o *Rollout) String() string {
	var words []string
	for _, step := range o.Ramp() {
		words = append(words, fmt.Sprintf("%d %% for %s", step.Weight, step.For))
	}
	return strings.Join(words, ", ")
}
