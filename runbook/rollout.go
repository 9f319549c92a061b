package runbook

import (
	"fmt"
	"slices"
	"strings"
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
	Holdback Weight     `yaml:"holdback" json:"holdback"`           // bluegreen: the old side's share in percent while it bakes, 0 to 50; default 5, of bluegreen
}

// A RampStep is one share of the ramp.
type RampStep struct {
	Weight Weight   `yaml:"weight" json:"weight"`               // the candidate's share in percent
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
		return []RampStep{{o.Holdback.Rest(), o.Bake}, {100, 0}}
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
func (o *Rollout) Next(weight Weight) (RampStep, bool) {
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
func (o *Rollout) Stay(weight Weight) time.Duration {
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

func (o *Rollout) applyDefaults(p *decoder) {
	if o == nil {
		return
	}
	const at = "rollout"
	setDefault(p, at+".strategy", &o.Strategy, Canary)
	setDefault(p, at+".promote", &o.Promote, PromoteAsk)
	setDefault(p, at+".bake", &o.Bake, Duration(24*time.Hour))
	if o.Strategy == BlueGreen {
		setDefault(p, at+".holdback", &o.Holdback, 5)
	}
	for i := range o.Schedule {
		setDefault(p, fmt.Sprintf("%s.schedule[%d].timezone", at, i), &o.Schedule[i].Timezone, "UTC")
	}
}

func (r *Runbook) checkRollout(p *decoder) {
	const at = "rollout"
	o := r.Rollout
	if o == nil {
		return
	}
	p.oneOf(at+".strategy", o.Strategy, Canary, BlueGreen)
	p.oneOf(at+".promote", o.Promote, PromoteAsk, PromoteAutomatic, PromoteManual)
	p.positive(at+".bake", o.Bake)
	for i, s := range o.Schedule {
		s.check(p, fmt.Sprintf("%s.schedule[%d]", at, i))
	}
	o.checkResolution(p, r.Routing, at)
	switch o.Strategy {
	case Canary:
		o.checkSteps(p, at+".steps")
		if o.Holdback != 0 {
			p.add(at+".holdback", "does not belong to strategy canary", "remove it, or write `strategy: bluegreen`")
		}
	case BlueGreen:
		if p.has(at + ".steps") {
			p.add(at+".steps", "does not belong to strategy bluegreen", "remove it: there is one step, to all but the holdback; or write `strategy: canary`")
		}
		if o.Holdback > 50 {
			p.add(at+".holdback", fmt.Sprintf("%v is no holdback", o.Holdback), "write the old side's share in percent, 1 to 50, or 0 for none")
		}
	}
	if o.Promote == PromoteAsk && len(r.Policy.Approvers) == 0 {
		p.missing("policy.approvers", "name the people who may approve: rollout.promote is ask")
	}
}

func (o *Rollout) checkResolution(p *decoder, router Routing, at string) {
	note := func(w Weight, path string) {
		if why := router.Settable(w); why != "" {
			p.add(path, why, fmt.Sprintf("write a multiple of %v", router.Resolution()))
		}
	}
	note(o.Holdback, at+".holdback")
	for i, step := range o.Steps {
		note(step.Weight, fmt.Sprintf("%s.steps[%d].weight", at, i))
	}
}

func (o *Rollout) checkSteps(p *decoder, at string) {
	if len(o.Steps) == 0 {
		p.missing(at, "write the shares in percent, e.g. [{weight: 5, for: 30m}, {weight: 50, for: 2h}, {weight: 100}]")
		return
	}
	var before Weight
	for i, step := range o.Steps {
		one := fmt.Sprintf("%s[%d]", at, i)
		if p.bad[one+".weight"] {
			continue
		}
		switch last := i == len(o.Steps)-1; {
		case step.Weight <= 0:
			p.add(one+".weight", fmt.Sprintf("%v is no step", step.Weight), "write a share in percent, 0.01 to 100")
		case step.Weight <= before:
			p.add(one+".weight", fmt.Sprintf("%v does not come after %v", step.Weight, before), "write the shares in ascending order, each once")
		case last && step.Weight < 100:
			p.add(one+".weight", "the ramp ends at "+step.Weight.String(), "end it with {weight: 100}")
		}
		before = max(before, step.Weight)
		switch {
		case step.Weight == 100 && p.has(one+".for"):
			p.add(one+".for", "has no place at 100", "write rollout.bake: the guarded time at the end")
		case step.Weight < 100 && step.For <= 0:
			p.missing(one+".for", "say how long this share is kept at least, e.g. 30m")
		}
	}
}

// Safer drafts a more careful ramp for the release after one that was rolled back at a
// weight: each step lasts twice as long, one at half of that weight comes before it,
// nothing is promoted without a human's yes, and it bakes twice as long. Blue and green
// becomes a canary. It is pure, and the ramp it returns passes the runbook's own checks.
func (o Rollout) Safer(broke Weight) Rollout {
	steps := o.Steps
	if o.Strategy == BlueGreen {
		half := Duration(30 * time.Minute)
		steps = []RampStep{{1, half}, {5, half}, {25, half}, {50, half}, {Weight: 100}}
	}
	safe := Rollout{Strategy: Canary, Promote: o.Promote, Schedule: o.Schedule, Bake: 2 * o.Bake}
	if safe.Promote == PromoteAutomatic {
		safe.Promote = PromoteAsk
	}
	longest, before, half := Duration(0), Weight(0), halfOf(broke, steps)
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

// halfOf rounds half of a weight down, to what the steps are multiples of: the router can set that.
func halfOf(broke Weight, steps []RampStep) Weight {
	if slices.ContainsFunc(steps, func(s RampStep) bool { return !s.Weight.Whole() }) {
		return RoundWeight(float64(broke.Hundredths()/2) / 100)
	}
	return Weight(broke.Hundredths() / 200)
}

// String lists the steps, e.g. "1 % for 10m, 5 % for 30m, 100 % (24h)".
func (o *Rollout) String() string {
	var words []string
	for _, step := range o.Ramp() {
		words = append(words, fmt.Sprintf("%v %% for %s", step.Weight, step.For))
	}
	return strings.Join(words, ", ")
}
