package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// later marks errors of the store as something that may be tried again; what a human
// was refused stays refused.
func later(err error) error {
	switch {
	case err == nil, errors.Is(err, runbook.ErrRefused), errors.Is(err, runbook.ErrNotFound), errors.Is(err, runbook.ErrConflict):
		return err
	}
	return fmt.Errorf("%w: %w", runbook.ErrLater, err)
}

// tries is how often a lost race is read and decided again before a human is told.
const tries = 5

// step takes one event to a target: read, Step, commit, at most [tries] times. A
// conflict on the budget alone does not count: every service shares it.
func (e *Engine) step(ctx context.Context, target Target, ev lifecycle.Event) (lifecycle.State, error) {
	return e.stepFrom(ctx, target, ev, nil)
}

// stepFrom is step with what was read ahead for the first try, if anything was. If it
// is out of date by now the commit is refused, like that of any lost race.
func (e *Engine) stepFrom(ctx context.Context, target Target, ev lifecycle.Event, ahead *snapshot) (lifecycle.State, error) {
	var lost snapshot
	for try := 0; ; {
		v, next, err := e.stepOnce(ctx, target, ev, &ahead)
		if !errors.Is(err, store.ErrConflict) {
			return next, err
		}
		e.metrics.conflicts.Inc()
		if lost.indexes == nil || !onlyBudgetMoved(lost, v) {
			try++
		}
		if try >= tries {
			e.page(ctx, lostRaces(target, try, time.Now().UTC()))
			return next, fmt.Errorf("step %s: lost the race %d times: %w", target, try, err)
		}
		lost = v
		select { // whoever waits for the target need not wait for this
		case <-ctx.Done():
			return next, ctx.Err()
		case <-time.After(time.Duration(try) * (10*time.Millisecond + e.opts.Jitter(40*time.Millisecond))):
		}
	}
}

// stepOnce reads, steps and commits, one event of a target at a time.
func (e *Engine) stepOnce(ctx context.Context, target Target, ev lifecycle.Event, ahead **snapshot) (v snapshot, next lifecycle.State, err error) {
	only := e.semaphore(target)
	if err := only.acquire(ctx); err != nil {
		return v, next, fmt.Errorf("wait for the event of %s before: %w", target, err)
	}
	defer only.release()
	if v, err = e.readOr(ctx, target, ev, ahead); err != nil {
		return v, v.State, err
	}
	e.countImpact(&v, ev)
	return e.looked(ctx, v, ev)
}

// readOr reads, unless that was done ahead and this process has committed nothing to
// the release since. What was read ahead is used once.
func (e *Engine) readOr(ctx context.Context, target Target, ev lifecycle.Event, ahead **snapshot) (snapshot, error) {
	v := *ahead
	*ahead = nil
	if v != nil && e.newest(target).Op == v.Release.Op {
		return *v, nil
	}
	return e.read(ctx, target, ev)
}

// newest is the target's release as last read or committed here.
func (e *Engine) newest(target Target) record.Release {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.last[target]
}

// commit steps once on what was read and commits the result.
func (e *Engine) commit(ctx context.Context, v snapshot, ev lifecycle.Event, now time.Time) (lifecycle.State, error) {
	if err := e.plan(ctx, &v, ev); err != nil {
		return v.State, err
	}
	v.Op = newOp()
	next, err := lifecycle.Step(v.State, ev, now)
	if err != nil {
		return v.State, err
	}
	e.stamp(v.State, &next)
	tx, err := v.transaction(next)
	if err != nil {
		return v.State, err
	}
	if len(tx.Ops) == 0 {
		e.remember(v.target, next)
		return next, nil
	}
	name := lifecycle.Boundary(ev, v.State, next)
	e.boundary("before-" + name)
	if err := e.store.Commit(ctx, tx); err != nil {
		return v.State, err
	}
	e.boundary("after-" + name)
	e.remember(v.target, next)
	e.committed(v.State, next)
	e.learnCommitted(v, next)
	return next, nil
}

// committed tells the journal, the log and the metrics what was committed.
func (e *Engine) committed(before, after lifecycle.State) {
	e.metrics.committed(before, after)
	if o := after.Write.Order; o != nil {
		e.ordered(*o)
	}
	if i := after.Incident; i != nil {
		var fresh []record.Record
		for _, r := range i.Timeline {
			if r.Op != after.Op {
				continue
			}
			fresh = append(fresh, r)
			e.log.Info(r.Text, zap.String("service", i.Service), zap.String("region", i.Region),
				zap.String("incident", i.ID), zap.String("kind", r.Kind), zap.String("by", r.By), zap.String("op", r.Op))
		}
		e.write(i.ID, fresh...)
	}
	e.moved(before, after)
	if len(after.Write.Messages) > 0 {
		e.deliverSoon()
	}
	e.notify(Target{after.Runbook.Service, after.Region})
}

// moved tells the journal and the log of a weight that changed without an incident.
func (e *Engine) moved(before, after lifecycle.State) {
	if !after.Write.Advance && (before.Release == nil || before.Release.Phase != record.Open || after.Release.Phase != record.Closed) {
		return
	}
	r := after.Release
	text := fmt.Sprintf("%s promoted to %v %%", r.Candidate.Version, r.Weight)
	if r.Phase == record.Closed {
		text = r.Candidate.Version + " is proved and now the last known good"
	}
	line := record.Record{At: r.Moves[len(r.Moves)-1].At, Kind: "promoted", By: r.Moves[len(r.Moves)-1].By, Text: text, Op: after.Op}
	e.log.Info(text, zap.String("service", r.Service), zap.String("region", r.Region), zap.String("release", r.ID), zap.String("by", line.By), zap.String("op", line.Op))
	e.write(r.ID, line)
}

// write puts lines into the journal. What was committed stays so without them.
func (e *Engine) write(id string, lines ...record.Record) {
	if err := e.journal.Append(id, lines...); err != nil {
		e.metrics.problems.WithLabelValues("journal").Inc()
		e.log.Error("write journal", zap.Error(err))
	}
}

func (e *Engine) boundary(name string) {
	if e.opts.Boundary != nil {
		e.opts.Boundary(name)
	}
}

// onlyBudgetMoved compares what two reads found at the keys the first one had.
func onlyBudgetMoved(before, after snapshot) bool {
	a, b := maps.Clone(before.indexes), maps.Clone(after.indexes)
	moved := a[store.BudgetKey] != b[store.BudgetKey]
	delete(a, store.BudgetKey)
	delete(b, store.BudgetKey)
	return moved && maps.Equal(a, b)
}

// remember keeps the newest release of a target, from which roles are exported, and how it stands.
func (e *Engine) remember(target Target, s lifecycle.State) {
	e.rememberBehind(target, s)
	one := standOf(s, time.Now().UTC())
	e.mu.Lock()
	e.stands[target] = one
	e.mu.Unlock()
	if s.Release == nil {
		return
	}
	if s.Incident != nil {
		e.keepIncidents(*s.Incident)
	}
	e.mu.Lock()
	before := e.last[target]
	e.last[target] = *s.Release
	e.mu.Unlock()
	if now := s.Release; before.ID != now.ID || before.Phase != now.Phase || before.Weight != now.Weight {
		signal(e.retarget, struct{}{})
	}
	if s.Release.ReadBack() && !before.ReadBack() {
		signal(e.readBack, struct{}{})
	}
}
