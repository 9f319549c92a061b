package engine

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// watchBefore learns how the stable pods of each young release differed in the hour
// before it, for the rules. Whoever asks, and whenever, gets the same answer, so that it
// is kept in memory alone.
func (e *Engine) watchBefore(ctx context.Context) {
	for slot, rel := range e.young() {
		svc, ok := e.serviceOf(slot)
		if !ok {
			continue
		}
		before, err := e.prom.Before(ctx, svc.ask, rel)
		if ctx.Err() != nil {
			return
		}
		e.metrics.asked(err)
		if err != nil {
			e.log.Warn("measure the hour before the release", zap.String("slot", slot.String()), zap.String("release", rel.ID), zap.Error(err))
			continue
		}
		e.before.Store(rel.ID, before)
		e.log.Info("dispersion of the stable pods in the hour before the release",
			zap.String("slot", slot.String()), zap.String("release", rel.ID), zap.Any("signals", before))
	}
}

// young lists the open releases that have traffic, count the time before them, and do
// not know it yet. What is known of others is forgotten.
func (e *Engine) young() map[Slot]runbook.Release {
	e.mu.RLock()
	defer e.mu.RUnlock()
	out, open := map[Slot]runbook.Release{}, map[any]bool{}
	for slot, rel := range e.last {
		if rel.Phase != runbook.Open || rel.Weight == 0 {
			continue
		}
		open[rel.ID] = true
		svc := e.services[slot.Service]
		if svc.rb == nil || time.Since(rel.Began()) > rules.BeforeSpan+svc.rb.Metrics.Warmup.Std() {
			continue
		}
		if _, known := e.before.Load(rel.ID); !known {
			out[slot] = rel
		}
	}
	e.before.Range(func(id, _ any) bool {
		if !open[id] {
			e.before.Delete(id)
		}
		return true
	})
	return out
}

func (e *Engine) serviceOf(slot Slot) (service, bool) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	svc, ok := e.services[slot.Service]
	return svc, ok
}

// dispersedBefore is what is known of the time before a release, by signal.
func (e *Engine) dispersedBefore(release string) map[string]float64 {
	if known, ok := e.before.Load(release); ok {
		return known.(map[string]float64)
	}
	return nil
}
