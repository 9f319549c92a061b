package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// KeepOrder keeps an order about a region whose store does not answer in this engine's store, and
// tells people in the same transaction.
func (e *Engine) KeepOrder(ctx context.Context, o record.Order, problem string) (record.Order, error) {
	o.Schema, o.ID, o.At = runbook.Schema, "order-"+newOp(), time.Now().UTC()
	b := txBuilder{}
	b.set(store.OrderKey(o.ID), o)
	m := report.OrderMsg(o, e.voice(o.Service), record.Truncate(problem, record.MaxLine), o.At)
	b.set(store.OutboxKey(m.ID), m)
	err := e.put(ctx, b)
	if err == nil {
		e.log.Warn(m.Title + ": " + problem)
		signal(e.outboxChanged, struct{}{})
	}
	return o, err
}

// EndOrder takes an order out of this engine's store, and tells people what came of it in the same
// transaction. Another replica that was first is as good: then it returns nil.
func (e *Engine) EndOrder(ctx context.Context, o record.Order, came string, done bool) error {
	key := store.OrderKey(o.ID)
	snap, err := e.store.Read(ctx, key)
	if err != nil {
		return fmt.Errorf("end order %s: %w", o.ID, err)
	}
	if !has(snap, key) {
		return nil
	}
	m := report.OrderDoneMsg(o, e.voice(o.Service), record.Truncate(came, record.MaxLine), done, time.Now().UTC())
	b := txBuilder{}
	b.set(store.OutboxKey(m.ID), m)
	b.ops = append(b.ops, store.Op{Verb: store.Delete, Key: key, Index: index(snap, key)})
	if err := e.put(ctx, b); err != nil {
		return fmt.Errorf("end order %s: %w", o.ID, err)
	}
	e.log.Info(m.Title + ": " + came)
	signal(e.outboxChanged, struct{}{})
	return nil
}

// voice is the region of this engine in whose name it speaks about another one.
func (e *Engine) voice(service string) string {
	if s, ok := e.service(service); ok {
		return s.rb.Regions[0]
	}
	return e.opts.Region
}
