package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// actWithin bounds the work one event causes. It goes on when the caller has gone
// away: a change once begun is never left half made.
const actWithin = 60 * time.Second

// atOnce is how many alerts of one call are taken at the same time.
const atOnce = 8

// Alerts takes what a source heard and returns nil once the outcome of every alert is
// committed: acted, asked, held, joined, or found not to be true. An error wrapping
// [runbook.ErrLater] means that it should be offered again. What became of each is counted
// and logged; a trigger that the runbook of an open release does not have is held and paged.
func (e *Engine) Alerts(ctx context.Context, alerts []record.Alert) error {
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), actWithin)
	done := make(chan error, 1)
	e.begun.RLock() // let go by the goroutine
	go func() {
		defer e.begun.RUnlock()
		defer cancel()
		done <- e.each(work, alerts)
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: the outcome is not committed yet", runbook.ErrLater)
	}
}

// each takes every alert, whatever becomes of the others: what is wrong with one
// service must not keep another from being rolled back.
func (e *Engine) each(ctx context.Context, alerts []record.Alert) error {
	errs := make([]error, len(alerts))
	var g errgroup.Group
	g.SetLimit(atOnce)
	for n, a := range alerts {
		g.Go(func() error {
			errs[n] = e.alert(ctx, a)
			return nil
		})
	}
	_ = g.Wait() // errs has what went wrong
	return errors.Join(errs...)
}

// alert takes one alert and accounts for it, whatever it is.
func (e *Engine) alert(ctx context.Context, a record.Alert) error {
	o, err := e.outcomeOf(ctx, a)
	if err != nil {
		o = notCommitted
	}
	e.account(a, o)
	return err
}

func (e *Engine) outcomeOf(ctx context.Context, a record.Alert) (outcome, error) {
	if !a.Firing {
		return resolved, nil // which says nothing of the service, nor of the path to us
	}
	if a.Trigger == watchdog {
		e.metrics.received(a.Source)
		if a.Source == record.Webhook {
			e.recordWatchdog(ctx, time.Now().UTC())
		}
		return alive, nil
	}
	e.mu.RLock()
	s, ok := e.services[a.Service]
	e.mu.RUnlock()
	if !ok {
		return unknownService, nil
	}
	if a.Region != "" && !slices.Contains(s.rb.Regions, a.Region) {
		return unknownRegion, nil
	}
	said := noRelease
	var errs []error
	for _, region := range s.rb.Regions {
		if a.Region == "" || a.Region == region {
			o, err := e.question(ctx, s, Target{a.Service, region}, a)
			said, errs = most(said, o), append(errs, later(err))
		}
	}
	return said, errors.Join(errs...)
}

// question asks Prometheus whether an alert is true now for the release that is open
// in the target, and steps the answer. A trigger that the runbook does not have cannot be
// asked, and is stepped as that.
func (e *Engine) question(ctx context.Context, s service, target Target, a record.Alert) (outcome, error) {
	trigger, _ := s.rb.Trigger(a.Trigger)
	rel, err := e.release(ctx, target)
	for range tries {
		var o outcome
		if o, err = e.questionOf(ctx, s, target, a, trigger, rel, err); !errors.Is(err, runbook.ErrConflict) {
			return o, err
		}
		// The weights changed while Prometheus was asked: its answer is of no use.
		rel, err = e.Release(ctx, target.Service, target.Region)
	}
	return "", fmt.Errorf("%w: the release of %s changes as fast as it is asked about", runbook.ErrLater, target)
}

func (e *Engine) questionOf(ctx context.Context, s service, target Target, a record.Alert, trigger runbook.Trigger, rel record.Release, err error) (outcome, error) {
	if errors.Is(err, runbook.ErrNotFound) || err == nil && rel.Phase != record.Open {
		if err != nil {
			return noRelease, nil
		}
		_, err = e.step(ctx, target, lifecycle.AlertChecked{Alert: a, Release: rel.ID, Epoch: rel.Epoch})
		return noRelease, err
	}
	if err != nil {
		return "", err
	}
	if trigger.Name == "" && a.Trigger != blind {
		_, err = e.step(ctx, target, lifecycle.AlertChecked{Alert: a, Breach: unasked(a, time.Now().UTC()), Release: rel.ID, Epoch: rel.Epoch})
		return unknownTrigger, err
	}
	e.boundary("before-confirm")
	b, ahead := e.confirm(ctx, s, target, a, trigger, rel)
	if ctx.Err() != nil {
		return "", ctx.Err() // an answer cut short by us says nothing of Prometheus
	}
	e.boundary("after-confirm")
	if b.StartedAt.IsZero() && a.Source == record.Webhook { // the watcher knows only the newest sample
		b.StartedAt = a.StartsAt
	}
	b.RulesDrift = e.driftOf(a.Service, a.Trigger)
	_, err = e.stepFrom(ctx, target, lifecycle.AlertChecked{Alert: a, Breach: b, Release: rel.ID, Epoch: rel.Epoch}, ahead)
	return outcome(b.State), err
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

// Start begins a release. It is refused while another is open, while either bundle is
// quarantined, and while the router's split is not all on the stable backend.
func (e *Engine) Start(ctx context.Context, l runbook.Launch, by string) (record.Release, error) {
	s, err := e.human(ctx, Target{l.Service, cmp.Or(l.Region, runbook.DefaultRegion)}, lifecycle.Launched{Launch: l, By: by})
	if err != nil {
		return record.Release{}, err
	}
	return *s.Release, nil
}

// Rollback moves all traffic of the open release to its stable bundle because a human
// asks for it.
func (e *Engine) Rollback(ctx context.Context, service, region, by, reason string) (record.Incident, error) {
	s, err := e.human(ctx, Target{service, cmp.Or(region, runbook.DefaultRegion)}, lifecycle.Demanded{By: by, Reason: reason})
	if err != nil {
		return record.Incident{}, err
	}
	return *s.Incident, nil
}

// AcceptSplit lets a held release go on with the split that was found.
func (e *Engine) AcceptSplit(ctx context.Context, service, region, by, reason string) (record.Release, error) {
	s, err := e.human(ctx, Target{service, cmp.Or(region, runbook.DefaultRegion)}, lifecycle.SplitAccepted{By: by, Reason: reason})
	if err != nil {
		return record.Release{}, err
	}
	return *s.Release, nil
}

// Answer is a human's yes or no to an approval. A yes to a rollback carries it out in
// the same transaction that uses the approval up.
func (e *Engine) Answer(ctx context.Context, id string, yes bool, by, how, reason string) (record.Approval, error) {
	a, err := e.Approval(ctx, id)
	if err != nil {
		return a, err
	}
	ev := lifecycle.Answered{Approval: id, By: by, How: how, Reason: reason, Yes: yes}
	if yes && a.Kind == record.Promotion {
		if _, ev.Ready, err = e.readyNow(ctx, Target{a.Service, a.Region}); err != nil {
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

// human steps an event that somebody waits for.
func (e *Engine) human(ctx context.Context, target Target, ev lifecycle.Event) (lifecycle.State, error) {
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), actWithin)
	defer cancel()
	s, err := e.step(work, target, ev)
	return s, later(err)
}

// Lift ends the quarantine of a bundle. Its name and reason are kept.
func (e *Engine) Lift(ctx context.Context, digest, by, reason string) error {
	if by == "" || reason == "" {
		return runbook.Refuse("lifting a quarantine needs a name and a reason")
	}
	key := store.QuarantineKey(digest)
	snap, err := e.store.Read(ctx, key)
	if err != nil {
		return later(err)
	}
	var q record.Quarantine
	if !has(snap, key) {
		return fmt.Errorf("quarantine of %s: %w", digest, runbook.ErrNotFound)
	}
	if err := decode(snap, key, &q); err != nil {
		return err
	}
	q.Lifted = "by " + by + ": " + reason
	b := txBuilder{indexes: map[string]uint64{key: index(snap, key)}}
	b.set(key, q)
	return e.put(ctx, b)
}

// SetControl writes the stop switch of the whole installation.
func (e *Engine) SetControl(ctx context.Context, c record.Control) error {
	snap, err := e.store.Read(ctx, store.ControlKey)
	if err != nil {
		return later(err)
	}
	b := txBuilder{indexes: map[string]uint64{store.ControlKey: index(snap, store.ControlKey)}}
	b.set(store.ControlKey, c)
	return e.put(ctx, b)
}

func (e *Engine) put(ctx context.Context, b txBuilder) error {
	if b.err != nil {
		return b.err
	}
	return later(e.store.Commit(ctx, store.Tx{ID: newOp(), Ops: b.ops}))
}

// later marks errors of the store as something that may be tried again; what a human
// was refused stays refused.
func later(err error) error {
	switch {
	case err == nil, errors.Is(err, runbook.ErrRefused), errors.Is(err, runbook.ErrNotFound), errors.Is(err, runbook.ErrConflict):
		return err
	}
	return fmt.Errorf("%w: %w", runbook.ErrLater, err)
}
