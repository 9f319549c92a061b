package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/record"
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
	for _, target := range e.releaseTargets(ctx) {
		rel, err := e.Release(ctx, target.Service, target.Region)
		if err != nil || rel.Phase != record.Open {
			continue
		}
		e.page(ctx, blindMessage(rel, e.blindSince, now, cause))
	}
	e.blindSince = now // again only if it lasts
}

// page puts a message that belongs to no incident into the outbox. One of that id that
// waits there already says it.
func (e *Engine) page(ctx context.Context, m record.Message) {
	b := txBuilder{indexes: map[string]uint64{}}
	b.set(store.OutboxKey(m.ID), m)
	if err := e.put(ctx, b); err != nil && !errors.Is(err, store.ErrConflict) {
		e.log.Error("page", zap.String("message", m.ID), zap.Error(err))
	}
}

// lostRaces is for a decision that others overtook again and again: it is read and
// decided once more at the next alert or tick, and a human is told now.
func lostRaces(target Target, times int, now time.Time) record.Message {
	return record.Message{
		Schema: runbook.Schema, ID: fmt.Sprintf("races-%s-%s-%d", target.Service, target.Region, now.Truncate(10*time.Minute).Unix()),
		Service: target.Service, Region: target.Region, Kind: "lost_races", Page: true,
		Title: fmt.Sprintf("%s: a decision was overtaken %d times in a row", target.Service, times),
		Text: fmt.Sprintf("Something keeps changing the records or the router's keys of %s while they are decided on.\n"+
			"It is tried again at the next alert.\nDo now: see who writes to the store; autorollback release status %s", target, target.Service),
		StartsAt: now, EndsAt: now.Add(15 * time.Minute), CreatedAt: now,
	}
}

func blindMessage(rel record.Release, since, now time.Time, cause error) record.Message {
	return record.Message{
		Schema: runbook.Schema, ID: fmt.Sprintf("blind-%s-%d", rel.ID, now.Truncate(10*time.Minute).Unix()),
		Service: rel.Service, Region: rel.Region, Kind: "blind", Page: true,
		Title: fmt.Sprintf("%s: Prometheus does not answer while %s is being released", rel.Service, rel.Candidate.Version),
		Text: fmt.Sprintf("Since %s questions are not answered: %v.\nA breach cannot be seen, and nothing is moved without being asked.\n"+
			"Do now: bring Prometheus back, or roll back by hand: autorollback release rollback %s --region %s --reason …",
			since.Format(time.TimeOnly), cause, rel.Service, rel.Region),
		StartsAt: since, EndsAt: now.Add(15 * time.Minute), CreatedAt: now,
	}
}
