package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// actWithin bounds the work one event causes. It continues when the caller has gone
// away: a change once begun is never left half made.
const actWithin = 60 * time.Second

// atOnce is how many alerts of one call are taken at the same time.
const atOnce = 8

// mostAlerts is how many alerts of all webhooks may be under way: whoever sends more than
// Prometheus answers is asked to come again, and fills no memory. The watcher is never kept back.
const mostAlerts = 4000

// Alerts takes what a source received and returns nil once the outcome of every alert is
// committed: acted, asked, held, joined, or found not to be true. An error wrapping
// [runbook.ErrLater] means that it should be offered again. What became of each is counted
// and logged; a trigger that the runbook of an open release does not have is held and paged.
func (e *Engine) Alerts(ctx context.Context, alerts []record.Alert) error {
	sent := fromWebhook(alerts)
	if e.waiting.Add(sent) > mostAlerts {
		e.waiting.Add(-sent)
		return fmt.Errorf("%w: %d alerts are under way", runbook.ErrLater, mostAlerts)
	}
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), actWithin)
	done := make(chan error, 1)
	e.begun.RLock() // unlocked by the goroutine
	go func() {
		defer e.begun.RUnlock()
		defer cancel()
		defer e.waiting.Add(-sent)
		done <- e.each(work, alerts)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: the outcome is not committed yet", runbook.ErrLater)
	}
}

func fromWebhook(alerts []record.Alert) (n int64) {
	for _, a := range alerts {
		if a.Source == record.Webhook {
			n++
		}
	}
	return n
}

// each takes every alert, whatever becomes of the others: what is wrong with one
// service must not keep another from being rolled back.
func (e *Engine) each(ctx context.Context, alerts []record.Alert) error {
	var failed atomic.Int64
	var first error
	var once sync.Once
	var g errgroup.Group
	g.SetLimit(atOnce)
	for _, a := range alerts {
		g.Go(func() error {
			if err := e.alert(ctx, a); err != nil {
				failed.Add(1)
				once.Do(func() { first = err })
			}
			return nil
		})
	}
	_ = g.Wait() // failed has what went wrong
	if n := failed.Load(); n > 1 {
		return fmt.Errorf("%w (and %d other alerts of %d)", first, n-1, len(alerts))
	}
	return first
}

// alert takes one alert and accounts for it, whatever it is.
func (e *Engine) alert(ctx context.Context, a record.Alert) error {
	r, err := e.outcomeOf(ctx, a)
	if err != nil {
		r.Outcome, r.Problem = record.NotCommitted, err.Error()
	}
	e.account(a, r)
	return err
}

func only(o record.AlertOutcome) record.AlertResult { return record.AlertResult{Outcome: o} }

func (e *Engine) outcomeOf(ctx context.Context, a record.Alert) (record.AlertResult, error) {
	if !a.Firing {
		return only(record.Resolved), nil // which says nothing of the service, nor of the path to us
	}
	if a.Trigger == watchdog {
		e.metrics.received(a.Source)
		e.way.take(a, time.Now())
		if a.Source == record.Webhook {
			e.recordWatchdog(ctx, time.Now().UTC())
		}
		return only(record.Alive), nil
	}
	if a.Trigger == doctor {
		e.way.take(a, time.Now())
		return only(record.Probed), nil
	}
	s, ok := e.service(a.Service)
	if !ok {
		return only(record.UnknownService), nil
	}
	if a.Region != "" && !slices.Contains(s.rb.Regions, a.Region) {
		return only(record.UnknownRegion), nil
	}
	said := only(record.NoRelease)
	var errs []error
	for _, region := range s.rb.Regions {
		if a.Region == "" || a.Region == region {
			r, err := e.question(ctx, s, Target{a.Service, region}, a)
			said, errs = most(said, r), append(errs, later(err))
		}
	}
	return said, errors.Join(errs...)
}

// most is the more telling result of two.
func most(a, b record.AlertResult) record.AlertResult {
	order := record.AlertOutcomes()
	if slices.Index(order, b.Outcome) >= slices.Index(order, a.Outcome) {
		return b
	}
	return a
}

// question asks Prometheus whether an alert is true now for the release that is open
// in the target, and steps the answer. A trigger that the runbook does not have cannot be
// asked, and is stepped as that.
func (e *Engine) question(ctx context.Context, s service, target Target, a record.Alert) (record.AlertResult, error) {
	rel, err := e.release(ctx, target)
	for range tries {
		switch {
		case errors.Is(err, runbook.ErrNotFound):
			return only(record.NoRelease), nil
		case err != nil:
			return record.AlertResult{}, err
		}
		var r record.AlertResult
		if r, err = e.questionOf(ctx, s, target, a, rel); !errors.Is(err, runbook.ErrConflict) {
			r.Region, r.Release = target.Region, rel.ID
			return r, err
		}
		// The weights changed while Prometheus was asked: its answer is of no use.
		rel, err = e.Release(ctx, target.Service, target.Region)
	}
	return record.AlertResult{}, fmt.Errorf("%w: gave up after %d attempts: the release of %s keeps changing", runbook.ErrLater, tries, target)
}

func (e *Engine) questionOf(ctx context.Context, s service, target Target, a record.Alert, rel record.Release) (record.AlertResult, error) {
	a.StartsAt = clampStart(a, rel)
	ev := lifecycle.AlertChecked{Alert: a, Release: rel.ID, Epoch: rel.Epoch}
	if rel.Phase != record.Open {
		next, err := e.step(ctx, target, ev)
		return resultOf(record.NoRelease, ev.Breach, next), err
	}
	trigger, known := s.rb.Trigger(a.Trigger)
	if !known && a.Trigger != blind {
		ev.Breach = unasked(a, time.Now().UTC())
		next, err := e.step(ctx, target, ev)
		return resultOf(record.UnknownTrigger, ev.Breach, next), err
	}
	e.boundary("before-confirm")
	b, ahead := e.confirm(ctx, s, target, a, trigger, rel)
	if ctx.Err() != nil {
		return record.AlertResult{}, ctx.Err() // an answer cut short by us says nothing of Prometheus
	}
	e.boundary("after-confirm")
	if b.StartedAt.IsZero() && a.Source == record.Webhook { // the watcher knows only the newest sample
		b.StartedAt = a.StartsAt
	}
	if b.State == record.Breaching && trigger.Absolute() {
		b.Significance.Onset = e.monitor.Harmed(rel.ID, trigger)
	}
	b.RulesDrift = e.driftOf(a.Service, a.Trigger)
	ev.Breach = b
	next, err := e.stepFrom(ctx, target, ev, ahead)
	r := resultOf(record.AlertOutcome(b.State), b, next)
	if b.State == record.Breaching || b.State == record.NotBreaching {
		r.Effect, r.Limit = trigger.Reading(b.Value)
	}
	if a.Trigger == blind {
		r = e.blindResult(r, s.rb)
	}
	return r, err
}

// clampStart is when an alert began to fire, within the life of the release that it is asked
// of: a body may say anything, and nothing of this release began before it or in the future.
func clampStart(a record.Alert, rel record.Release) time.Time {
	received := a.ReceivedAt
	if received.IsZero() {
		received = time.Now().UTC()
	}
	switch {
	case a.StartsAt.IsZero(), a.StartsAt.After(received):
		return received
	case a.StartsAt.Before(rel.StartedAt) && rel.StartedAt.Before(received):
		return rel.StartedAt
	}
	return a.StartsAt
}

// release is the target's release as last seen; one that is not open is looked up, so
// that a release another replica has just started is not overlooked.
func (e *Engine) release(ctx context.Context, target Target) (record.Release, error) {
	e.mu.RLock()
	rel, ok := e.last[target]
	e.mu.RUnlock()
	if ok && rel.Phase == record.Open {
		return rel, nil
	}
	return e.Release(ctx, target.Service, target.Region)
}

// unasked is the breach of a trigger that the runbook does not have: there is no
// expression to ask Prometheus, so nothing is known, and the policy holds and pages.
func unasked(a record.Alert, now time.Time) record.Breach {
	return record.Breach{Trigger: a.Trigger, Severity: runbook.Page, State: record.NoData, StartedAt: a.StartsAt, AskedAt: now,
		Problem: "the runbook has no such trigger, so there is nothing to query Prometheus for"}
}
