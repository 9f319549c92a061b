package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// Run reconciles every release until ctx ends, and returns once what was begun is done.
func (e *Engine) Run(ctx context.Context) error {
	e.install(ctx) // before anything is written
	g, ctx := errgroup.WithContext(ctx)
	if e.opts.WatchEvery > 0 {
		g.Go(func() error { return e.every(ctx, e.opts.WatchEvery, e.monitor.Proved(), e.watch) })
	}
	g.Go(func() error { return e.every(ctx, e.opts.ReconcileEvery, e.retarget, e.aim) })
	g.Go(func() error { return e.reconcileAll(ctx) })
	g.Go(func() error { return e.samples.Run(ctx) })
	for _, c := range e.couriers {
		g.Go(func() error { return e.every(ctx, e.opts.ReconcileEvery, c.changed, c.deliver) })
	}
	if e.opts.RulesEvery > 0 {
		g.Go(func() error { return e.watchRules(ctx) })
	}
	if e.arming != nil {
		g.Go(func() error { return e.every(ctx, e.opts.ArmingEvery, nil, e.checkArming) })
	}
	g.Go(func() error { return e.every(ctx, e.opts.ReconcileEvery, nil, e.probeStandbys) })
	g.Go(func() error { return e.every(ctx, e.opts.ReconcileEvery, nil, e.mirrors) })
	g.Go(func() error { return e.every(ctx, observeEvery, e.readBack, e.observeRouters) })
	g.Go(func() error { return e.every(ctx, treeEvery, nil, e.lookThrough) })
	if e.regions != nil {
		g.Go(func() error { return e.every(ctx, e.opts.ReconcileEvery, nil, e.startNext) })
	}
	g.Go(func() error { return e.every(ctx, e.opts.ReconcileEvery, nil, e.noticeControl) })
	g.Go(func() error { return e.every(ctx, time.Hour, nil, e.gcRecords) })
	g.Go(func() error { return e.every(ctx, anchorEvery, nil, e.keepAnchor) })
	g.Go(func() error { return e.every(ctx, e.opts.ReconcileEvery, nil, e.install) })
	err := g.Wait()
	e.begun.Lock()   //nolint:staticcheck // only to wait: what an alert began is finished
	e.begun.Unlock() //nolint:staticcheck // as above
	e.lastAnchor(ctx)
	return err
}

// every calls f at once, then each period and whenever it is notified.
func (e *Engine) every(ctx context.Context, period time.Duration, notified <-chan struct{}, f func(context.Context)) error {
	t := time.NewTicker(period)
	defer t.Stop()
	for {
		f(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		case <-notified:
		}
	}
}

// reconcileAll looks at every release of the store each period and whenever one is notified.
// Each target is reconciled by a goroutine of its own, at most one at a time, so that a
// slow one delays nobody.
func (e *Engine) reconcileAll(ctx context.Context) error {
	t := time.NewTicker(e.opts.ReconcileEvery)
	defer t.Stop()
	var targets sync.WaitGroup
	defer targets.Wait()
	busy := make(map[Target]chan struct{})
	start := func(target Target) {
		notify, ok := busy[target]
		if !ok {
			notify = make(chan struct{}, 1)
			busy[target] = notify
			targets.Go(func() { e.reconcileTarget(ctx, target, notify) })
		}
		signal(notify, struct{}{})
	}
	for {
		for _, target := range e.releaseTargets(ctx) {
			start(target)
		}
		for again := false; !again; {
			select {
			case <-ctx.Done():
				return nil
			case target := <-e.requeue:
				start(target)
			case <-t.C:
				again = true
			}
		}
	}
}

// releaseTargets lists the targets that have a release and a runbook here.
func (e *Engine) releaseTargets(ctx context.Context) []Target {
	snap, err := e.store.Read(ctx, releases, store.InstallationKey)
	e.metrics.stored(err)
	if err != nil {
		if ctx.Err() == nil {
			e.log.Warn("list releases", zap.Error(err))
		}
		return nil
	}
	e.seeStore(snap)
	all := e.remembered(snap)
	for _, en := range snap.Under(releases) {
		target, ok := targetOf(en.Key)
		if _, err := e.serves(target); ok && err == nil && !slices.Contains(all, target) {
			all = append(all, target)
		}
	}
	return all
}

// reconcileTarget does what the target's state asks for, at every notify and when something is due.
func (e *Engine) reconcileTarget(ctx context.Context, target Target, notify <-chan struct{}) {
	for {
		due := time.After(e.reconcile(ctx, target))
		select {
		case <-ctx.Done():
			return
		case <-notify:
		case <-due:
		}
	}
}

// reconcile steps a tick and carries out every effect that is due; it returns the time to
// the next one.
func (e *Engine) reconcile(ctx context.Context, target Target) time.Duration {
	s, err := e.step(ctx, target, lifecycle.Tick{})
	if err == nil {
		err = e.askSamples(ctx, target, s)
	}
	if err == nil {
		for _, eff := range lifecycle.Effects(s, time.Now().UTC()) {
			if eff.Due.After(time.Now()) {
				continue
			}
			if err = e.runEffect(ctx, target, s, eff.Do); err != nil {
				break
			}
		}
	}
	if err != nil {
		if ctx.Err() == nil && !errors.Is(err, runbook.ErrNotFound) {
			e.metrics.problems.WithLabelValues("reconcile").Inc()
			e.log.Error("reconcile", zap.String("target", target.String()), zap.Error(err))
		}
		return e.opts.ReconcileEvery
	}
	return e.untilDue(s)
}

// untilDue is the time to the next effect by the clock, bounded by the reconcile interval.
func (e *Engine) untilDue(s lifecycle.State) time.Duration {
	wait := e.opts.ReconcileEvery
	for _, eff := range lifecycle.Effects(s, time.Now().UTC()) {
		if d := time.Until(eff.Due); d > 0 && d < wait {
			wait = d
		}
	}
	return max(wait, 10*time.Millisecond)
}

// notify has a target reconciled soon; a full channel means that all are anyway.
func (e *Engine) notify(target Target) { signal(e.requeue, target) }

// signal sends without waiting: whoever reads a full channel looks at all of it anyway.
func signal[T any](ch chan<- T, v T) {
	select {
	case ch <- v:
	default:
	}
}

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
	case lifecycle.WriteLater:
		ev, err = e.writeLater(ctx, target)
	case lifecycle.AskBusiness:
		ev = lifecycle.KPIPolled{Answers: e.prom.Recovery(ctx, svc.ask, rel, wellAt(svc.rb, *s.Incident))}
	}
	if ctx.Err() != nil {
		return ctx.Err() // we are stopping: that is no answer
	}
	if err != nil {
		return err
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

// wellAt is the last moment before the harm: before it began, as far as that is known, and not later
// than the breach's start less the window in which the trigger saw it.
func wellAt(rb *runbook.Runbook, i record.Incident) time.Time {
	at := i.OpenedAt
	if b := i.Breach.StartedAt; !b.IsZero() && b.Before(at) {
		at = b
	}
	if t, ok := rb.Trigger(i.Breach.Trigger); ok {
		at = at.Add(-t.For.Std())
	}
	if began := i.Harm().From; !began.IsZero() && began.Before(at) {
		at = began
	}
	return at
}
