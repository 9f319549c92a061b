package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// outbox reads all messages that are for this replica to send, the oldest first. One of a service
// without a runbook here is left to a replica that has one.
func (e *Engine) outbox(ctx context.Context) ([]record.Message, error) {
	snap, err := e.store.Read(ctx, store.OutboxKey(""))
	if err != nil {
		return nil, fmt.Errorf("read outbox: %w", err)
	}
	waiting := slices.DeleteFunc(under[record.Message](snap, store.OutboxKey("")), func(m record.Message) bool { return !e.delivers(m) })
	slices.SortStableFunc(waiting, func(a, b record.Message) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.Number, b.Number))
	})
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

// claim marks a message as being sent to a sink by this replica. It returns what is known of the
// message now, and false if another replica was first, or it is over.
func (e *Engine) claim(ctx context.Context, id, sink string) (record.Message, bool, error) {
	claimed := false
	m, err := e.edit(ctx, id, func(m *record.Message) bool {
		d := m.Deliveries[sink]
		if claimed = !d.Over() && !e.elsewhere(d, time.Now()); claimed {
			d.ClaimedBy, d.ClaimedUntil, d.Attempts = e.opts.Replica, time.Now().UTC().Add(claimFor), d.Attempts+1
			m.Deliveries[sink] = d
		}
		return claimed
	})
	return m, claimed && err == nil && m.ID != "", err
}

// elsewhere reports whether another replica is sending it.
func (e *Engine) elsewhere(d record.Delivery, now time.Time) bool {
	return d.ClaimedBy != e.opts.Replica && now.Before(d.ClaimedUntil)
}

// delivered keeps what became of a message at a sink. Once it is over at all of them it leaves the outbox.
func (e *Engine) delivered(ctx context.Context, id, sink string, over record.Delivery) error {
	done := false
	m, err := e.edit(ctx, id, func(m *record.Message) bool {
		m.Deliveries[sink] = over
		done = e.everywhere(*m)
		return !done // else it leaves the outbox: it need not be written
	})
	if err != nil || !done || m.ID == "" {
		return err
	}
	return e.finish(ctx, m)
}

// everywhere reports whether a message is over at every sink that it goes to.
func (e *Engine) everywhere(m record.Message) bool {
	return !slices.ContainsFunc(e.post.For(m), func(sink string) bool { return !m.Deliveries[sink].Over() })
}

// finish takes a message out of the outbox, and says what became of it.
func (e *Engine) finish(ctx context.Context, m record.Message) error {
	if m.Service == "" {
		return e.takeOut(ctx, m.ID)
	}
	return e.take(ctx, Target{m.Service, m.Region}, sent(m))
}

// sent says in words who has a message, and who never gets it.
func sent(m record.Message) lifecycle.MessageSent {
	ev := lifecycle.MessageSent{Message: m.ID, Kind: m.Kind, Incident: m.Incident}
	var who, never []string
	for _, sink := range slices.Sorted(maps.Keys(m.Deliveries)) {
		switch d := m.Deliveries[sink]; {
		case d.GaveUp != "":
			never = append(never, fmt.Sprintf("; not %s (attempts: %d; %s)", sink, d.Attempts, d.GaveUp))
		case !d.TakenAt.IsZero():
			who = append(who, d.Who)
			if d.TakenAt.After(ev.At) {
				ev.At = d.TakenAt
			}
		}
	}
	if len(who) == 0 {
		who = []string{"nobody"}
	}
	ev.GaveUp = len(never) > 0
	ev.Text = "Notified " + strings.Join(who, ", ") + strings.Join(never, "") + ": " + m.Title
	return ev
}

// edit writes a message as change leaves it, unless change returns false, and returns it; the zero message
// means that it is in the outbox no more. Who writes at the same time is read again.
func (e *Engine) edit(ctx context.Context, id string, change func(*record.Message) bool) (record.Message, error) {
	key := store.OutboxKey(id)
	for range mostRaces {
		snap, err := e.store.Read(ctx, key)
		if err != nil {
			return record.Message{}, fmt.Errorf("read message: %w", later(err))
		}
		en, ok := snap.Get(key)
		if !ok {
			return record.Message{}, nil
		}
		var m record.Message
		if err := json.Unmarshal(en.Value, &m); err != nil {
			return record.Message{}, fmt.Errorf("read message %s: %w", id, err)
		}
		if m.Deliveries == nil {
			m.Deliveries = map[string]record.Delivery{}
		}
		if !change(&m) {
			return m, nil
		}
		if err = e.putOne(ctx, key, en.Index, m); !errors.Is(err, store.ErrConflict) {
			return m, err
		}
	}
	return record.Message{}, fmt.Errorf("write message %s: %w", id, store.ErrConflict)
}

// mostRaces is how often a message is read again because somebody wrote it at the same time: each
// sink of each replica writes it twice.
const mostRaces = 20

// overtaken reports whether a message asks what nobody is to answer any more: nobody has tried to send
// it, and a rollback of the same incident ended its question. That has a message of its own. A message
// that cannot be told apart is sent.
func (e *Engine) overtaken(ctx context.Context, m record.Message) bool {
	if m.Kind != report.KindApproval || len(m.Deliveries) > 0 {
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
