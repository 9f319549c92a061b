package store

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"
)

func testWatchAtOnce(t *testing.T, f fixture) {
	f.ok(f.set("a", "1", 0))
	snap := f.watch(0)
	want(t, len(snap.Entries), 1)
}

func testWatchWakes(t *testing.T, f fixture) {
	f.ok(f.set("a", "0", 0))
	snap := f.snap()
	var writer sync.WaitGroup
	writer.Go(func() {
		for i := range 20 {
			f.ok(f.set("a", strconv.Itoa(i+1), f.index("a")))
		}
	})
	defer writer.Wait()
	seen := 0
	for seen < 20 && !t.Failed() {
		snap = f.watch(snap.Index)
		n, _ := strconv.Atoi(string(snap.Entries[0].Value))
		if n < seen {
			t.Fatalf("saw %d after %d", n, seen)
		}
		seen = n
	}
}

func testWatchDeletion(t *testing.T, f fixture) {
	f.ok(f.set("a", "1", 0), f.set("b", "1", 0))
	snap := f.snap()
	var writer sync.WaitGroup
	writer.Go(func() { f.ok(f.delete("a", f.index("a"))) })
	defer writer.Wait()
	for len(snap.Entries) == 2 && !t.Failed() {
		snap = f.watch(snap.Index)
	}
	want(t, snap.Entries[0].Key, f.key("b"))
}

func testWatchMissed(t *testing.T, f fixture) {
	f.ok(f.set("a", "1", 0))
	snap := f.snap()
	f.ok(f.delete("a", f.index("a")))
	snap = f.watch(snap.Index)
	want(t, len(snap.Entries), 0)
}

func testWatchBackwards(t *testing.T, f fixture) {
	f.ok(f.set("a", "1", 0))
	now := f.snap().Index
	if c, ok := f.Store.(*Consul); ok {
		c.maxWait = time.Second // Consul answers when that has passed
	}
	snap := f.watch(now + 1_000_000)
	want(t, len(snap.Entries), 1)
	if snap.Index > now+1000 {
		t.Fatalf("the index is %d, want about %d", snap.Index, now)
	}
}

func testWatchEnds(t *testing.T, f fixture) {
	f.ok(f.set("a", "1", 0))
	snap := f.watch(0)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := f.Watch(ctx, f.root, snap.Index); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v, want the context's error", err)
	}
}

// watch fails if the watch ends only since it has waited long enough, which is half
// a minute in all stores under test.
func (f fixture) watch(after uint64) Snapshot {
	f.t.Helper()
	began := time.Now()
	snap, err := f.Watch(f.t.Context(), f.root, after)
	if err != nil {
		f.t.Fatal(err)
	}
	if took := time.Since(began); took > 25*time.Second {
		f.t.Fatalf("watch took %s, want that it ends with what it waits for", took)
	}
	return snap
}
