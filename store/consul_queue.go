package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"
)

// queueCount is how many commits of one process may be under way at once.
const queueCount = 8

const queuePrefix = Root + "op/"

func queueKey(replica string, n int) string {
	return queuePrefix + replica + "/" + strconv.Itoa(n)
}

// A queue is a commit queue: a key that only this process writes, by one commit at a time, and
// that every commit in it changes. So it tells which of them was applied last,
// and a commit that was lost on its way cannot be applied after a later one.
type queue struct {
	key   string
	index uint64 // the key's, as we know it
	known bool   // or whether it must be read first
	used  bool   // by this process
}

// A mark is the value of a queue's key.
type mark struct {
	Schema int       `json:"schema"`
	Tx     string    `json:"tx"`
	Life   string    `json:"life"` // the process that wrote it
	At     time.Time `json:"at"`
}

func (c *Consul) mark(l *queue, tx string) api.KVTxnOp {
	value, _ := json.Marshal(mark{Schema: 1, Tx: tx, Life: c.life, At: time.Now().UTC()})
	return api.KVTxnOp{Verb: api.KVCAS, Key: l.key, Value: value, Index: l.index}
}

func (c *Consul) take(ctx context.Context) (*queue, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case l := <-c.queues:
		return l, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for one of %d commits under way: %w", queueCount, ctx.Err())
	}
}

// look reads the queue's key consistently. No key is an empty mark.
func (c *Consul) look(ctx context.Context, l *queue) (m mark, index uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.attempts)
	defer cancel()
	query := &api.QueryOptions{RequireConsistent: true}
	pair, _, err := c.get(l.key, query.WithContext(ctx))
	if err != nil {
		return m, 0, fmt.Errorf("read %s: %w", l.key, err)
	}
	if pair == nil {
		return m, 0, nil
	}
	// What cannot be read is nobody's mark; the next commit replaces it.
	_ = json.Unmarshal(pair.Value, &m)
	return m, pair.ModifyIndex, nil
}

func forbidden(err error) bool {
	status, ok := errors.AsType[api.StatusError](err)
	return ok && status.Code == http.StatusForbidden
}

// forgotten is when a replica that has written nothing is taken for gone.
const forgotten = 7 * 24 * time.Hour

// Sweep removes what replicas that have written nothing for seven days before
// now left of their bookkeeping. It is meant for the start of the program; an
// error only means that the rest is left for another time.
func (c *Consul) GC(ctx context.Context, now time.Time) error {
	snap, err := c.Read(ctx, queuePrefix)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	var ops []api.KVTxnOp
	for _, e := range snap.Entries {
		if c.abandoned(e, now) {
			ops = append(ops, api.KVTxnOp{Verb: api.KVDeleteCAS, Key: e.Key, Index: e.Index})
		}
	}
	for part := range slices.Chunk(ops, MaxOps) {
		if _, err := c.txn(ctx, part); err != nil {
			return fmt.Errorf("sweep %s: %w", queuePrefix, err)
		}
	}
	return nil
}

func (c *Consul) abandoned(e Entry, now time.Time) bool {
	var m mark
	if json.Unmarshal(e.Value, &m) != nil || m.At.IsZero() {
		return false
	}
	mine := strings.HasPrefix(e.Key, queuePrefix+c.replica+"/")
	return !mine && now.Sub(m.At) > forgotten
}
