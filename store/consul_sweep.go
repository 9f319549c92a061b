package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"
)

// forgotten is when a replica that has written nothing is taken for gone.
const forgotten = 7 * 24 * time.Hour

// Sweep removes what replicas that have written nothing for seven days before
// now left of their bookkeeping. It is meant for the start of the program; an
// error only means that the rest is left for another time.
func (c *Consul) Sweep(ctx context.Context, now time.Time) error {
	snap, err := c.Read(ctx, lanePrefix)
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
			return fmt.Errorf("sweep %s: %w", lanePrefix, err)
		}
	}
	return nil
}

func (c *Consul) abandoned(e Entry, now time.Time) bool {
	var m mark
	if json.Unmarshal(e.Value, &m) != nil || m.At.IsZero() {
		return false
	}
	mine := strings.HasPrefix(e.Key, lanePrefix+c.replica+"/")
	return !mine && now.Sub(m.At) > forgotten
}
