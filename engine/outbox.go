package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/autorollback/autorollback/record"
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
		_, _, err := e.serves(Target{m.Service, m.Region})
		if err == nil && !e.waits(m, time.Now()) {
			waiting = append(waiting, m)
		}
	}
	slices.SortStableFunc(waiting, func(a, b record.Message) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return waiting, nil
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
	b := txBuilder{indexes: map[string]uint64{key: en.Index}}
	b.set(key, now)
	err = e.put(ctx, b)
	if errors.Is(err, store.ErrConflict) {
		return false, nil
	}
	return err == nil, err
}
