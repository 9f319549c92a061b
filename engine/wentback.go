package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/engine/known"
	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/view"
)

// behinds is the prefix of what is known to be lost.
const behinds = store.Root + "behind/"

// takeBehind reads which installation the store is of, and whether somebody has noticed that it
// has less of the target than is known.
func (v *snapshot) takeBehind(snap store.Snapshot) (err error) {
	var made record.Installation
	if err := decode(snap, store.InstallationKey, &made); err != nil {
		return err
	}
	v.Installation = made
	v.Behind, err = entry[record.Behind](snap, store.BehindKey(v.target.Service, v.target.Region))
	return err
}

// learn remembers what was read or committed of a target, and writes down what is new.
func (e *Engine) learn(target Target, rel *record.Release, index uint64, quarantined map[string]record.Quarantine) {
	if e.memory.Other() != "" {
		return // what another store says is about other targets
	}
	for _, s := range e.memory.Learn(known.Target(target), rel, index, quarantined) {
		e.saw(s)
	}
}

// learnCommitted remembers what a transaction wrote. The release's index is not known before it
// is read; it is above the one that the transaction was decided on.
func (e *Engine) learnCommitted(v snapshot, next lifecycle.State) {
	index := v.ReleaseIndex
	if next.Release != nil && next.Release.Op == next.Op {
		index++
	}
	for _, b := range next.Write.Bundles {
		e.learnBundle(b)
	}
	e.learn(v.target, next.Release, index, byBundle(next.Write.Quarantine))
}

func (e *Engine) learnBundle(b runbook.Bundle) {
	if s := e.memory.LearnBundle(b); s != nil {
		e.saw(*s)
	}
}

func (e *Engine) saw(s record.Seen) {
	line := record.Record{At: time.Now().UTC(), Kind: record.SeenKind, Seen: &s}
	switch {
	case s.Release != nil:
		line.Text, line.Op = "release "+s.Release.ID+" is "+string(s.Release.Phase), s.Release.Op
	case s.Quarantine != nil:
		line.Text = "bundle " + s.Quarantine.Bundle + " is quarantined by incident " + s.Quarantine.Incident
		if s.Quarantine.Lifted != "" {
			line.Text = "the quarantine of bundle " + s.Quarantine.Bundle + " is lifted"
		}
	case s.Control != nil:
		line.Text = "the stop switch is " + string(s.Control.Mode)
	case s.Bundle != nil:
		line.Text = "the manifest of bundle " + s.Bundle.Digest()
	default:
		line.Text = "the store is of installation " + s.Installation
	}
	e.write("", line)
}

func byBundle(all []record.Quarantine) map[string]record.Quarantine {
	by := map[string]record.Quarantine{}
	for _, q := range all {
		by[q.Bundle] = q
	}
	return by
}

// install makes an installation where none is known: at the first start, or the first of a
// program that knows installations. A store that has none any more is left so. Of one that is
// another people are told, past its outbox.
func (e *Engine) install(ctx context.Context) {
	snap, err := e.store.Read(ctx, store.InstallationKey)
	if err != nil {
		return // whoever reads records says so
	}
	e.seeStore(snap)
	if why := e.memory.Other(); why != "" {
		e.tellOther(ctx, why)
		return
	}
	if e.memory.Installation() != "" || has(snap, store.InstallationKey) {
		return
	}
	made := record.Installation{Schema: runbook.Schema, ID: newOp(), At: time.Now().UTC()}
	err = e.putOne(ctx, store.InstallationKey, 0, made)
	switch {
	case err == nil:
		e.seen(made)
	case !errors.Is(err, store.ErrConflict) && ctx.Err() == nil: // else it is read at the next look
		e.log.Warn("write installation", zap.Error(err))
	}
}

// seeStore takes which installation a store is of, as it was just read.
func (e *Engine) seeStore(snap store.Snapshot) {
	var made record.Installation
	if err := decode(snap, store.InstallationKey, &made); err == nil {
		e.seen(made)
	}
}

func (e *Engine) seen(made record.Installation) {
	if s := e.memory.Install(made); s != nil {
		e.saw(*s)
	}
}

// tellOther tells the people of each service once that the store is another one: nothing is
// written there, so that this is not in its outbox.
func (e *Engine) tellOther(ctx context.Context, why string) {
	now := time.Now().UTC()
	for _, rb := range e.runbooks() {
		b := record.Behind{Schema: runbook.Schema, Service: rb.Service, Region: rb.Regions[0], Since: now, Why: why}
		m := report.WentBackMsg(b, nil, rb, now)
		for _, sink := range e.post.For(m) {
			e.tellOnce(ctx, sink, m, why)
		}
	}
}

func (e *Engine) tellOnce(ctx context.Context, sink string, m record.Message, why string) {
	if _, told := e.toldOther.Load(sink + m.Service + why); told {
		return
	}
	within, cancel := context.WithTimeout(ctx, claimFor)
	defer cancel()
	if _, err := e.post.Send(within, sink, m); err != nil {
		e.log.Warn("send message", zap.String("sink", sink), zap.Error(err))
		return // at the next look
	}
	e.log.Error("this is a different store", zap.String("service", m.Service), zap.String("why", why), zap.String("notified", sink))
	e.toldOther.Store(sink+m.Service+why, true)
}

// An ownStore is the store as the engine writes to it: to one that is another than it knows, nothing
// but what a human orders.
type ownStore struct {
	store.Store
	memory *known.Memory
}

// Lacks says what the store beneath does.
func (s ownStore) Lacks(keys ...string) error { return store.Lacks(s.Store, keys...) }

func (s ownStore) Commit(ctx context.Context, tx store.Tx) error {
	order := func(op store.Op) bool { return strings.HasPrefix(op.Key, store.OrderKey("")) }
	if why := s.memory.Other(); why != "" && !slices.ContainsFunc(tx.Ops, order) {
		return fmt.Errorf("commit: nothing is written automatically: %s", why)
	}
	return s.Store.Commit(ctx, tx)
}

// remembered are the targets of which a release is known, whatever the store has: and all, where
// it does not know its installation any more.
func (e *Engine) remembered(snap store.Snapshot) []Target {
	var all []Target
	for _, t := range e.memory.Targets() {
		if _, err := e.serves(Target(t)); err == nil {
			all = append(all, Target(t))
		}
	}
	if e.memory.Installation() == "" || has(snap, store.InstallationKey) {
		return all
	}
	for _, rb := range e.runbooks() {
		for _, region := range rb.Regions {
			if t := (Target{rb.Service, region}); e.memory.Of(known.Target(t)).Release == nil {
				all = append(all, t)
			}
		}
	}
	return all
}

// recovered takes the notice away in the transaction that brings the target in line, and has the
// store know the installation that this process knows.
func (v snapshot) recovered(b *txBuilder) {
	key := store.BehindKey(v.target.Service, v.target.Region)
	if at := b.indexes[key]; at > 0 {
		b.ops = append(b.ops, store.Op{Verb: store.Delete, Key: key, Index: at})
	}
	made, known := v.Installation, v.Known.Installation
	switch {
	case known == "" || known == made.ID || slices.Contains(made.Before, known):
		return
	case made.ID == "":
		made = record.Installation{Schema: runbook.Schema, ID: known, At: time.Now().UTC()}
	default:
		made.Before = append(slices.Clone(made.Before), known)
	}
	b.set(store.InstallationKey, made)
}

// planRecovery plans the rollback that a recovery may need.
func (e *Engine) planRecovery(ctx context.Context, v *snapshot) error {
	r, _ := v.Repair("", "", time.Now().UTC())
	for _, b := range r.Bundles {
		e.bundles.Store(b.Digest(), b) // they are what their digests say
	}
	if !r.Shift {
		return nil
	}
	_, err := e.planBack(ctx, v, *r.Release)
	return err
}

// Recovery says what is missing of a target whose store went back in time, and what a recovery
// would do; [runbook.ErrNotFound]: nothing is.
func (e *Engine) Recovery(ctx context.Context, service, region string) (view.Recovery, error) {
	target := e.targetIn(service, region)
	ev := lifecycle.Recovered{}
	v, err := e.read(ctx, target, ev)
	if err == nil {
		err = e.plan(ctx, &v, ev)
	}
	if err != nil {
		return view.Recovery{}, later(err)
	}
	r, lost := v.Recovery(time.Now().UTC())
	if !lost {
		return r, fmt.Errorf("something missing of %s: %w", target, runbook.ErrNotFound)
	}
	return r, nil
}

// Recover brings a target in line as it was shown: plan is the digest of that.
func (e *Engine) Recover(ctx context.Context, service, region string, by record.Caller, reason, plan string) (view.Recovery, error) {
	shown, err := e.Recovery(ctx, service, region)
	if err != nil {
		return shown, err
	}
	if by.Name == "" || reason == "" {
		return shown, runbook.Refuse("give a name and a reason to recover a store")
	}
	_, err = e.human(ctx, e.targetIn(service, region), lifecycle.Recovered{By: by, Reason: reason, Plan: plan})
	return shown, err
}

// rememberBehind keeps whether a target is held back, for the metrics.
func (e *Engine) rememberBehind(target Target, s lifecycle.State) {
	behind := 0.0
	if s.Behind != nil || s.OtherStore != "" {
		behind = 1
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.behind[target] = behind
}

// allBehind are the targets that are held back, for people: as the store says, or all where it is
// another one.
func (e *Engine) allBehind(snap store.Snapshot) []record.Behind {
	e.seeStore(snap)
	other := e.memory.Other()
	if other == "" {
		return ofRegion(e, under[record.Behind](snap, behinds), func(b record.Behind) string { return b.Region })
	}
	var all []record.Behind
	for _, rb := range e.runbooks() {
		for _, region := range rb.Regions {
			all = append(all, record.Behind{Schema: runbook.Schema, Service: rb.Service, Region: region, Why: other})
		}
	}
	return all
}
