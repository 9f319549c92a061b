package engine

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/runbook"
)

// sharedFor is how old an answer may be that alerts of one trigger share.
const sharedFor = time.Second

// confirm asks Prometheus, and reads the slot's records meanwhile: what is then decided
// needs both, and neither waits for the other. Records that were not read, or that are
// about other weights than the answer, are nil.
func (e *Engine) confirm(ctx context.Context, s service, slot Slot, a runbook.Alert, trigger runbook.Trigger, rel runbook.Release) (b runbook.Breach, ahead *view) {
	var g errgroup.Group
	g.Go(func() error {
		v, err := e.read(ctx, slot, Asked{})
		if err == nil && v.Release != nil && v.Release.ID == rel.ID && v.Release.Epoch == rel.Epoch {
			ahead = &v
		}
		return nil // the step reads again and says what is wrong
	})
	b = e.answer(ctx, s, slot, a.Trigger, trigger, rel)
	_ = g.Wait()
	return b, ahead
}

// answer asks Prometheus about a trigger, or the companion, unless that was just done. Who
// asks for others as well does not cut the question short; it has a deadline of its own.
func (e *Engine) answer(ctx context.Context, s service, slot Slot, name string, trigger runbook.Trigger, rel runbook.Release) runbook.Breach {
	ctx = context.WithoutCancel(ctx)
	return e.confirms.share(confirmKey{slot, name, rel.ID, rel.Epoch}, func() runbook.Breach {
		if name == blind {
			return e.askBlind(ctx, s, rel)
		}
		return e.prom.Confirm(ctx, s.ask, trigger, rel, e.significance(rel, name))
	})
}

type confirmKey struct {
	slot    Slot
	trigger string
	release string
	epoch   int
}

// confirms lets alerts of one trigger that come at the same time share one answer, so
// that a storm asks Prometheus once a second.
type confirms struct {
	mu    sync.Mutex
	known map[confirmKey]*confirmation
}

type confirmation struct {
	done   chan struct{}
	asked  time.Time
	breach runbook.Breach
}

// share returns the newest answer, or waits for it, if its question was put at most a second
// ago; else it asks.
func (c *confirms) share(key confirmKey, ask func() runbook.Breach) runbook.Breach {
	now := time.Now()
	c.mu.Lock()
	if old, ok := c.known[key]; ok && now.Sub(old.asked) <= sharedFor {
		c.mu.Unlock()
		<-old.done
		return old.breach
	}
	fresh := &confirmation{done: make(chan struct{}), asked: now}
	if c.known == nil {
		c.known = map[confirmKey]*confirmation{}
	}
	for k, old := range c.known {
		if now.Sub(old.asked) > sharedFor {
			delete(c.known, k)
		}
	}
	c.known[key] = fresh
	c.mu.Unlock()
	defer close(fresh.done)
	fresh.breach = ask()
	return fresh.breach
}
