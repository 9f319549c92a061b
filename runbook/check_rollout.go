package runbook

import (
	"fmt"
	"time"
)

func (o *Rollout) fill(p *page) {
	if o == nil {
		return
	}
	const at = "rollout"
	preset(p, at+".strategy", &o.Strategy, Canary)
	preset(p, at+".promote", &o.Promote, PromoteAsk)
	preset(p, at+".bake", &o.Bake, Duration(24*time.Hour))
	if o.Strategy == BlueGreen {
		preset(p, at+".holdback", &o.Holdback, 5)
	}
	for i := range o.Schedule {
		preset(p, fmt.Sprintf("%s.schedule[%d].timezone", at, i), &o.Schedule[i].Timezone, "UTC")
	}
}

func (r *Runbook) checkRollout(p *page) {
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
		if o.Holdback < 0 || o.Holdback > 50 {
			p.add(at+".holdback", fmt.Sprintf("%d is no holdback", o.Holdback), "write the old side's share in percent, 1 to 50, or 0 for none")
		}
	}
	if o.Promote == PromoteAsk && len(r.Policy.Approvers) == 0 {
		p.missing("policy.approvers", "name the people who may approve: rollout.promote is ask")
	}
}

func (o *Rollout) checkSteps(p *page, at string) {
	if len(o.Steps) == 0 {
		p.missing(at, "write the shares in percent, e.g. [{weight: 5, for: 30m}, {weight: 50, for: 2h}, {weight: 100}]")
		return
	}
	before := 0
	for i, step := range o.Steps {
		one := fmt.Sprintf("%s[%d]", at, i)
		switch last := i == len(o.Steps)-1; {
		case step.Weight < 1 || step.Weight > 100:
			p.add(one+".weight", fmt.Sprintf("%d is no step", step.Weight), "write a share in percent, 1 to 100")
		case step.Weight <= before:
			p.add(one+".weight", fmt.Sprintf("%d does not come after %d", step.Weight, before), "write the shares in ascending order, each once")
		case last && step.Weight < 100:
			p.add(one+".weight", "the ramp ends at "+fmt.Sprint(step.Weight), "end it with {weight: 100}")
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
