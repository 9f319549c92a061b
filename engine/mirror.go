package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/actuators"
	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// mirrorKeys is the prefix of all mirrors.
const mirrorKeys = store.Root + "mirror/"

// StartMirror switches the copying of requests on for a planned time.
func (e *Engine) StartMirror(ctx context.Context, service, region string, o runbook.MirrorOrder, by record.Caller) (record.Mirror, error) {
	return e.mirrorOrder(ctx, e.targetIn(service, region), lifecycle.MirrorStart{Order: o, By: by})
}

// StopMirror switches it off before its planned end.
func (e *Engine) StopMirror(ctx context.Context, service, region string, by record.Caller, reason string) (record.Mirror, error) {
	return e.mirrorOrder(ctx, e.targetIn(service, region), lifecycle.MirrorStop{By: by, Reason: reason})
}

// Mirror returns the newest mirror of a service in a region.
func (e *Engine) Mirror(ctx context.Context, service, region string) (record.Mirror, error) {
	t := e.targetIn(service, region)
	return one[record.Mirror](ctx, e.store, store.MirrorKey(t.Service, t.Region), "mirror of "+t.Service+" in "+t.Region)
}

func (e *Engine) mirrorOrder(ctx context.Context, target Target, ev lifecycle.MirrorEvent) (record.Mirror, error) {
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), actWithin)
	defer cancel()
	s, err := e.stepMirror(work, target, ev)
	if err != nil {
		return record.Mirror{}, later(err)
	}
	return *s.Mirror, nil
}

// mirrors looks at every mirror that is on, unless its target is held back. Any replica may end
// it: the transaction is checked, so only one does.
func (e *Engine) mirrors(ctx context.Context) {
	snap, err := e.store.Read(ctx, mirrorKeys, behinds)
	if err != nil {
		if ctx.Err() == nil {
			e.log.Warn("list mirrors", zap.Error(err))
		}
		return
	}
	for _, m := range under[record.Mirror](snap, mirrorKeys) {
		target := Target{m.Service, m.Region}
		if _, err := e.serves(target); err != nil || !m.On() || has(snap, store.BehindKey(m.Service, m.Region)) || ctx.Err() != nil {
			continue
		}
		work, cancel := context.WithTimeout(context.WithoutCancel(ctx), actWithin)
		_, err := e.stepMirror(work, target, lifecycle.MirrorTick{})
		cancel()
		if err != nil && !errors.Is(err, store.ErrConflict) { // another replica was first, or the next look is
			e.metrics.problems.WithLabelValues("mirror").Inc()
			e.log.Error("reconcile mirror", zap.String("target", target.String()), zap.Error(err))
		}
	}
}

// A mirrorView is a mirror's state with the indexes it was read at.
type mirrorView struct {
	lifecycle.MirrorState
	target  Target
	indexes map[string]uint64
	ops     []store.Op // what writes the wanted percent
}

func (e *Engine) stepMirror(ctx context.Context, target Target, ev lifecycle.MirrorEvent) (lifecycle.MirrorState, error) {
	for try := 1; ; try++ {
		v, err := e.readMirror(ctx, target, ev)
		if err != nil {
			return v.MirrorState, err
		}
		next, err := e.commitMirror(ctx, v, ev, time.Now().UTC())
		if !errors.Is(err, store.ErrConflict) || try == tries {
			return next, err
		}
		e.metrics.conflicts.Inc()
	}
}

// readMirror reads a target's mirror, its release and the router's keys in one snapshot,
// and plans the percent that the event may ask for.
func (e *Engine) readMirror(ctx context.Context, target Target, ev lifecycle.MirrorEvent) (mirrorView, error) {
	v := mirrorView{target: target, indexes: map[string]uint64{}}
	svc, err := e.serves(target)
	if err != nil {
		return v, err
	}
	v.Runbook, v.Region = svc.rb, target.Region
	key, release := store.MirrorKey(target.Service, target.Region), store.ReleaseKey(target.Service, target.Region)
	look := e.look(target, svc)
	if _, starts := ev.(lifecycle.MirrorStart); starts {
		look = nil
	}
	snap, err := e.store.Read(ctx, append(look.keys(svc), store.ControlKey, key, release)...)
	if err != nil {
		return v, fmt.Errorf("read mirror of %s: %w", target, err)
	}
	maps.Copy(v.indexes, indexes(snap))
	v.Control = e.inForce(snap)
	if v.Mirror, err = entry[record.Mirror](snap, key); err != nil {
		return v, err
	}
	if v.Release, err = entry[record.Release](snap, release); err != nil {
		return v, err
	}
	if look == nil {
		v.Hazards = e.hazards(target, svc, snap, backendsOf(v.Release))
	}
	v.look(snap, svc.router, ev)
	return v, nil
}

func (v *mirrorView) look(snap store.Snapshot, router actuators.Router, ev lifecycle.MirrorEvent) {
	v.Split, _ = router.Decode(snap) // without one nobody gets users' traffic that we know of
	var err error
	if v.Shares, err = router.Mirrored(snap); err != nil {
		v.Problem = err.Error()
		return
	}
	backend, percent := "", 0
	if v.Mirror != nil {
		backend = v.Mirror.Backend
	}
	if start, ok := ev.(lifecycle.MirrorStart); ok {
		backend, percent = v.Backend(start.Order), start.Order.Percent
	}
	if backend == "" {
		return
	}
	if v.ops, err = router.PlanMirror(snap, backend, percent); err != nil {
		v.Obstacle = err.Error()
	}
}

// commitMirror steps once on what was read and commits the result: the record, the
// percent and the messages in one transaction, which checks the control key if it
// changes the router.
func (e *Engine) commitMirror(ctx context.Context, v mirrorView, ev lifecycle.MirrorEvent, now time.Time) (lifecycle.MirrorState, error) {
	v.Op = newOp()
	next, err := lifecycle.StepMirror(v.MirrorState, ev, now)
	if err != nil || reflect.DeepEqual(v.Mirror, next.Mirror) {
		return next, err
	}
	b := txBuilder{indexes: v.indexes}
	next.Mirror.Op = v.Op
	b.set(store.MirrorKey(v.target.Service, v.target.Region), next.Mirror)
	if o := next.Write.Order; o != nil {
		b.set(store.OrderKey(o.ID), o)
	}
	for _, op := range v.ops {
		if !next.Write.Percent { // what was made of the router's percent is true while it is as it was read
			op.Verb, op.Value = store.Check, nil
		}
		b.ops = append(b.ops, op)
	}
	if next.Write.Percent {
		b.check(store.ControlKey)
	}
	for _, m := range next.Write.Messages {
		b.set(store.OutboxKey(m.ID), m)
	}
	if b.err != nil {
		return next, b.err
	}
	name := mirrorBoundary(next)
	e.boundary("before-" + name)
	if err := e.store.Commit(ctx, store.Tx{ID: v.Op, Ops: b.ops}); err != nil {
		return v.MirrorState, err
	}
	e.boundary("after-" + name)
	e.mirrorCommitted(next)
	return next, nil
}

func mirrorBoundary(next lifecycle.MirrorState) string {
	switch {
	case !next.Mirror.On():
		return "mirror-off"
	case next.Write.Percent:
		return "mirror-on"
	}
	return "mirror-note"
}

func (e *Engine) mirrorCommitted(s lifecycle.MirrorState) {
	m := s.Mirror
	if o := s.Write.Order; o != nil {
		e.ordered(*o)
	}
	text := fmt.Sprintf("%d %% of the requests are mirrored to %s until %s", m.Percent, m.Backend, m.Until.UTC().Format(time.RFC3339))
	switch {
	case !m.On():
		text = "the mirror to " + m.Backend + " ended: " + m.Ended
	case m.Held != nil:
		text = "the mirror to " + m.Backend + " is held: the router's percent is " + m.Held.Found
	case m.Waiting != "":
		text = "the mirror to " + m.Backend + " stays on: " + m.Waiting
	}
	by := m.StartedBy
	if !m.On() {
		by = m.EndedBy
	}
	e.log.Info(text, zap.String("service", m.Service), zap.String("region", m.Region), zap.String("by", by), zap.String("op", m.Op))
	line := record.Record{At: time.Now().UTC(), Kind: strings.ReplaceAll(mirrorBoundary(s), "-", "_"), By: by, Text: text, Op: m.Op}
	e.write("mirror-"+m.Service+"-"+m.Region, line)
	if len(s.Write.Messages) > 0 {
		e.deliverSoon()
	}
}
