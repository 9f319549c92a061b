package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

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
		snap, err := e.store.Read(ctx, key)
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
	b := txBuilder{op: newOp(), indexes: indexes(snap)}
	o.Service, o.Region = q.Service, q.Region
	o = b.order(o, time.Now())
	q.Lifted = "by " + o.Name + ": " + o.Reason
	b.set(store.QuarantineKey(q.Bundle), q)
	svc, known := e.service(q.Service)
	m := report.LiftedMsg(o, q, svc.rb, o.At)
	if m.Service, m.Region = "", ""; known {
		m.Service, m.Region = q.Service, e.voice(q.Service)
	}
	b.set(store.OutboxKey(m.ID), m)
	return e.putOrder(ctx, b, o)
}

// SetControl writes the stop switch of the whole installation, or of this engine's region, and
// tells people.
func (e *Engine) SetControl(ctx context.Context, c record.Control, by record.Caller) error {
	return e.again(func() error {
		snap, err := e.store.Read(ctx, store.ControlKey, store.ControlSeenKey)
		if err != nil {
			return later(err)
		}
		b := txBuilder{op: newOp(), indexes: indexes(snap)}
		c.By = by.Name
		value := b.set(store.ControlKey, c)
		return e.putControl(ctx, b, c, value, record.Order{Caller: by, Reason: c.Reason})
	})
}

// putControl commits a change of the stop switch to a value, with the order and what tells people.
func (e *Engine) putControl(ctx context.Context, b txBuilder, c record.Control, value []byte, o record.Order) error {
	o.Action, o.Subject = record.OrderControl, string(c.Mode)
	if st, ok := record.StoreOf(e.stores(), e.opts.Region); ok && e.opts.Region != "" {
		o.Region = st.Name()
	}
	o = b.order(o, time.Now())
	b.set(store.ControlSeenKey, record.ControlSeen{Schema: runbook.Schema, Digest: digestOf(value), Order: o.ID})
	m := report.ControlMsg(o, c, o.At)
	m.Region = e.opts.Region
	b.set(store.OutboxKey(m.ID), m)
	return e.putOrder(ctx, b, o)
}

// noticeControl tells people that somebody changed the stop switch past the daemon, which is
// allowed, and says so in the order log. Any replica may: only one can.
func (e *Engine) noticeControl(ctx context.Context) {
	snap, err := e.store.Read(ctx, store.ControlKey, store.ControlSeenKey)
	if err != nil {
		return // the loop that lists the releases says so
	}
	seen, err := entry[record.ControlSeen](snap, store.ControlSeenKey)
	en, _ := snap.Get(store.ControlKey)
	found := digestOf(en.Value)
	switch {
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
		e.log.Warn("look whether somebody changed the control key", zap.Error(err))
	}
}

func (e *Engine) unknownControl(ctx context.Context, snap store.Snapshot, value []byte) error {
	b, c := txBuilder{op: newOp(), indexes: indexes(snap)}, control(value)
	reason := "the control key was written past the daemon"
	if c.By != "" || c.Reason != "" {
		reason += fmt.Sprintf("; it says by %q: %q", c.By, c.Reason)
	}
	b.check(store.ControlKey)
	return e.putControl(ctx, b, c, value, record.Order{Caller: record.Caller{Name: "unknown", How: record.InStore}, Reason: reason})
}

func digestOf(value []byte) string {
	sum := sha256.Sum256(value)
	return hex.EncodeToString(sum[:])
}
