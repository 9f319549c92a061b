package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// actWithin bounds the work one event causes. It continues when the caller has gone
// away: a change once begun is never left half made.
const actWithin = 60 * time.Second

// atOnce is how many alerts of one call are taken at the same time.
const atOnce = 8

// Alerts takes what a source received and returns nil once the outcome of every alert is
// committed: acted, asked, held, joined, or found not to be true. An error wrapping
// [runbook.ErrLater] means that it should be offered again. What became of each is counted
// and logged; a trigger that the runbook of an open release does not have is held and paged.
func (e *Engine) Alerts(ctx context.Context, alerts []record.Alert) error {
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), actWithin)
	done := make(chan error, 1)
	e.begun.RLock() // unlocked by the goroutine
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
		e.way.take(a, time.Now())
		if a.Source == record.Webhook {
			e.recordWatchdog(ctx, time.Now().UTC())
		}
		return alive, nil
	}
	if a.Trigger == doctor {
		e.way.take(a, time.Now())
		return probed, nil
	}
	s, ok := e.service(a.Service)
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
	rel, err := e.release(ctx, target)
	for range tries {
		switch {
		case errors.Is(err, runbook.ErrNotFound):
			return noRelease, nil
		case err != nil:
			return "", err
		}
		var o outcome
		if o, err = e.questionOf(ctx, s, target, a, rel); !errors.Is(err, runbook.ErrConflict) {
			return o, err
		}
		// The weights changed while Prometheus was asked: its answer is of no use.
		rel, err = e.Release(ctx, target.Service, target.Region)
	}
	return "", fmt.Errorf("%w: gave up after %d attempts: the release of %s keeps changing", runbook.ErrLater, tries, target)
}

func (e *Engine) questionOf(ctx context.Context, s service, target Target, a record.Alert, rel record.Release) (outcome, error) {
	ev := lifecycle.AlertChecked{Alert: a, Release: rel.ID, Epoch: rel.Epoch}
	if rel.Phase != record.Open {
		_, err := e.step(ctx, target, ev)
		return noRelease, err
	}
	trigger, known := s.rb.Trigger(a.Trigger)
	if !known && a.Trigger != blind {
		ev.Breach = unasked(a, time.Now().UTC())
		_, err := e.step(ctx, target, ev)
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
	ev.Breach = b
	_, err := e.stepFrom(ctx, target, ev, ahead)
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

// An outcome is what became of one alert that was received. Each has exactly one, which is
// counted and logged, whatever is wrong with the alert.
type outcome string

const (
	notCommitted   outcome = "later" // it is offered again, and counted again then
	unknownService outcome = "unknown_service"
	unknownRegion  outcome = "unknown_region"
	unknownTrigger outcome = "unknown_trigger" // with a release open: held and paged
	resolved       outcome = "resolved"
	noRelease      outcome = "no_release"
	alive          outcome = "watchdog"
	probed         outcome = "doctor"
)

// judged are the outcomes that Prometheus' answer decides.
var judged = []outcome{outcome(record.NotBreaching), outcome(record.NoData), outcome(record.Unreachable), outcome(record.Breaching)}

// telling orders outcomes: an alert that names no region is about all of them, and what
// it meant for one where something is wrong is what became of it.
var telling = append([]outcome{noRelease, unknownTrigger}, judged...)

// most is the more telling outcome of two.
func most(a, b outcome) outcome {
	return slices.MaxFunc([]outcome{a, b}, func(x, y outcome) int {
		return cmp.Compare(slices.Index(telling, x), slices.Index(telling, y))
	})
}

// otherTrigger stands in metrics for every name that no runbook has: a webhook can say
// what it likes, and must not make series.
const otherTrigger = "other"

// ownTriggers are those that no runbook may have.
var ownTriggers = []string{watchdog, blind, doctor}

// triggerLabel is the trigger's name as a label value. There are as many as runbooks have.
func (e *Engine) triggerLabel(a record.Alert) string {
	s, known := e.service(a.Service)
	if known {
		_, known = s.rb.Trigger(a.Trigger)
	}
	if known || slices.Contains(ownTriggers, a.Trigger) {
		return a.Trigger
	}
	return otherTrigger
}

// account counts and logs what became of an alert. One that was not committed is logged
// by whoever is told the error. The watcher sees the same every few seconds, and says it
// once in a while.
func (e *Engine) account(a record.Alert, o outcome) {
	e.metrics.alerts.WithLabelValues(string(a.Source), e.triggerLabel(a), string(o)).Inc()
	if o == notCommitted || a.Source == record.Watcher && !e.said.fresh(time.Now(), a.Service, a.Trigger, a.Region, string(o)) {
		return
	}
	log := e.log.Info
	switch {
	case strings.HasPrefix(string(o), "unknown_"):
		log = e.log.Warn
	case o == alive, o == probed:
		log = e.log.Debug
	}
	log("alert", zap.String("outcome", string(o)), zap.String("source", string(a.Source)),
		zap.String("service", a.Service), zap.String("trigger", a.Trigger), zap.String("region", a.Region))
}

// A hush remembers what was said lately. Its zero value is ready to use.
type hush struct {
	mu   sync.Mutex
	last map[string]time.Time
}

// mostHushed bounds what is remembered; past it all is said once more.
const mostHushed = 1000

// unasked is the breach of a trigger that the runbook does not have: there is no
// expression to ask Prometheus, so nothing is known, and the policy holds and pages.
func unasked(a record.Alert, now time.Time) record.Breach {
	return record.Breach{Trigger: a.Trigger, Severity: runbook.Page, State: record.NoData, StartedAt: a.StartsAt, AskedAt: now,
		Problem: "the runbook has no such trigger, so there is nothing to query Prometheus for"}
}

// fresh reports whether this was not said in the last ten minutes, and takes it as said.
func (h *hush) fresh(now time.Time, what ...string) bool {
	key := strings.Join(what, "\x00")
	h.mu.Lock()
	defer h.mu.Unlock()
	if at, there := h.last[key]; there && now.Sub(at) < policy.Quiet {
		return false
	}
	if len(h.last) >= mostHushed || h.last == nil {
		h.last = map[string]time.Time{}
	}
	h.last[key] = now
	return true
}
