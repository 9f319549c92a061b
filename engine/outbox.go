package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// claimFor is how long a replica keeps a message to itself. A replica that dies with
// it delays the message by this much.
const claimFor = 20 * time.Second

const (
	longestPause = 5 * time.Minute // between two attempts
	giveUpAfter  = 24 * time.Hour
)

// outbox reads the messages nobody has claimed. One of a service without a runbook
// here is left to a replica that has one.
func (e *Engine) outbox(ctx context.Context) ([]record.Message, error) {
	snap, err := e.store.Read(ctx, store.OutboxKey(""))
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	var waiting []record.Message
	for _, m := range under[record.Message](snap, store.OutboxKey("")) {
		if e.delivers(m) && !e.waits(m, time.Now()) {
			waiting = append(waiting, m)
		}
	}
	slices.SortStableFunc(waiting, func(a, b record.Message) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return waiting, nil
}

// delivers reports whether a message is for this replica to send: of a service that it serves, or
// of the whole installation.
func (e *Engine) delivers(m record.Message) bool {
	if m.Service == "" {
		return m.Region == "" || e.opts.Region == "" || m.Region == e.opts.Region
	}
	_, err := e.serves(Target{m.Service, m.Region})
	return err == nil
}

// waits reports whether it is too soon to send a message: another replica has it, or
// our own last attempts failed. The pause grows, so that a dead sink is not written
// to every few seconds for a day.
func (e *Engine) waits(m record.Message, now time.Time) bool {
	if m.ClaimedBy != e.opts.Replica {
		return now.Before(m.ClaimedUntil)
	}
	again := min(time.Second<<min(m.Attempts, 10), longestPause)
	return now.Before(m.ClaimedUntil.Add(again - claimFor))
}

// claim marks a message as being sent by this replica; false means another was first.
func (e *Engine) claim(ctx context.Context, m record.Message) (bool, error) {
	key := store.OutboxKey(m.ID)
	snap, err := e.store.Read(ctx, key)
	if err != nil {
		return false, fmt.Errorf("claim %s: %w", m.ID, err)
	}
	en, ok := snap.Get(key)
	if !ok {
		return false, nil
	}
	var now record.Message
	if err := json.Unmarshal(en.Value, &now); err != nil {
		return false, fmt.Errorf("claim %s: %w", m.ID, err)
	}
	if e.waits(now, time.Now()) {
		return false, nil
	}
	now.ClaimedBy, now.ClaimedUntil, now.Attempts = e.opts.Replica, time.Now().UTC().Add(claimFor), now.Attempts+1
	err = e.putOne(ctx, key, en.Index, now)
	if errors.Is(err, store.ErrConflict) {
		return false, nil
	}
	return err == nil, err
}

// deliver offers every message of the outbox to the post. One that reached somebody
// leaves the outbox in a transaction; a crash in between sends it twice, never not
// at all. One that reached nobody for a day leaves it too, with a record.
func (e *Engine) deliver(ctx context.Context) {
	waiting, err := e.outbox(ctx)
	if err != nil {
		if ctx.Err() == nil {
			e.log.Warn("read outbox", zap.Error(err))
		}
		return
	}
	for _, m := range waiting {
		if ctx.Err() != nil {
			return
		}
		if err := e.send(ctx, m); err != nil {
			e.log.Warn("send message", zap.String("message", m.ID), zap.Error(err))
		}
	}
}

func (e *Engine) send(ctx context.Context, m record.Message) error {
	told := lifecycle.MessageSent{Message: m.ID, Incident: m.Incident}
	if e.overtaken(ctx, m) {
		told.NotSent, told.Text = true, fmt.Sprintf("Not sent, because it was rolled back before anybody was asked: %s", m.Title)
		return e.take(ctx, Target{m.Service, m.Region}, told)
	}
	claimed, err := e.claim(ctx, m)
	if err != nil || !claimed {
		return err
	}
	e.boundary("before-send")
	within, cancel := context.WithTimeout(ctx, claimFor)
	defer cancel()
	who, err := e.post.Send(within, e.cautioned(m))
	switch {
	case err == nil:
		told.Text = fmt.Sprintf("Notified %s: %s", who, m.Title)
	case ctx.Err() == nil && time.Since(m.CreatedAt) > giveUpAfter:
		told.GaveUp, told.Text = true, fmt.Sprintf("Gave up sending %q after %d attempts: %v", m.Title, m.Attempts+1, err)
		e.metrics.problems.WithLabelValues("message").Inc()
		e.log.Error("give up message", zap.String("message", m.ID), zap.Error(err))
	default:
		return fmt.Errorf("send %s: %w", m.ID, err)
	}
	e.boundary("after-send")
	if m.Service == "" {
		return e.takeOut(ctx, m.ID)
	}
	return e.take(ctx, Target{m.Service, m.Region}, told)
}

// overtaken reports whether a message asks what nobody is to answer any more: nobody has tried to send
// it, and a rollback of the same incident ended its question. That has a message of its own. A message
// that cannot be told apart is sent.
func (e *Engine) overtaken(ctx context.Context, m record.Message) bool {
	if m.Kind != report.KindApproval || m.Attempts > 0 {
		return false
	}
	a, err := e.Approval(ctx, m.Approval)
	if err != nil || a.Status != record.Superseded {
		return false
	}
	inc, err := e.Incident(ctx, m.Incident)
	return err == nil && !inc.ActedAt.IsZero()
}

// takeOut takes a message of the whole installation out of the outbox. Another replica that was
// first is as good.
func (e *Engine) takeOut(ctx context.Context, id string) error {
	key := store.OutboxKey(id)
	snap, err := e.store.Read(ctx, key)
	if err != nil || !has(snap, key) {
		return later(err)
	}
	b := txBuilder{ops: []store.Op{{Verb: store.Delete, Key: key, Index: index(snap, key)}}}
	if err := e.put(ctx, b); !errors.Is(err, store.ErrConflict) {
		return err
	}
	return nil
}

// A paged is a page that belongs to no incident: while it is kept, no replica pages again.
type paged struct {
	Schema int       `json:"schema"`
	At     time.Time `json:"at"`
}

// page puts a message that belongs to no incident into the outbox, unless some replica has done so
// with one of that id, sent or not.
func (e *Engine) page(ctx context.Context, m record.Message) {
	b := txBuilder{indexes: map[string]uint64{}}
	b.set(store.OutboxKey(m.ID), m)
	b.set(store.PagedKey(m.ID), paged{runbook.Schema, m.CreatedAt})
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
		Title: fmt.Sprintf("%s: a decision lost the race %d times in a row", target.Service, times),
		Text: fmt.Sprintf("Something keeps changing the records or the router's keys of %s while autorollback decides.\n"+
			"autorollback tries again at the next alert.\nDo now: see who writes to the store; autorollback release status %s", target, target.Service),
		StartsAt: now, EndsAt: now.Add(15 * time.Minute), CreatedAt: now,
	}
}
