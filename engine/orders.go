package engine

import (
	"context"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Start begins a release, and where the launch names several regions, it does in the first of them.
// It is refused while another is open, while either bundle is
// quarantined, and while the router's split is not all on the stable backend.
func (e *Engine) Start(ctx context.Context, l runbook.Launch, by record.Caller) (record.Release, error) {
	target, ev := e.targetIn(l.Service, l.Region), lifecycle.Launched{Launch: l, By: by}
	if len(l.Regions) > 0 {
		target.Region = l.Regions[0]
	}
	if len(l.Regions) > 1 {
		ev.Regions = &record.RegionPlan{Regions: l.Regions, Launch: l, Caller: by}
	}
	rel, err := e.order(ctx, target, ev)
	if err == nil {
		rel.Unarmed = e.warnings(ctx, rel)
	}
	return rel, err
}

// Rollback moves all traffic of the open release to its stable bundle because a human
// asks for it.
func (e *Engine) Rollback(ctx context.Context, service, region string, by record.Caller, reason string) (record.Incident, error) {
	s, err := e.act(ctx, e.targetIn(service, region), record.Intent{Action: record.OrderRollback, Reason: reason}, by)
	if err != nil {
		return record.Incident{}, err
	}
	return *s.Incident, nil
}

// AcceptSplit lets a held release continue with the split that was found.
func (e *Engine) AcceptSplit(ctx context.Context, service, region string, by record.Caller, reason string) (record.Release, error) {
	return e.order(ctx, e.targetIn(service, region), lifecycle.SplitAccepted{By: by, Reason: reason})
}

// Answer is a human's yes or no to an approval. A yes to a rollback carries it out in
// the same transaction that uses the approval up.
// Before it the trigger is asked once more.
func (e *Engine) Answer(ctx context.Context, id string, by record.Caller, reply record.Reply) (record.Approval, error) {
	a, err := e.Approval(ctx, id)
	if err != nil {
		return a, err
	}
	ev := lifecycle.Answered{Approval: id, By: by, Reply: reply}
	if reply.Yes {
		if err := e.askFor(ctx, a, &ev); err != nil {
			return a, err
		}
	}
	s, err := e.human(ctx, Target{a.Service, a.Region}, ev)
	if err != nil {
		return a, err
	}
	if s.Question != nil && s.Question.ID == id {
		return *s.Question, nil
	}
	for _, old := range s.Write.Approvals {
		if old.ID == id {
			return old, nil
		}
	}
	return *s.Approval, nil
}

// askFor asks what a yes rests on: whether the next step may be taken, or whether the trigger
// still breaches.
func (e *Engine) askFor(ctx context.Context, a record.Approval, ev *lifecycle.Answered) (err error) {
	switch a.Kind {
	case record.Promotion:
		_, ev.Ready, err = e.readyNow(ctx, Target{a.Service, a.Region})
	case record.RollbackApproval:
		now, failed := e.live(ctx, a)
		ev.Now, err = now.Breach, later(failed)
	}
	return err
}

// order steps what a human asks of a release, and returns the release.
func (e *Engine) order(ctx context.Context, target Target, ev lifecycle.Event) (record.Release, error) {
	s, err := e.human(ctx, target, ev)
	if err != nil {
		return record.Release{}, err
	}
	return *s.Release, nil
}

// human steps an event that somebody waits for.
func (e *Engine) human(ctx context.Context, target Target, ev lifecycle.Event) (lifecycle.State, error) {
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), actWithin)
	defer cancel()
	s, err := e.step(work, target, ev)
	if err == nil && s.Write.Waiting != nil {
		err = s.Write.Waiting.Needed()
	}
	return s, later(err)
}

// Promote takes the next step of the ramp because a human says so: after the same
// questions, and in the same transaction, as if the daemon did. At the end of the ramp
// it closes the release once it has baked.
func (e *Engine) Promote(ctx context.Context, service, region string, by record.Caller) (record.Release, error) {
	return e.Act(ctx, service, region, record.Intent{Action: record.OrderPromote}, by)
}

// Flip is [Engine.Promote] as the first step of a blue and green release, and refused
// as any other.
func (e *Engine) Flip(ctx context.Context, service, region string, by record.Caller) (record.Release, error) {
	return e.Act(ctx, service, region, record.Intent{Action: record.OrderFlip}, by)
}

// Stop stops the ramp where it is. A breach still rolls back.
func (e *Engine) Stop(ctx context.Context, service, region string, by record.Caller, reason string) (record.Release, error) {
	return e.Act(ctx, service, region, record.Intent{Action: record.OrderHold, Reason: reason}, by)
}

// Resume lets a ramp continue that was stopped, frozen or held, and ends what it was
// frozen or held for. A breach that is still true comes back automatically.
func (e *Engine) Resume(ctx context.Context, service, region string, by record.Caller, reason string) (record.Release, error) {
	return e.Act(ctx, service, region, record.Intent{Action: record.OrderResume, Reason: reason}, by)
}

// readyNow asks about the target's release as it is stored.
func (e *Engine) readyNow(ctx context.Context, target Target) (record.Release, record.Readiness, error) {
	svc, err := e.serves(target)
	if err != nil {
		return record.Release{}, record.Readiness{}, err
	}
	rel, err := e.Release(ctx, target.Service, target.Region)
	if err != nil || rel.Phase != record.Open { // the step says so
		return rel, record.Readiness{}, err
	}
	return rel, e.ready(ctx, svc, rel), nil
}
