package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
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
		name := "write" + back(v.Release)
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

// back tells the boundaries of a rollback's write from the others.
func back(r *record.Release) string {
	if r.Phase == record.RolledBack {
		return "-back"
	}
	return ""
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
