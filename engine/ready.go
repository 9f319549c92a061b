package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/autorollback/autorollback/plan"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// decides says whether a trigger can see the effect that its runbook names at a weight,
// at the traffic there is, and how long that takes from the first judged moment there.
type decides func(trigger string, weight runbook.Weight) (need time.Duration, can bool)

// anyTrigger is what is taken for true without a plan: whatever compares two sides can
// decide while both have traffic. So missing data holds the ramp rather than not.
func anyTrigger(rb *runbook.Runbook) decides {
	return func(trigger string, weight runbook.Weight) (time.Duration, bool) {
		t, ok := rb.Trigger(trigger)
		return 0, ok && t.Type != runbook.AbsoluteSLO && weight > 0 && weight < 100
	}
}

// ready asks whether a rollback is possible right now and what speaks against the next
// step.
func (e *Engine) ready(ctx context.Context, s service, rel record.Release) record.Readiness {
	s.rb = rel.Follows(s.rb)
	decides := anyTrigger(s.rb)
	if plan, err := e.plans(ctx, s); err == nil {
		decides = plan.Decides
	}
	can := func(trigger string) bool { _, can := decides(trigger, rel.Weight); return can }
	ready := e.prom.Ready(ctx, s.ask, s.rb.Triggers, rel, can, func(trigger string) record.Significance { return e.significance(rel, trigger) })
	for _, side := range []runbook.Role{runbook.Stable, runbook.Candidate} {
		ready.Answers = append(ready.Answers, e.checkSide(ctx, s, rel, side, false)...)
	}
	ready.RulesDrift = e.holding(s.rb.Service)
	for _, t := range s.rb.Triggers {
		if need, can := decides(t.Name, rel.Weight); can {
			ready.Need = max(ready.Need, roughly(need))
		}
	}
	return ready
}

// roughly rounds up to what matters in a wait, since the words that name it must not
// change at each look; a step of seconds does not wait for a whole minute.
func roughly(need time.Duration) time.Duration {
	unit := time.Minute
	if need < time.Minute {
		unit = time.Second
	}
	return (need + unit - 1).Truncate(unit)
}

// planFor is how long a plan is good: its numbers are of the last hour.
const planFor = 5 * time.Minute

// madePlan is a service's plan with when it was made.
type madePlan struct {
	plan.Plan
	at     time.Time
	digest string // of the runbook, and the ramp
}

// plans returns what the service's triggers can decide at the traffic of the last hour.
func (e *Engine) plans(ctx context.Context, s service) (plan.Plan, error) {
	digest := s.rb.Digest + " " + s.rb.Rollout.String()
	if p, ok := e.planned.Load(s.rb.Service); ok {
		if p := p.(madePlan); p.digest == digest && time.Since(p.at) < planFor {
			return p.Plan, nil
		}
	}
	var steps []plan.Step
	for _, step := range s.rb.Rollout.Ramp() {
		steps = append(steps, plan.Step{Weight: step.Weight, For: step.For})
	}
	if len(steps) == 0 {
		return plan.Plan{}, errors.New("the runbook has no section rollout")
	}
	answers, err := e.prom.Traffic(ctx, s.ask)
	if err != nil {
		return plan.Plan{}, err
	}
	p, err := plan.New(s.rb, plan.TrafficFrom(s.rb, answers, "Prometheus"), steps)
	if err != nil {
		return plan.Plan{}, err
	}
	e.planned.Store(s.rb.Service, madePlan{p, time.Now(), digest})
	return p, nil
}

// RampPlan says what the ramp of a service will take at the traffic of the last hour,
// and where its release stands. Without an answer of Prometheus the steps are there,
// and Problem says what is missing.
func (e *Engine) RampPlan(ctx context.Context, service, region string) (view.RampPlan, error) {
	target := e.targetIn(service, region)
	s, err := e.serves(target)
	if err != nil {
		return view.RampPlan{}, err
	}
	rel, err := e.Release(ctx, service, target.Region)
	rb := rel.Follows(s.rb)
	if rb.Rollout == nil {
		return view.RampPlan{}, runbook.Refuse("the runbook of %s has no section rollout, so there is no ramp", service)
	}
	out := view.RampPlan{Service: service, Region: target.Region, Strategy: rb.Rollout.Strategy, Promote: rb.Rollout.Promote}
	switch {
	case err == nil && rel.Phase == record.Open:
		out.Weight, out.Since, out.Waiting = rel.Weight, rel.WeightChangedAt, rel.Waiting
	case err != nil && !errors.Is(err, runbook.ErrNotFound):
		return out, err
	}
	s.rb = rb
	p, err := e.plans(ctx, s)
	if err != nil {
		out.Problem = err.Error()
	}
	out.Rate, out.Steps = p.Traffic.Rate, planned(rb, p)
	return out, nil
}

// planned joins the runbook's steps with what the triggers can decide at each.
func planned(rb *runbook.Runbook, p plan.Plan) []view.PlannedStep {
	var steps []view.PlannedStep
	var through runbook.Duration
	for n, step := range rb.Rollout.Ramp() {
		one := view.PlannedStep{Weight: step.Weight, For: step.For, Decide: []string{}, Cannot: []view.Cannot{}}
		for _, t := range p.Triggers {
			switch c := t.Cells[n]; c.State {
			case plan.Decides:
				one.Decide, one.Need = append(one.Decide, t.Trigger), max(one.Need, c.Need)
			default:
				one.Cannot = append(one.Cannot, view.Cannot{Trigger: t.Trigger, Why: c.Why})
			}
		}
		slices.Sort(one.Decide)
		through += max(step.For, one.Need)
		one.Through = through
		steps = append(steps, one)
	}
	return steps
}
