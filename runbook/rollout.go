package runbook

import (
	"slices"
	"time"
)

// Rollout says how a candidate comes to all of the traffic. A runbook without one has
// no ramp: the share a release starts with stays until a human changes it.
type Rollout struct {
	Strategy string     `yaml:"strategy" json:"strategy"`           // step by step, or one flip; default "canary"
	Steps    []RampStep `yaml:"steps,omitempty" json:"steps"`       // canary: ascending shares, the last is 100
	Promote  string     `yaml:"promote" json:"promote"`             // who takes the next step: an approver is asked, the daemon takes it when nothing objects, or only `release promote`; default "ask"
	Schedule []Schedule `yaml:"schedule,omitempty" json:"schedule"` // nothing is promoted outside these hours; left out: always
	Bake     Duration   `yaml:"bake" json:"bake"`                   // guarded time at the end, before the candidate is the last known good; default 24h
	Holdback int        `yaml:"holdback" json:"holdback"`           // bluegreen: the old side's share in percent while it bakes, 0 to 50; default 5, of bluegreen
}

// A RampStep is one share of the ramp.
type RampStep struct {
	Weight int      `yaml:"weight" json:"weight"`               // the candidate's share in percent
	For    Duration `yaml:"for,omitempty" json:"for,omitempty"` // the least time it is kept; none at 100, where bake counts
}

// The words of [Rollout.Strategy] and [Rollout.Promote].
const (
	Canary    = "canary"
	BlueGreen = "bluegreen"

	PromoteAutomatic = "automatic" // when a step's time is over and nothing objects
	PromoteAsk       = "ask"       // an approver is asked then; silence is never a yes
	PromoteManual    = "manual"    // only `release promote`
)

// Ramp returns the shares a candidate goes through, in ascending order, the last one
// 100: the steps of a canary, or for blue and green all but the holdback and then all.
// The bake time is the For of the share at which the release is guarded last.
func (o *Rollout) Ramp() []RampStep {
	switch {
	case o == nil:
		return nil
	case o.Strategy == BlueGreen && o.Holdback > 0:
		return []RampStep{{100 - o.Holdback, o.Bake}, {100, 0}}
	case o.Strategy == BlueGreen:
		return []RampStep{{100, o.Bake}}
	}
	ramp := slices.Clone(o.Steps)
	if n := len(ramp); n > 0 {
		ramp[n-1].For = o.Bake
	}
	return ramp
}

// Next returns the first share of the ramp that is greater than weight; false once
// there is none.
func (o *Rollout) Next(weight int) (RampStep, bool) {
	for _, step := range o.Ramp() {
		if step.Weight > weight {
			return step, true
		}
	}
	return RampStep{}, false
}

// Stay is the least time to be spent at a weight: that of the last step which it has
// reached, or of the first one if it is below all of them. At 0 there is nothing to
// wait for.
func (o *Rollout) Stay(weight int) time.Duration {
	if weight == 0 {
		return 0
	}
	var stay time.Duration
	for n, step := range o.Ramp() {
		if n == 0 || step.Weight <= weight {
			stay = step.For.Std()
		}
	}
	return stay
}
