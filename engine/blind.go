package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// blindAfter is how long Prometheus may be silent to the watcher before the people of
// every open release are told. No data is neither good nor bad, and it pages.
const blindAfter = 30 * time.Second

// unseen is called for each question of the watcher that was not answered. The page's
// id holds the ten minutes it belongs to, so that any number of replicas page once.
func (e *Engine) unseen(ctx context.Context, cause error) {
	now := time.Now().UTC()
	if e.blindSince.IsZero() {
		e.blindSince = now
	}
	if now.Sub(e.blindSince) < blindAfter {
		return
	}
	for _, slot := range e.slots(ctx) {
		rel, err := e.Release(ctx, slot.Service, slot.Region)
		if err != nil || rel.Phase != runbook.Open {
			continue
		}
		m := blindMessage(rel, e.blindSince, now, cause)
		b := batch{indexes: map[string]uint64{}}
		b.set(store.OutboxKey(m.ID), m)
		if err := e.put(ctx, b); err != nil && !errors.Is(err, store.ErrConflict) {
			e.log.Error("page about Prometheus", zap.String("slot", slot.String()), zap.Error(err))
		}
	}
	e.blindSince = now // again only if it lasts
}

func blindMessage(rel runbook.Release, since, now time.Time, cause error) runbook.Message {
	return runbook.Message{
		Schema: runbook.Schema, ID: fmt.Sprintf("blind-%s-%d", rel.ID, now.Truncate(10*time.Minute).Unix()),
		Service: rel.Service, Region: rel.Region, Kind: "blind", Page: true,
		Title: fmt.Sprintf("%s: Prometheus does not answer while %s is being released", rel.Service, rel.Candidate.Version),
		Text: fmt.Sprintf("Since %s no question was answered: %v.\nA breach cannot be seen, and nothing is moved without being asked.\n"+
			"Do now: bring Prometheus back, or roll back by hand: autorollback release rollback %s --region %s --reason …",
			since.Format(time.TimeOnly), cause, rel.Service, rel.Region),
		StartsAt: since, EndsAt: now.Add(15 * time.Minute), CreatedAt: now,
	}
}
