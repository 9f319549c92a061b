package engine

import (
	"cmp"
	"context"
	"time"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// decides says whether a trigger can see the effect that its runbook names at a weight,
// at the traffic there is, and how long that takes from the first judged moment there.
type decides func(trigger string, weight int) (need time.Duration, can bool)

// anyTrigger is what is taken for true without a plan: whatever compares two sides can
// decide while both have traffic. So missing data holds the ramp rather than not.
func anyTrigger(rb *runbook.Runbook) decides {
	return func(trigger string, weight int) (time.Duration, bool) {
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
	ready.RulesDrift = e.drifted(s.rb.Service)
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

// askReady carries out [AskReady].
func (e *Engine) askReady(ctx context.Context, target Target, s service, rel record.Release) error {
	ready := e.ready(ctx, s, rel)
	if ctx.Err() != nil {
		return ctx.Err() // we are stopping: that is no answer
	}
	return e.take(ctx, target, lifecycle.Promoted{Release: rel.ID, Epoch: rel.Epoch, Ready: ready})
}

// Promote takes the next step of the ramp because a human says so: after the same
// questions, and in the same transaction, as if the daemon did. At the end of the ramp
// it closes the release once it has baked.
func (e *Engine) Promote(ctx context.Context, service, region, by string) (record.Release, error) {
	return e.promote(ctx, Target{service, cmp.Or(region, runbook.DefaultRegion)}, by, false)
}

// Flip is [Engine.Promote] as the first step of a blue and green release, and refused
// as any other.
func (e *Engine) Flip(ctx context.Context, service, region, by string) (record.Release, error) {
	return e.promote(ctx, Target{service, cmp.Or(region, runbook.DefaultRegion)}, by, true)
}

func (e *Engine) promote(ctx context.Context, target Target, by string, flip bool) (record.Release, error) {
	rel, ready, err := e.readyNow(ctx, target)
	if err != nil {
		return record.Release{}, err
	}
	s, err := e.human(ctx, target, lifecycle.Promoted{By: by, Flip: flip, Release: rel.ID, Epoch: rel.Epoch, Ready: ready})
	if err != nil {
		return record.Release{}, err
	}
	return *s.Release, nil
}

// readyNow asks about the target's release as it is stored.
func (e *Engine) readyNow(ctx context.Context, target Target) (record.Release, record.Readiness, error) {
	if _, _, err := e.serves(target); err != nil {
		return record.Release{}, record.Readiness{}, err
	}
	rel, err := e.Release(ctx, target.Service, target.Region)
	if err != nil {
		return rel, record.Readiness{}, err
	}
	e.mu.RLock()
	svc := e.services[target.Service]
	e.mu.RUnlock()
	if rel.Phase != record.Open {
		return rel, record.Readiness{}, nil // the step says so
	}
	return rel, e.ready(ctx, svc, rel), nil
}

// Stop stops the ramp where it is. A breach still rolls back.
func (e *Engine) Stop(ctx context.Context, service, region, by, reason string) (record.Release, error) {
	s, err := e.human(ctx, Target{service, cmp.Or(region, runbook.DefaultRegion)}, lifecycle.Stopped{By: by, Reason: reason})
	if err != nil {
		return record.Release{}, err
	}
	return *s.Release, nil
}

// Resume lets a ramp go on that was stopped, frozen or held, and ends what it was
// frozen or held for. A breach that is still true comes back by itself.
func (e *Engine) Resume(ctx context.Context, service, region, by, reason string) (record.Release, error) {
	s, err := e.human(ctx, Target{service, cmp.Or(region, runbook.DefaultRegion)}, lifecycle.Resumed{By: by, Reason: reason})
	if err != nil {
		return record.Release{}, err
	}
	return *s.Release, nil
}
