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
	e.mu.RLock()
	svc := e.services[target.Service]
	e.mu.RUnlock()
	if do == lifecycle.AskReady && svc.rb != nil && s.Release != nil {
		return e.askReady(ctx, target, svc, *s.Release)
	}
	if do == lifecycle.AskChecks && svc.rb != nil && s.Release != nil && s.Release.Proof != nil {
		answers := e.health(ctx, svc, *s.Release, s.Release.Proof.Since)
		if ctx.Err() != nil {
			return ctx.Err() // we are stopping: that is no answer
		}
		return e.take(ctx, target, lifecycle.Checked{Release: s.Release.ID, Epoch: s.Release.Epoch, Answers: answers})
	}
	if do == lifecycle.StepAgain {
		return nil // the tick was the look
	}
	if svc.rb == nil || s.Incident == nil {
		return fmt.Errorf("carry out %s for %s: %w", do, target, runbook.ErrNotFound) // its runbook was taken away
	}
	i := *s.Incident
	switch do {
	case lifecycle.AskAgain:
		_, err := e.question(ctx, svc, target, theAlert(i))
		return err
	case lifecycle.AskDrained:
		answer := e.prom.Drained(ctx, svc.ask, *s.Release)
		if ctx.Err() != nil {
			return ctx.Err() // we are stopping: that is no answer
		}
		return e.take(ctx, target, lifecycle.Drained{Answer: answer})
	case lifecycle.AskHealth:
		answers := e.health(ctx, svc, *s.Release, wellAt(svc.rb, i))
		answers = append(answers, e.prom.Drained(ctx, svc.ask, *s.Release)) // traffic that came back is not recovery
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return e.take(ctx, target, lifecycle.RecoveryPolled{Answers: answers})
	case lifecycle.AskBusiness:
		answers := e.prom.Recovery(ctx, svc.ask, *s.Release, wellAt(svc.rb, i))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return e.take(ctx, target, lifecycle.KPIPolled{Answers: answers})
	case lifecycle.CaptureOld:
		return e.capture(ctx, s, "before")
	case lifecycle.SealAll:
		return e.seal(ctx, target, s)
	}
	return nil
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

// askReady carries out [AskReady].
func (e *Engine) askReady(ctx context.Context, target Target, s service, rel record.Release) error {
	ready := e.ready(ctx, s, rel)
	if ctx.Err() != nil {
		return ctx.Err() // we are stopping: that is no answer
	}
	return e.take(ctx, target, lifecycle.Promoted{Release: rel.ID, Epoch: rel.Epoch, Ready: ready})
}
