package engine

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// refreshDrift is how often a drift that lasts is written down again.
const refreshDrift = driftKept / 2

// A driftRecord is the record of a drift that people were told of, so that replicas
// tell it once, and a restart does not forget it.
type driftRecord struct {
	check record.RulesCheck
	index uint64 // 0: there is none
}

func (r driftRecord) empty() bool { return r.index == 0 }

// driftRecords are those of all services, in one read.
type driftRecords struct{ store.Snapshot }

// driftRecords reads the records; false means that the store did not answer.
func (e *Engine) driftRecords(ctx context.Context) (driftRecords, bool) {
	snap, err := e.store.Read(ctx, store.RulesKey(""))
	e.metrics.stored(err)
	if err != nil && ctx.Err() == nil {
		e.log.Warn("read drift", zap.Error(err))
	}
	return driftRecords{snap}, err == nil
}

// of is the record of one service; false means that it is what this program does not
// understand.
func (d driftRecords) of(service string) (driftRecord, bool) {
	key := store.RulesKey(service)
	var r driftRecord
	if err := decode(d.Snapshot, key, &r.check); err != nil {
		return r, false
	}
	r.index = index(d.Snapshot, key)
	return r, true
}

// recordDrift writes down that a drift began or ended, and the message in the same
// transaction. Only who compares with the text of the runbook for which it was found
// ends it, or anybody once nobody finds it any more.
func (e *Engine) recordDrift(ctx context.Context, rb *runbook.Runbook, kept driftRecord, c record.RulesCheck, now time.Time) {
	key := store.RulesKey(rb.Service)
	b := txBuilder{indexes: map[string]uint64{key: kept.index}}
	old := now.Sub(kept.check.At).Abs()
	switch {
	case c.State == record.RulesDrifted && c.Problem == "" && kept.empty():
		e.tellDrift(ctx, &b, report.DriftMsg(c, rb, e.anyOpen(ctx, rb), now))
		b.set(key, c)
	case c.State == record.RulesDrifted && c.Problem == "" && old >= refreshDrift:
		kept.check.At = now
		b.set(key, kept.check)
	case c.State == record.RulesOneToOne && !kept.empty() && (kept.check.Digest == c.Digest || old >= driftKept):
		e.tellDrift(ctx, &b, report.DriftEndedMsg(kept.check, rb, now))
		b.ops = append(b.ops, store.Op{Verb: store.Delete, Key: key, Index: kept.index})
	default:
		return
	}
	if err := e.put(ctx, b); err != nil && !errors.Is(err, store.ErrConflict) { // another replica was first
		e.log.Error("write drift", zap.String("service", rb.Service), zap.Error(err))
	}
	select {
	case e.outboxChanged <- struct{}{}:
	default:
	}
}

// tellDrift puts the message into the txBuilder, over one of the same id that still waits.
func (e *Engine) tellDrift(ctx context.Context, b *txBuilder, m record.Message) {
	key := store.OutboxKey(m.ID)
	if snap, err := e.store.Read(ctx, key); err == nil {
		b.indexes[key] = index(snap, key)
	}
	b.set(key, m)
}

// anyOpen reports whether a release of the service is open in any region: then its
// people must look now.
func (e *Engine) anyOpen(ctx context.Context, rb *runbook.Runbook) bool {
	snap, err := e.store.Read(ctx, store.ReleaseKey(rb.Service, ""))
	if err != nil {
		return true
	}
	for _, en := range snap.Entries {
		var rel record.Release
		if json.Unmarshal(en.Value, &rel) != nil || rel.Phase == record.Open {
			return true
		}
	}
	return false
}

// comparedRules exports what a comparison found.
func (m *metrics) comparedRules(c record.RulesCheck) {
	drift := 0.0
	if c.State == record.RulesDrifted {
		drift = 1
	}
	m.drift.WithLabelValues(c.Service).Set(drift)
	at := 0.0
	if !c.At.IsZero() {
		at = float64(c.At.Unix())
	}
	m.compared.WithLabelValues(c.Service).Set(at)
}
