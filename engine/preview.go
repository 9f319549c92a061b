package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// Act carries out what somebody wants of a release: promote, flip, hold, resume or rollback. If they were
// shown something else than would be done, nothing is, and the error wraps [runbook.ErrConflict].
func (e *Engine) Act(ctx context.Context, service, region string, in record.Intent, by record.Caller) (record.Release, error) {
	s, err := e.act(ctx, e.targetIn(service, region), in, by)
	if err != nil {
		return record.Release{}, err
	}
	return *s.Release, nil
}

func (e *Engine) act(ctx context.Context, target Target, in record.Intent, by record.Caller) (lifecycle.State, error) {
	ev, err := e.intended(ctx, target, in, by)
	if err != nil {
		return lifecycle.State{}, err
	}
	return e.human(ctx, target, ev)
}

// Preview says what [Engine.Act] would do now, by the same questions and the same step, and why it
// would be refused. It changes nothing.
func (e *Engine) Preview(ctx context.Context, service, region string, in record.Intent, by record.Caller) (view.Preview, error) {
	target := e.targetIn(service, region)
	ev, err := e.intended(ctx, target, in, by)
	if err != nil {
		return view.Preview{}, err
	}
	v, err := e.read(ctx, target, ev)
	if err == nil {
		err = e.plan(ctx, &v, ev)
	}
	if err != nil {
		return view.Preview{}, later(err)
	}
	return lifecycle.Preview(v.State, ev, time.Now().UTC()), nil
}

// intended is the event that an intent is. Before a step of the ramp Prometheus is asked.
func (e *Engine) intended(ctx context.Context, target Target, in record.Intent, by record.Caller) (lifecycle.Event, error) {
	switch in.Action {
	case record.OrderRollback:
		return lifecycle.Demanded{By: by, Reason: in.Reason, Plan: in.Plan}, nil
	case record.OrderHold:
		return lifecycle.Stopped{By: by, Reason: in.Reason, Plan: in.Plan}, nil
	case record.OrderResume:
		return lifecycle.Resumed{By: by, Reason: in.Reason, Plan: in.Plan}, nil
	case record.OrderPromote, record.OrderFlip:
		rel, ready, err := e.readyNow(ctx, target)
		return lifecycle.Promoted{By: by, Flip: in.Action == record.OrderFlip, Release: rel.ID, Epoch: rel.Epoch, Ready: ready, Plan: in.Plan, Reason: in.Reason}, err
	}
	return nil, fmt.Errorf("order %s of %s: %w", in.Action, target, runbook.ErrNotFound)
}
