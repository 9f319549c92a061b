package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/hashicorp/consul/api"
)

// laneCount is how many commits of one process may be under way at once.
const laneCount = 8

const lanePrefix = Root + "op/"

func laneKey(replica string, n int) string {
	return lanePrefix + replica + "/" + strconv.Itoa(n)
}

// A lane is a key that only this process writes, by one commit at a time, and
// that every commit in it changes. So it tells which of them was applied last,
// and a commit that was lost on its way cannot be applied after a later one.
type lane struct {
	key   string
	index uint64 // the key's, as we know it
	known bool   // or whether it must be read first
	used  bool   // by this process
}

// A mark is the value of a lane's key.
type mark struct {
	Schema int       `json:"schema"`
	Tx     string    `json:"tx"`
	Life   string    `json:"life"` // the process that wrote it
	At     time.Time `json:"at"`
}

func (c *Consul) mark(l *lane, tx string) api.KVTxnOp {
	value, _ := json.Marshal(mark{Schema: 1, Tx: tx, Life: c.life, At: time.Now().UTC()})
	return api.KVTxnOp{Verb: api.KVCAS, Key: l.key, Value: value, Index: l.index}
}

func (c *Consul) take(ctx context.Context) (*lane, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case l := <-c.lanes:
		return l, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for one of %d commits under way: %w", laneCount, ctx.Err())
	}
}

// look reads the lane's key consistently. No key is an empty mark.
func (c *Consul) look(ctx context.Context, l *lane) (m mark, index uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.attempts)
	defer cancel()
	query := &api.QueryOptions{RequireConsistent: true}
	pair, _, err := c.kv.Get(l.key, query.WithContext(ctx))
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
