package engine

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

const (
	watchdog = rules.WatchdogTrigger
	blind    = rules.BlindTrigger
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

// askBlind asks whether some trigger really cannot judge the release: the companion has no
// number of its own. A trigger that has no data is the answer; a significance that is not
// known here is to be asked for again.
func (e *Engine) askBlind(ctx context.Context, s service, rel record.Release) record.Breach {
	b := record.Breach{Trigger: blind, Severity: runbook.Mild, State: record.NotBreaching, AskedAt: time.Now().UTC()}
	for _, t := range s.rb.Triggers {
		if t.Absolute() {
			continue
		}
		got := e.prom.Confirm(ctx, s.ask, t, rel, e.significance(rel, t.Name))
		if got.State == record.NoData {
			return got
		}
		if problem := cmp.Or(got.Problem, got.Significance.Problem); problem != "" && b.Problem == "" {
			b.State, b.Problem, b.Significance = record.Unreachable, problem, got.Significance
		}
	}
	return b
}

// deliver offers every message of the outbox to the post. One that reached somebody
// leaves the outbox in a transaction; a crash in between sends it twice, never not
// at all. One that reached nobody for a day leaves it too, with a record.
func (e *Engine) deliver(ctx context.Context) {
	waiting, err := e.outbox(ctx)
	if err != nil {
		if ctx.Err() == nil {
			e.log.Warn("read outbox", zap.Error(err))
		}
		return
	}
	for _, m := range waiting {
		if ctx.Err() != nil {
			return
		}
		if err := e.send(ctx, m); err != nil {
			e.log.Warn("send message", zap.String("message", m.ID), zap.Error(err))
		}
	}
}

func (e *Engine) send(ctx context.Context, m record.Message) error {
	claimed, err := e.claim(ctx, m)
	if err != nil || !claimed {
		return err
	}
	e.boundary("before-send")
	within, cancel := context.WithTimeout(ctx, claimFor)
	defer cancel()
	told := lifecycle.MessageSent{Message: m.ID, Incident: m.Incident}
	who, err := e.post.Send(within, m)
	switch {
	case err == nil:
		told.Text = fmt.Sprintf("told %s: %s", who, m.Title)
	case ctx.Err() == nil && time.Since(m.CreatedAt) > giveUpAfter:
		told.GaveUp, told.Text = true, fmt.Sprintf("gave up telling %q after %d attempts: %v", m.Title, m.Attempts+1, err)
		e.metrics.problems.WithLabelValues("message").Inc()
		e.log.Error("give up message", zap.String("message", m.ID), zap.Error(err))
	default:
		return fmt.Errorf("send %s: %w", m.ID, err)
	}
	e.boundary("after-send")
	return e.take(ctx, Target{m.Service, m.Region}, told)
}
