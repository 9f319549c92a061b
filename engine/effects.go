package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// runEffect does one effect and steps what came of it.
func (e *Engine) runEffect(ctx context.Context, target Target, s lifecycle.State, do lifecycle.EffectKind) error {
	if do == lifecycle.StepAgain {
		return nil // the tick was the look
	}
	svc, err := e.serves(target)
	if err != nil {
		return fmt.Errorf("carry out %s: %w", do, err) // its runbook was taken away
	}
	var ev lifecycle.Event
	switch rel := *s.Release; do {
	case lifecycle.AskAgain:
		_, err := e.question(ctx, svc, target, theAlert(*s.Incident))
		return err
	case lifecycle.CaptureOld:
		return e.capture(ctx, s, "before")
	case lifecycle.SealAll:
		return e.seal(ctx, target, s)
	case lifecycle.AskReady:
		ev = lifecycle.Promoted{Release: rel.ID, Epoch: rel.Epoch, Ready: e.ready(ctx, svc, rel)}
	case lifecycle.AskChecks:
		ev = lifecycle.Checked{Release: rel.ID, Epoch: rel.Epoch, Answers: e.health(ctx, svc, rel, rel.Proof.Since)}
	case lifecycle.AskDrained:
		ev = lifecycle.Drained{Answer: e.prom.Drained(ctx, svc.ask, rel)}
	case lifecycle.AskHealth:
		answers := e.health(ctx, svc, rel, wellAt(svc.rb, *s.Incident))
		drained := e.prom.Drained(ctx, svc.ask, rel) // traffic that came back is not recovery
		ev = lifecycle.RecoveryPolled{Answers: append(answers, drained)}
	case lifecycle.AskBusiness:
		ev = lifecycle.KPIPolled{Answers: e.prom.Recovery(ctx, svc.ask, rel, wellAt(svc.rb, *s.Incident))}
	}
	if ctx.Err() != nil {
		return ctx.Err() // we are stopping: that is no answer
	}
	return e.take(ctx, target, ev)
}

// take steps what came of an effect. It is finished when we are stopping, but not
// waited for without end.
func (e *Engine) take(ctx context.Context, target Target, ev lifecycle.Event) error {
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), actWithin)
	defer cancel()
	_, err := e.step(work, target, ev)
	return err
}

// theAlert is the alert that the incident's breach was asked for.
func theAlert(i record.Incident) record.Alert {
	for _, a := range i.Alerts {
		if a.Trigger == i.Breach.Trigger {
			return a
		}
	}
	return record.Alert{Service: i.Service, Region: i.Region, Trigger: i.Breach.Trigger, Severity: i.Breach.Severity, Source: i.Source, Firing: true, StartsAt: i.OpenedAt}
}

// wellAt is the last moment before the harm: the breach's start less the window in
// which the trigger saw it.
func wellAt(rb *runbook.Runbook, i record.Incident) time.Time {
	at := i.OpenedAt
	if b := i.Breach.StartedAt; !b.IsZero() && b.Before(at) {
		at = b
	}
	if t, ok := rb.Trigger(i.Breach.Trigger); ok {
		at = at.Add(-t.For.Std())
	}
	return at
}
