package engine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// Lift ends the quarantine of a bundle. Its name and reason are kept, and people are told.
func (e *Engine) Lift(ctx context.Context, digest string, by record.Caller, reason string) error {
	if reason == "" {
		return runbook.Refuse("give a reason to lift a quarantine")
	}
	key := store.QuarantineKey(digest)
	return e.again(func() error {
		snap, err := e.store.Read(ctx, key, waiting)
		if err != nil {
			return later(err)
		}
		q, err := entry[record.Quarantine](snap, key)
		if err != nil {
			return err
		}
		if q == nil {
			return fmt.Errorf("quarantine of %s: %w", digest, runbook.ErrNotFound)
		}
		return e.lift(ctx, snap, *q, record.Order{Caller: by, Action: record.OrderLift, Subject: digest, Reason: reason})
	})
}

func (e *Engine) lift(ctx context.Context, snap store.Snapshot, q record.Quarantine, o record.Order) error {
	b, svc := txBuilder{op: newOp(), indexes: indexes(snap)}, e.serviceOf(q.Service)
	o.Service, o.Region = q.Service, q.Region
	if policy.TwoPeople(svc.rb, policy.Protected{Action: o.Action}) {
		w := record.WaitingOrder{Order: o, Text: "lift the quarantine of " + cmp.Or(q.Version, q.Bundle)}
		id := record.WaitingID(o, q.Incident, q.At.String())
		if waits, err := e.second(ctx, b, snap, id, &w, svc.rb); waits || err != nil {
			return err
		}
		o = w.Order
		b.delete(store.WaitingKey(id))
	}
	o = b.order(o, time.Now())
	q.Lifted = "by " + o.Names() + ": " + o.Reason
	b.set(store.QuarantineKey(q.Bundle), q)
	b.tell(report.LiftedMsg(o, q, svc.rb, o.At), e.voices(q.Service))
	return e.putOrder(ctx, b, o)
}

// second has an order that takes two people wait for the second, unless this is the second: then
// its First is set, and the caller goes on with b.
func (e *Engine) second(ctx context.Context, b txBuilder, snap store.Snapshot, id string, w *record.WaitingOrder, rb *runbook.Runbook) (waits bool, err error) {
	now := time.Now().UTC()
	first := waitingOrders(snap)[id]
	carryOut, err := policy.Second(w.Order, first, now)
	if err != nil {
		return false, err
	}
	if carryOut {
		w.First = &first.Caller
		return false, nil
	}
	w.Waits = now.Add(policy.SecondWithin)
	w.Order = b.order(w.Order, now)
	b.set(store.WaitingKey(id), w)
	b.tell(report.SecondMsg(*w, rb, now), e.voices(w.Service))
	if err := e.putOrder(ctx, b, w.Order); err != nil {
		return false, err
	}
	return true, w.Needed()
}

// SetControl writes the stop switch of the whole installation, or of this engine's region, and
// tells people. It fails with [runbook.ErrConflict] unless the switch still is what plan is the
// [record.Control.PlanDigest] of; an empty plan says that nobody was shown it.
func (e *Engine) SetControl(ctx context.Context, c record.Control, plan string, by record.Caller) error {
	return e.again(func() error {
		snap, err := e.store.Read(ctx, store.ControlKey, store.ControlSeenKey, waiting)
		if err != nil {
			return later(err)
		}
		if now := e.inForce(snap); plan != "" && plan != now.PlanDigest() {
			return fmt.Errorf("%w: somebody set the stop switch to %s meanwhile", runbook.ErrConflict, now.Mode)
		}
		b, o := txBuilder{op: newOp(), indexes: indexes(snap)}, e.controlOrder(c, record.Order{Caller: by, Reason: c.Reason})
		if e.opts.ControlByTwo && c.Mode != runbook.Active {
			w := record.WaitingOrder{Order: o, Text: "set the control mode to " + string(c.Mode)}
			id := record.WaitingID(o)
			if waits, err := e.second(ctx, b, snap, id, &w, nil); waits || err != nil {
				return err
			}
			o = w.Order
			b.delete(store.WaitingKey(id))
		}
		c.By = o.Names()
		return e.putControl(ctx, b, c, b.set(store.ControlKey, c), o)
	})
}

// controlOrder is an order about the stop switch of the regions that share this engine's store.
func (e *Engine) controlOrder(c record.Control, o record.Order) record.Order {
	o.Action, o.Subject = record.OrderControl, string(c.Mode)
	if st, ok := record.StoreOf(e.stores(), e.opts.Region); ok && e.opts.Region != "" {
		o.Region = st.Name()
	}
	return o
}

// tell puts a message into the outbox in the name of a target; without a service it is told by
// whoever of the region sends it first.
func (b *txBuilder) tell(m record.Message, as Target) {
	m.Service, m.Region = as.Service, as.Region
	b.set(store.OutboxKey(m.ID), m)
}

// voices is in whose name people are told of a service that may be unknown here.
func (e *Engine) voices(service string) Target {
	if e.serviceOf(service).rb == nil {
		return Target{Region: e.opts.Region}
	}
	return Target{service, e.voice(service)}
}

// serviceOf is a service, or one without a runbook.
func (e *Engine) serviceOf(name string) service {
	s, _ := e.service(name)
	return s
}

// putControl commits a change of the stop switch to a value, with the order and what tells people.
func (e *Engine) putControl(ctx context.Context, b txBuilder, c record.Control, value []byte, o record.Order) error {
	o = b.order(o, time.Now())
	b.set(store.ControlSeenKey, record.ControlSeen{Schema: runbook.Schema, Digest: digestOf(value), Order: o.ID})
	b.tell(report.ControlMsg(o, c, o.At), e.voices(""))
	return e.putOrder(ctx, b, o)
}

// noticeControl tells people that somebody changed the stop switch past the daemon, which is
// allowed, and says so in the order log. Any replica may: only one can.
func (e *Engine) noticeControl(ctx context.Context) {
	snap, err := e.store.Read(ctx, store.ControlKey, store.ControlSeenKey, waiting)
	if err != nil {
		return // the loop that lists the releases says so
	}
	seen, err := entry[record.ControlSeen](snap, store.ControlSeenKey)
	en, _ := snap.Get(store.ControlKey)
	found := digestOf(en.Value)
	var lost *record.Control
	if err == nil {
		lost = e.learnControl(control(en.Value), en.Index, seen)
	}
	switch {
	case lost != nil:
		err = e.putBackControl(ctx, snap, *lost)
	case err == nil && seen == nil: // a new store, or one that an older version wrote
		now := record.ControlSeen{Schema: runbook.Schema, Digest: found}
		b := txBuilder{indexes: indexes(snap)}
		b.check(store.ControlKey)
		b.set(store.ControlSeenKey, now)
		err = e.put(ctx, b)
	case err == nil && seen.Digest != found:
		err = e.unknownControl(ctx, snap, en.Value)
	}
	if err != nil && !errors.Is(err, store.ErrConflict) && ctx.Err() == nil {
		e.log.Warn("check the control key for changes", zap.Error(err))
	}
}

// learnControl remembers the stop switch as it was read. It returns the one that is known, where a
// store that went back in time has lost it; the store of another installation has lost nothing.
func (e *Engine) learnControl(found record.Control, index uint64, seen *record.ControlSeen) *record.Control {
	if e.memory.Other() != "" {
		return nil
	}
	order := ""
	if seen != nil {
		order = seen.Order
	}
	news, lost := e.memory.LearnControl(found, index, order)
	if news != nil {
		e.saw(*news)
	}
	return lost
}

// putBackControl stops again what was stopped before the store went back in time: that takes
// nothing away that a human cannot give back, and people are paged.
func (e *Engine) putBackControl(ctx context.Context, snap store.Snapshot, c record.Control) error {
	b := txBuilder{op: newOp(), indexes: indexes(snap)}
	o := e.controlOrder(c, record.Order{Caller: record.Caller{Name: "autorollback", How: record.InJournal},
		Reason: "the store went back in time and had lost it: " + cmp.Or(c.Reason, "no reason was given")})
	return e.putControl(ctx, b, c, b.set(store.ControlKey, c), o)
}

func (e *Engine) unknownControl(ctx context.Context, snap store.Snapshot, value []byte) error {
	b, c := txBuilder{op: newOp(), indexes: indexes(snap)}, control(value)
	reason := "the control key was written past the daemon"
	if c.By != "" || c.Reason != "" {
		reason += fmt.Sprintf("; it says by %q: %q", c.By, c.Reason)
	}
	b.check(store.ControlKey)
	o := e.controlOrder(c, record.Order{Caller: record.Caller{Name: "unknown", How: record.InStore}, Reason: reason})
	return e.putControl(ctx, b, c, value, o)
}

func digestOf(value []byte) string {
	sum := sha256.Sum256(value)
	return hex.EncodeToString(sum[:])
}
