package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/consul/api"
)

// Read implements [Store] with one read-only transaction, which Consul answers
// from one state of its database after asking a quorum whether it still leads.
// It asks once, for five seconds at most. Config entries are asked beside it, see [Together].
func (c *Consul) Read(ctx context.Context, prefixes ...string) (Snapshot, error) {
	kept, err := disjoint(prefixes)
	if err != nil {
		return Snapshot{}, fmt.Errorf("read: %w", err)
	}
	elsewhere := slices.DeleteFunc(slices.Clone(kept), func(p string) bool { return Place(p) == "" })
	own := slices.DeleteFunc(kept, func(p string) bool { return Place(p) != "" })
	entries := func() ([]Entry, error) { return c.readEntries(ctx, elsewhere) }
	switch {
	case len(elsewhere) == 0:
		return c.readOwn(ctx, own)
	case len(own) == 0:
		all, err := entries()
		return Snapshot{Index: 1, Entries: all}, err
	}
	return Together(entries, func() (Snapshot, error) { return c.readOwn(ctx, own) })
}

func (c *Consul) readOwn(ctx context.Context, kept []string) (Snapshot, error) {
	ops := make([]api.KVTxnOp, len(kept))
	for i, prefix := range kept {
		ops[i] = api.KVTxnOp{Verb: api.KVGetTree, Key: prefix}
	}
	a, err := c.txn(ctx, ops)
	if err == nil {
		err = a.complete(kept)
	}
	if err != nil {
		return Snapshot{}, fmt.Errorf("read %s: %w", some(kept), err)
	}
	snap := Snapshot{Index: 1} // 0 would not wait for a change
	for _, r := range a.Results {
		snap.add(r.KV)
	}
	return snap, nil
}

// some names what is read; all of many would hide why it was not.
func some(prefixes []string) string {
	if len(prefixes) > 2 {
		return fmt.Sprintf("%s and %d more", prefixes[0], len(prefixes)-1)
	}
	return strings.Join(prefixes, " ")
}

// complete refuses an answer that leaves something out, or does not say.
func (a answer) complete(prefixes []string) error {
	switch {
	case a.Filtered == nil:
		return errors.New("this Consul does not say whether access rules hid entries: use 1.13 or later")
	case *a.Filtered:
		return hidden(prefixes)
	}
	return nil
}

func hidden(prefixes []string) error {
	var rules []string
	for _, prefix := range prefixes {
		rules = append(rules, fmt.Sprintf(`key_prefix %q { policy = "read" }`, prefix))
	}
	return fmt.Errorf("access rules hide some of the entries; it needs the ACL rules %s", strings.Join(rules, " "))
}

func (s *Snapshot) add(pair *api.KVPair) {
	s.Entries = append(s.Entries, Entry{Key: pair.Key, Value: pair.Value, Index: pair.ModifyIndex})
	s.Index = max(s.Index, pair.ModifyIndex)
}

// Watch implements [Store] with a blocking query of about thirty seconds. Consul
// itself returns early if a backup was restored meanwhile.
func (c *Consul) Watch(ctx context.Context, prefix string, after uint64) (Snapshot, error) {
	if err := checkKey(prefix); err != nil {
		return Snapshot{}, fmt.Errorf("watch: %w", err)
	}
	wait := c.maxWait - c.jitter(c.maxWait/10) // so that replicas do not ask together
	within, cancel := context.WithTimeout(ctx, wait+wait/16+c.attempts)
	defer cancel()
	query := &api.QueryOptions{RequireConsistent: true, WaitIndex: after, WaitTime: wait}
	pairs, meta, err := c.list(prefix, query.WithContext(within))
	if err == nil && meta.ResultsFilteredByACLs {
		err = hidden([]string{prefix})
	}
	if err != nil {
		return Snapshot{}, fmt.Errorf("watch %s: %w", prefix, err)
	}
	snap := Snapshot{Index: max(meta.LastIndex, 1)}
	for _, pair := range pairs {
		snap.Entries = append(snap.Entries, Entry{Key: pair.Key, Value: pair.Value, Index: pair.ModifyIndex})
	}
	return snap, nil
}
