package actuators

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

var (
	traefikRouting = runbook.Routing{Router: runbook.Traefik, Root: "traefik", Service: "ranker", Flags: "features/ranker/"}
	jsonRouting    = runbook.Routing{Router: runbook.JSONKey, Key: "routes/ranker/weights", Flags: "features/ranker/"}
	fabioRouting   = runbook.Routing{Router: runbook.Fabio, Root: "fabio/config", Service: "ranker", Sources: []string{"/predict"}, Flags: "features/ranker/"}
)

// tree makes a snapshot of key, value, key, value…; the n-th key has index n.
func tree(pairs ...string) store.Snapshot {
	var snap store.Snapshot
	for i := 0; i < len(pairs); i += 2 {
		snap.Index = uint64(i/2 + 1)
		snap.Entries = append(snap.Entries, store.Entry{Key: pairs[i], Value: []byte(pairs[i+1]), Index: snap.Index})
	}
	slices.SortFunc(snap.Entries, func(a, b store.Entry) int { return cmp.Compare(a.Key, b.Key) })
	return snap
}

// commit is what a store does: all operations or none, each checked.
func commit(snap store.Snapshot, ops []store.Op) (store.Snapshot, error) {
	after := store.Snapshot{Index: snap.Index + 1, Entries: slices.Clone(snap.Entries)}
	for _, op := range ops {
		e, _ := snap.Get(op.Key)
		if e.Index != op.Index {
			return snap, fmt.Errorf("%s is at %d, not at %d: %w", op.Key, e.Index, op.Index, store.ErrConflict)
		}
		if op.Verb == store.Set {
			after.Entries = slices.DeleteFunc(after.Entries, func(e store.Entry) bool { return e.Key == op.Key })
			after.Entries = append(after.Entries, store.Entry{Key: op.Key, Value: op.Value, Index: after.Index})
		}
	}
	slices.SortFunc(after.Entries, func(a, b store.Entry) int { return cmp.Compare(a.Key, b.Key) })
	return after, nil
}

func router(t testing.TB, r runbook.Routing) Router {
	t.Helper()
	got, err := For(r)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// canary is the tree of a healthy canary, 95 to 5.
func canary() store.Snapshot {
	return tree(
		"traefik/http/routers/ranker/rule", "PathPrefix(`/`)",
		"traefik/http/routers/ranker/service", "ranker",
		"traefik/http/services/model-v1/loadbalancer/servers/0/url", "http://127.0.0.1:1",
		"traefik/http/services/model-v2/loadbalancer/servers/0/url", "http://127.0.0.1:2",
		"traefik/http/services/ranker/weighted/services/0/name", "model-v1",
		"traefik/http/services/ranker/weighted/services/0/weight", "95",
		"traefik/http/services/ranker/weighted/services/1/name", "model-v2",
		"traefik/http/services/ranker/weighted/services/1/weight", "5",
	)
}

// with returns the snapshot with one key added or replaced.
func with(snap store.Snapshot, key, value string) store.Snapshot {
	e, _ := snap.Get(key)
	after, err := commit(snap, []store.Op{{Verb: store.Set, Key: key, Value: []byte(value), Index: e.Index}})
	if err != nil {
		panic(err)
	}
	return after
}
