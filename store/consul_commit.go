package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/consul/api"
)

// Commit implements [Store]. It goes on until ctx ends, so ctx should.
func (c *Consul) Commit(ctx context.Context, tx Tx) error {
	if err := tx.check(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if Place(tx.Ops[0].Key) != "" {
		if err := c.setEntry(ctx, tx.Ops[0]); err != nil {
			return fmt.Errorf("commit: %w", err)
		}
		return nil
	}
	l, err := c.take(ctx)
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	defer func() { c.queues <- l }()
	m := &commit{store: c, queue: l, tx: tx}
	if err := m.run(ctx); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// A commit is one transaction on its way. Each time it is sent its check of the
// queue's key makes sure that it is applied at most once.
type commit struct {
	store *Consul
	queue *queue
	tx    Tx
	open  error // the last unclear answer: what was sent may yet be applied
	lost  error // a conflict found while open: what was sent must be fenced off
}

func (m *commit) run(ctx context.Context) error {
	for try := 0; ; try++ {
		done, err := m.step(ctx)
		if done {
			return err
		}
		if !m.store.pause(ctx, try) {
			return m.ended(ctx, err)
		}
	}
}

// step returns true with the outcome, or false with the reason to go on.
func (m *commit) step(ctx context.Context) (bool, error) {
	if !m.queue.known {
		if done, err := m.settle(ctx); done || err != nil {
			return done, err
		}
	}
	a, err := m.store.txn(ctx, m.ops())
	if err == nil {
		m.queue.applied(a)
		return true, m.lost
	}
	switch kindOf(err) {
	case stale:
		return m.refusedAsStale(a, err)
	case refused:
		return true, m.blame(err)
	case unclear:
		m.open, m.queue.known = err, false
	}
	return false, err
}

// settle finds out from the queue's key what has become of what was sent.
func (m *commit) settle(ctx context.Context) (bool, error) {
	found, index, err := m.store.look(ctx, m.queue)
	if err != nil {
		if forbidden(err) {
			return true, m.blame(fmt.Errorf("%w; it needs the ACL rule key_prefix %q { policy = \"write\" }", err, queuePrefix))
		}
		return false, err
	}
	taken := m.taken(found, index)
	m.queue.index, m.queue.known = index, true
	m.queue.used = m.queue.used || found.Life == m.store.life
	switch {
	case found.Tx == m.tx.ID:
		return true, nil
	case found.Tx == fence(m.tx):
		return true, m.lost
	case taken:
		return true, m.blame(fmt.Errorf("%s: %w", m.queue.key, errNameTaken))
	}
	return false, nil
}

// taken reports that somebody else wrote the queue's key, or removed it. Once we
// have written it that is another process with our name, which may have written
// over the mark that we look for.
func (m *commit) taken(found mark, index uint64) bool {
	if index == m.queue.index || found.Life == m.store.life {
		return false
	}
	return m.open != nil || m.queue.used && index != 0
}

// refusedAsStale is about a 409. While nothing sent before is open, it is the
// answer. Otherwise what was sent before may be the very reason for it; and if
// not, it must never land, even if all its keys come back to what they were.
func (m *commit) refusedAsStale(a answer, err error) (bool, error) {
	queue, others := false, false
	for _, e := range a.Errors {
		queue = queue || e.OpIndex == 0
		others = others || e.OpIndex > 0
	}
	if queue || m.open != nil {
		m.queue.known = false
	}
	if !others {
		return false, err
	}
	if m.open == nil {
		return true, err
	}
	m.lost = err
	return false, err
}

// blame returns an error that ends the commit: nothing was written, unless
// something sent before is open.
func (m *commit) blame(err error) error {
	if m.open == nil {
		return err
	}
	m.queue.known = false
	return fmt.Errorf("%w: %w (after %w)", ErrUnsettled, err, m.open)
}

func (m *commit) ended(ctx context.Context, last error) error {
	if m.open != nil {
		m.queue.known = false
		return fmt.Errorf("%w: %w (last: %w)", ErrUnsettled, ctx.Err(), hideConflict(last))
	}
	return fmt.Errorf("nothing was written: %w (last: %w)", ctx.Err(), hideConflict(last))
}

// hideConflict keeps a conflict's text but not its promise that all is over.
func hideConflict(err error) error {
	if errors.Is(err, ErrConflict) {
		return errors.New(err.Error())
	}
	return err
}

// ops returns what is to be sent: all of it, or only the fence.
func (m *commit) ops() []api.KVTxnOp {
	if m.lost != nil {
		return []api.KVTxnOp{m.store.mark(m.queue, fence(m.tx))}
	}
	ops := []api.KVTxnOp{m.store.mark(m.queue, m.tx.ID)}
	for _, op := range m.tx.Ops {
		ops = append(ops, op.consul()...)
	}
	return ops
}

func fence(tx Tx) string { return "not " + tx.ID }

// applied takes the queue's new index from the answer.
func (l *queue) applied(a answer) {
	l.used, l.known = true, false
	if len(a.Results) > 0 && a.Results[0].KV != nil && a.Results[0].KV.Key == l.key {
		l.index, l.known = a.Results[0].KV.ModifyIndex, true
	}
}

// consul returns the operations that together do this one. Consul's delete-cas
// alone takes an absent key for a deleted one.
func (op Op) consul() []api.KVTxnOp {
	switch {
	case op.Verb == Set:
		return []api.KVTxnOp{{Verb: api.KVCAS, Key: op.Key, Value: op.Value, Index: op.Index}}
	case op.Index == 0:
		return []api.KVTxnOp{{Verb: api.KVCheckNotExists, Key: op.Key}}
	}
	ops := []api.KVTxnOp{{Verb: api.KVCheckIndex, Key: op.Key, Index: op.Index}}
	if op.Verb == Delete {
		ops = append(ops, api.KVTxnOp{Verb: api.KVDeleteCAS, Key: op.Key, Index: op.Index})
	}
	return ops
}

// pause waits longer with each try, up to two seconds, less a random part so
// that replicas do not come back together. It returns false if ctx ends.
func (c *Consul) pause(ctx context.Context, try int) bool {
	longest := min(50*time.Millisecond<<min(try, 6), 2*time.Second)
	select {
	case <-time.After(longest/2 + c.jitter(longest/2)):
		return true
	case <-ctx.Done():
		return false
	}
}
