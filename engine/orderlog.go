package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/view"
)

// Ordered commits an order that changes nothing in the store: what it orders may begin once this
// returns nil.
func (e *Engine) Ordered(ctx context.Context, o record.Order) error {
	b := txBuilder{op: newOp()}
	o = b.order(o, time.Now())
	return e.putOrder(ctx, b, o)
}

// Orders are those of the order log that are asked for, newest first.
func (e *Engine) Orders(ctx context.Context, q view.OrderQuery) ([]record.Order, error) {
	snap, err := e.store.Read(ctx, store.OrderKey(""))
	if err != nil {
		return nil, later(err)
	}
	return q.Newest(under[record.Order](snap, store.OrderKey(""))), nil
}

// putOrdered writes one record over the one that was read at that index, as it was ordered.
func (e *Engine) putOrdered(ctx context.Context, key string, index uint64, value any, o record.Order) error {
	b := txBuilder{op: newOp(), indexes: map[string]uint64{key: index}}
	b.set(key, value)
	o = b.order(o, time.Now())
	return e.putOrder(ctx, b, o)
}

// putOrder commits what was collected for an order.
func (e *Engine) putOrder(ctx context.Context, b txBuilder, o record.Order) error {
	if err := e.put(ctx, b); err != nil {
		return err
	}
	e.ordered(o)
	e.deliverSoon()
	return nil
}

// again carries an order out on what is read now, until no race is lost.
func (e *Engine) again(do func() error) error {
	var err error
	for range tries {
		if err = do(); !errors.Is(err, store.ErrConflict) {
			return err
		}
		e.metrics.conflicts.Inc()
	}
	return err
}

// order adds an order to the transaction, and returns it as it is committed. An order without a
// name is refused.
func (b *txBuilder) order(o record.Order, now time.Time) record.Order {
	if o.Name == "" && b.err == nil {
		b.err = runbook.Refuse("the order names nobody who gives it")
	}
	o = o.Committed(now, b.op)
	b.set(store.OrderKey(o.ID), o)
	return o
}

// ordered tells the journal and the log of an order that was committed.
func (e *Engine) ordered(o record.Order) {
	e.log.Info("order: "+o.Words(), zap.String("order", o.ID), zap.String("action", string(o.Action)), zap.String("service", o.Service),
		zap.String("region", o.Region), zap.String("subject", o.Subject), zap.String("reason", o.Reason),
		zap.String("by", o.Name), zap.String("how", o.How), zap.String("from", o.From), zap.String("op", o.Op))
	e.write(o.ID, record.Record{At: o.At, Kind: "order", By: o.Name, How: o.How, From: o.From, Text: o.Words(), Op: o.Op})
}

// mostRefusals is how many refused attempts of one caller are noted in a minute.
const mostRefusals = 30

// refusals counts the refused attempts of each caller in the present minute.
type refusals struct {
	mu     sync.Mutex
	minute time.Time
	noted  map[string]int // by name; all whom nobody knows share one
}

// note reports whether another attempt is noted, and whether it is the last one of its minute.
func (r *refusals) note(by record.Caller, now time.Time) (noted, last bool) {
	name := by.Name
	if !by.Verified() {
		name = ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if minute := now.Truncate(time.Minute); !minute.Equal(r.minute) {
		r.minute, r.noted = minute, map[string]int{}
	}
	r.noted[name]++
	return r.noted[name] <= mostRefusals, r.noted[name] == mostRefusals
}

// Refused notes what somebody tried and was not allowed, or was refused, in the log and the
// journal; of many in a minute the first of each caller.
func (e *Engine) Refused(by record.Caller, tried, why string) {
	now := time.Now().UTC()
	noted, last := e.refusals.note(by, now)
	if !noted {
		return
	}
	text := record.Truncate(tried, record.MaxValue) + ": " + record.Truncate(why, record.MaxLine)
	if last {
		text += "; further ones of this caller in this minute are not noted"
	}
	name := record.Truncate(by.Name, 100)
	e.log.Warn("refused: "+text, zap.String("by", name), zap.String("how", by.How), zap.String("from", by.From))
	e.write("refused", record.Record{At: now, Kind: "refused", By: name, How: by.How, From: record.Truncate(by.From, 100), Text: text})
}
