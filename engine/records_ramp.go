package engine

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// watchdogRecord is the record of the watchdog's last word.
type watchdogRecord struct {
	Schema int       `json:"schema"`
	At     time.Time `json:"at"`
}

// watchdogEvery is how often the watchdog's word is written down at most.
const watchdogEvery = time.Minute

// hear writes down that the watchdog was received by webhook: the way from Prometheus
// through Alertmanager to us is whole, and every replica may rely on it. Another
// replica that wrote first is as good.
func (e *Engine) recordWatchdog(ctx context.Context, now time.Time) {
	snap, err := e.store.Read(ctx, store.WatchdogKey)
	e.metrics.stored(err)
	if err != nil {
		e.log.Warn("read the watchdog's last word", zap.Error(err))
		return
	}
	var word watchdogRecord
	if err := decode(snap, store.WatchdogKey, &word); err == nil && now.Sub(word.At).Abs() < watchdogEvery {
		return
	}
	b := txBuilder{indexes: map[string]uint64{store.WatchdogKey: index(snap, store.WatchdogKey)}}
	b.set(store.WatchdogKey, watchdogRecord{Schema: runbook.Schema, At: now})
	if err := e.put(ctx, b); err != nil && !errors.Is(err, store.ErrConflict) {
		e.log.Warn("write the watchdog's word", zap.Error(err))
	}
}

// mayStep reports whether an event may take the next step of the ramp.
func mayStep(ev lifecycle.Event) bool {
	switch ev.(type) {
	case lifecycle.Tick, lifecycle.Promoted, lifecycle.Answered, lifecycle.Stopped, lifecycle.Resumed:
		return true
	}
	return false
}
