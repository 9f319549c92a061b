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
	snap := f.watch(0, time.Second)
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
		snap = f.watch(snap.Index, 10*time.Second)
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
		snap = f.watch(snap.Index, 10*time.Second)
	}
	want(t, snap.Entries[0].Key, f.key("b"))
}

func testWatchMissed(t *testing.T, f fixture) {
	f.ok(f.set("a", "1", 0))
	snap := f.snap()
	f.ok(f.delete("a", f.index("a")))
	snap = f.watch(snap.Index, time.Second)
	want(t, len(snap.Entries), 0)
}

func testWatchBackwards(t *testing.T, f fixture) {
	f.ok(f.set("a", "1", 0))
	now := f.snap().Index
	snap := f.watch(now+1_000_000, 10*time.Second)
	want(t, len(snap.Entries), 1)
	if snap.Index > now+1000 {
		t.Fatalf("the index is %d, want about %d", snap.Index, now)
	}
}

func testWatchEnds(t *testing.T, f fixture) {
	f.ok(f.set("a", "1", 0))
	snap := f.watch(0, time.Second)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := f.Watch(ctx, f.root, snap.Index); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v, want the context's error", err)
	}
}

// watch fails if the watch takes longer than that.
func (f fixture) watch(after uint64, within time.Duration) Snapshot {
	f.t.Helper()
	began := time.Now()
	snap, err := f.Watch(f.t.Context(), f.root, after)
	if err != nil {
		f.t.Fatal(err)
	}
	if took := time.Since(began); took > within {
		f.t.Fatalf("watch took %s, want at most %s", took, within)
	}
	return snap
}
