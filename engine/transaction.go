package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/store"
)

// transaction is what turns the state that was read into the next one: every record
// that changed, at the index it was read at. The release is always written or
// checked, so that two decisions about one target cannot both be committed; a shift
// and a promotion also check the control key, so that a pause committed before it makes them fail, and
// both bundles' quarantine. What switches flags off again is undone by a pause as well, and by
// the quarantine being lifted. A launch that needs a shadow pass checks that verdict.
func (v snapshot) transaction(next lifecycle.State) (store.Tx, error) {
	b := txBuilder{indexes: v.indexes}
	release := store.ReleaseKey(v.target.Service, v.target.Region)
	if o := next.Write.Order; o != nil {
		b.set(store.OrderKey(o.ID), o)
	}
	if w := next.Write.Waiting; w != nil {
		b.set(store.WaitingKey(next.Write.WaitingID), w)
	}
	if id := next.Write.EndWaiting; id != "" {
		b.delete(store.WaitingKey(id))
	}
	if next.Release != nil && !reflect.DeepEqual(v.Release, next.Release) {
		next.Release.Op = next.Op
		b.set(release, next.Release)
	}
	if next.Incident != nil && !reflect.DeepEqual(v.Incident, next.Incident) {
		b.set(store.IncidentKey(next.Incident.ID), next.Incident)
	}
	if next.Approval != nil && !reflect.DeepEqual(v.Approval, next.Approval) {
		b.set(store.ApprovalKey(next.Approval.ID), next.Approval)
	}
	if next.Question != nil && !reflect.DeepEqual(v.Question, next.Question) {
		b.set(store.ApprovalKey(next.Question.ID), next.Question)
	}
	if !reflect.DeepEqual(v.Budget, next.Budget) {
		b.set(store.BudgetKey, next.Budget)
	}
	if next.Behind != nil && !reflect.DeepEqual(v.Behind, next.Behind) {
		b.set(store.BehindKey(v.target.Service, v.target.Region), next.Behind)
	}
	if next.Write.Recovered {
		v.recovered(&b)
	}
	b.write(next.Write, v.ops, v.nextOps)
	for _, op := range v.offOps {
		if slices.Contains(next.Write.SwitchOff, op.Key) {
			b.ops = append(b.ops, op)
		}
	}
	if b.err == nil && len(b.ops) > 0 {
		b.check(release)
		b.check(store.BehindKey(v.target.Service, v.target.Region))
		if next.Write.Adopt {
			for _, op := range v.ops { // a human's split is taken as it was read, or not at all
				b.ops = append(b.ops, store.Op{Verb: store.Check, Key: op.Key, Index: op.Index})
			}
		}
		if next.Write.Gate {
			b.check(store.ShadowKey(next.Release.Candidate.Bundle))
		}
		if len(next.Write.SwitchOff) > 0 {
			b.check(store.ControlKey)
			b.check(store.QuarantineKey(next.Release.Candidate.Bundle))
		}
		if next.Write.Shift || next.Write.Advance {
			b.check(store.ControlKey)
			b.check(store.QuarantineKey(next.Release.Stable.Bundle))
			b.check(store.QuarantineKey(next.Release.Candidate.Bundle))
		}
	}
	return store.Tx{ID: next.Op, Ops: b.ops}, b.err
}

// A txBuilder collects operations, one for each key.
type txBuilder struct {
	indexes map[string]uint64
	op      string
	ops     []store.Op
	err     error
}

func (b *txBuilder) write(w lifecycle.Write, plan, next []store.Op) {
	switch {
	case w.Shift:
		b.ops = append(b.ops, plan...)
	case w.Advance:
		b.ops = append(b.ops, next...)
	}
	for _, bundle := range w.Bundles {
		if key := store.BundleKey(bundle.Digest()); b.indexes[key] == 0 {
			b.set(key, bundle)
		}
	}
	for _, q := range w.Quarantine {
		b.set(store.QuarantineKey(q.Bundle), q)
	}
	for _, i := range w.Incidents {
		b.set(store.IncidentKey(i.ID), i)
	}
	for _, a := range w.Approvals {
		b.set(store.ApprovalKey(a.ID), a)
	}
	for _, m := range w.Messages {
		b.set(store.OutboxKey(m.ID), m)
	}
	for _, id := range w.Sent {
		b.delete(store.OutboxKey(id))
	}
}

// set writes a record over the one that was read, or a new one where none was, and returns its text.
func (b *txBuilder) set(key string, value any) []byte {
	text, err := json.Marshal(value)
	if err != nil && b.err == nil {
		b.err = fmt.Errorf("encode %s: %w", key, err)
	}
	b.ops = append(b.ops, store.Op{Verb: store.Set, Key: key, Value: text, Index: b.indexes[key]})
	return text
}

// delete takes a record away as it was read.
func (b *txBuilder) delete(key string) {
	b.ops = append(b.ops, store.Op{Verb: store.Delete, Key: key, Index: b.indexes[key]})
}

// check demands that a key is as it was read, unless the transaction writes it.
func (b *txBuilder) check(key string) {
	for _, op := range b.ops {
		if op.Key == key {
			return
		}
	}
	b.ops = append(b.ops, store.Op{Verb: store.Check, Key: key, Index: b.indexes[key]})
}

// put commits what was collected. Its errors are marked by [later].
func (e *Engine) put(ctx context.Context, b txBuilder) error {
	if b.err != nil {
		return b.err
	}
	return later(e.store.Commit(ctx, store.Tx{ID: cmp.Or(b.op, newOp()), Ops: b.ops}))
}

// putOne writes one record over the one that was read at that index; 0: there is none.
func (e *Engine) putOne(ctx context.Context, key string, index uint64, value any) error {
	b := txBuilder{indexes: map[string]uint64{key: index}}
	b.set(key, value)
	return e.put(ctx, b)
}
