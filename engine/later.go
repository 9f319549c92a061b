package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// apart splits the operations of a change into those of the transaction and the writes that are
// carried out after it, one for each other place in the order of its first key. Of the router's
// place a write is carried out even if nothing changes there: an older one may be on its way.
func (v *snapshot) apart(change record.Change, ops []store.Op) (joined []store.Op, later []record.DeferredWrite) {
	at := store.Place(v.service.router.Writes()[0])
	for _, op := range ops {
		place := store.Place(op.Key)
		if place == "" {
			joined = append(joined, op)
			continue
		}
		if slices.ContainsFunc(later, func(w record.DeferredWrite) bool { return w.Place == place }) {
			continue
		}
		w := record.DeferredWrite{Place: place, Keys: keysAt(place, change.Keys)}
		if place == at {
			w.Ours = []record.Split{v.Split}
		}
		if len(w.Keys) > 0 || place == at {
			later = append(later, w)
		}
	}
	return joined, later
}

func keysAt(place string, keys []record.KeyChange) (at []record.KeyChange) {
	for _, k := range keys {
		if store.Place(k.Key) == place {
			at = append(at, k)
		}
	}
	return at
}

// writeLater carries out the pending write whose turn it is, on what is read now. An answer that
// does not come is no outcome: the next look finds out.
func (e *Engine) writeLater(ctx context.Context, target Target) (lifecycle.Event, error) {
	v, err := e.read(ctx, target, lifecycle.Tick{})
	if err != nil {
		return nil, err
	}
	w, due := lifecycle.Due(v.State)
	if !due {
		return lifecycle.Tick{}, nil
	}
	done := lifecycle.Written{Op: w.Op, Place: w.Place}
	ops, err := e.planLater(ctx, v, w)
	if err == nil && len(ops) > 0 {
		name := lifecycle.WriteBoundary("write", v.Release)
		e.boundary("before-" + name)
		err = e.store.Commit(ctx, store.Tx{ID: newOp(), Ops: ops})
		e.boundary("after-" + name)
	}
	switch {
	case errors.Is(err, store.ErrConflict):
		e.notify(target)
		return lifecycle.Tick{}, nil
	case err != nil && ctx.Err() == nil:
		e.metrics.problems.WithLabelValues("write").Inc()
		done.Problem = err.Error()
	}
	return done, nil
}

// planLater are the operations that bring a place to what the release wants; none if it is
// there. The plan bears the write's own mark, where the place knows one.
func (e *Engine) planLater(ctx context.Context, v snapshot, w record.DeferredWrite) ([]store.Op, error) {
	docs, err := e.flags(ctx, *v.Release)
	if err != nil {
		return nil, err
	}
	want := docs.serving()
	if v.Release.Phase == record.RolledBack {
		want = docs.rolledBack()
	}
	want[1].Serving = v.Open() && v.Release.Weight > 0
	_, ops, err := v.service.router.Marked(w.Op).Plan(v.snap, v.Release.Want(), want)
	if err != nil {
		return nil, fmt.Errorf("plan what is pending: %w", err)
	}
	return slices.DeleteFunc(ops, func(op store.Op) bool {
		return store.Place(op.Key) != w.Place || op.Verb == store.Check
	}), nil
}

// KeepPending keeps an order about a region whose store does not answer in this engine's store, and
// tells people in the same transaction.
func (e *Engine) KeepPending(ctx context.Context, o record.PendingRollback, problem string) (record.PendingRollback, error) {
	o.Schema, o.ID, o.At = runbook.Schema, "pending-"+newOp(), time.Now().UTC()
	b := txBuilder{op: newOp()}
	b.set(store.PendingKey(o.ID), o)
	log := b.order(record.Order{Caller: o.Caller, Action: record.OrderRollback, Service: o.Service, Region: o.Region, Subject: o.ID, Reason: o.Reason}, o.At)
	m := report.PendingMsg(o, e.voice(o.Service), record.Truncate(problem, record.MaxLine), o.At)
	b.set(store.OutboxKey(m.ID), m)
	err := e.put(ctx, b)
	if err == nil {
		e.ordered(log)
		e.log.Warn(m.Title + ": " + problem)
		e.deliverSoon()
	}
	return o, err
}

// EndPending takes an order out of this engine's store, and tells people what came of it in the same
// transaction. Another replica that was first is as good: then it returns nil.
func (e *Engine) EndPending(ctx context.Context, o record.PendingRollback, came string, done bool) error {
	key := store.PendingKey(o.ID)
	snap, err := e.store.Read(ctx, key)
	if err != nil {
		return fmt.Errorf("end order %s: %w", o.ID, err)
	}
	if !has(snap, key) {
		return nil
	}
	m := report.PendingDoneMsg(o, e.voice(o.Service), record.Truncate(came, record.MaxLine), done, time.Now().UTC())
	b := txBuilder{}
	b.set(store.OutboxKey(m.ID), m)
	b.ops = append(b.ops, store.Op{Verb: store.Delete, Key: key, Index: index(snap, key)})
	if err := e.put(ctx, b); err != nil {
		return fmt.Errorf("end order %s: %w", o.ID, err)
	}
	e.log.Info(m.Title + ": " + came)
	e.deliverSoon()
	return nil
}

// voice is the region of this engine in whose name it speaks about another one.
func (e *Engine) voice(service string) string {
	if s, ok := e.service(service); ok {
		return s.rb.Regions[0]
	}
	return e.opts.Region
}
