package store

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// conformance runs the contract of [Store] on a store. The store may be shared:
// every case keeps to a prefix of its own.
func conformance(t *testing.T, open func(t *testing.T) Store) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, f fixture)
	}{
		{"write, read, delete", testRoundTrip},
		{"index 0 only creates", testCreateOnly},
		{"a transaction is all or nothing", testAtomic},
		{"a check alone", testCheckOnly},
		{"deleting what is not at the index", testDeleteConflicts},
		{"an equal value keeps its index", testEqualValue},
		{"A to B to A is a conflict", testABA},
		{"deleted and created again is a conflict", testRecreated},
		{"one index for one transaction", testOneIndex},
		{"empty and binary values", testValues},
		{"prefixes", testPrefixes},
		{"a snapshot is never torn", testSnapshot},
		{"increments at once lose nothing", testIncrements},
		{"refused before it is sent", testRefused},
		{"the largest transaction", testLargest},
		{"a context that has ended", testEnded},
		{"watch from 0 returns at once", testWatchAtOnce},
		{"watch wakes for a change", testWatchWakes},
		{"watch wakes for a deletion", testWatchDeletion},
		{"watch sees a change made before it began", testWatchMissed},
		{"watch from an index that went backwards", testWatchBackwards},
		{"watch ends with its context", testWatchEnds},
	} {
		t.Run(c.name, func(t *testing.T) {
			id := NewTx().ID
			c.run(t, fixture{Store: open(t), t: t, root: "conformance/" + id[:8] + "/"})
		})
	}
}

type fixture struct {
	Store
	t    *testing.T
	root string
}

func (f fixture) key(name string) string { return f.root + name }

func (f fixture) set(name, value string, index uint64) Op {
	return Op{Verb: Set, Key: f.key(name), Value: []byte(value), Index: index}
}

func (f fixture) delete(name string, index uint64) Op {
	return Op{Verb: Delete, Key: f.key(name), Index: index}
}

func (f fixture) check(name string, index uint64) Op {
	return Op{Verb: Check, Key: f.key(name), Index: index}
}

func (f fixture) ok(ops ...Op) {
	f.t.Helper()
	if err := f.Commit(f.t.Context(), NewTx(ops...)); err != nil {
		f.t.Fatal(err)
	}
}

func (f fixture) conflict(ops ...Op) {
	f.t.Helper()
	before := f.snap()
	if err := f.Commit(f.t.Context(), NewTx(ops...)); !errors.Is(err, ErrConflict) {
		f.t.Fatalf("got %v, want a conflict", err)
	}
	if after := f.snap(); !reflect.DeepEqual(before.Entries, after.Entries) {
		f.t.Fatalf("a conflict changed %v to %v", before.Entries, after.Entries)
	}
}

func (f fixture) snap(names ...string) Snapshot {
	f.t.Helper()
	prefixes := []string{f.root}
	for _, name := range names {
		prefixes = append(prefixes, f.key(name))
	}
	if len(names) > 0 {
		prefixes = prefixes[1:]
	}
	snap, err := f.Read(f.t.Context(), prefixes...)
	if err != nil {
		f.t.Fatal(err)
	}
	return snap
}

// index of the key, which must exist.
func (f fixture) index(name string) uint64 {
	f.t.Helper()
	e, ok := f.snap().Get(f.key(name))
	if !ok {
		f.t.Fatalf("there is no %s", name)
	}
	return e.Index
}

func (f fixture) value(name string) string {
	f.t.Helper()
	e, ok := f.snap().Get(f.key(name))
	if !ok {
		return "(none)"
	}
	return string(e.Value)
}

func want[T comparable](t *testing.T, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func testRoundTrip(t *testing.T, f fixture) {
	want(t, len(f.snap().Entries), 0)
	f.ok(f.set("a", "1", 0))
	first := f.index("a")
	f.ok(f.set("a", "2", first))
	want(t, f.value("a"), "2")
	if second := f.index("a"); second <= first {
		t.Fatalf("the index went from %d to %d", first, second)
	}
	f.ok(f.delete("a", f.index("a")))
	want(t, f.value("a"), "(none)")
	if f.snap().Index == 0 {
		t.Fatal("an index to watch from may not be 0")
	}
}

func testCreateOnly(t *testing.T, f fixture) {
	f.ok(f.set("a", "1", 0))
	f.conflict(f.set("a", "2", 0))
	f.conflict(f.set("a", "1", 0)) // not even with the same value
	f.conflict(f.set("b", "1", 1)) // and an index is of a key that exists
	want(t, f.value("a"), "1")
}

func testAtomic(t *testing.T, f fixture) {
	f.ok(f.set("a", "1", 0), f.set("b", "1", 0))
	at := f.index("a")
	f.conflict(f.set("a", "2", at), f.delete("b", at), f.set("c", "new", 0), f.check("d", 7))
	f.conflict(f.check("d", 7), f.set("a", "2", at))
	f.ok(f.set("a", "2", at), f.delete("b", at), f.set("c", "new", 0), f.check("d", 0))
	want(t, f.value("a")+f.value("b")+f.value("c"), "2(none)new")
}

func testCheckOnly(t *testing.T, f fixture) {
	f.ok(f.set("a", "1", 0))
	at := f.index("a")
	f.ok(f.check("a", at), f.check("b", 0))
	f.conflict(f.check("a", at+1))
	f.conflict(f.check("a", 0))
	f.conflict(f.check("b", at))
	want(t, f.index("a"), at)
}

func testDeleteConflicts(t *testing.T, f fixture) {
	f.ok(f.set("a", "1", 0))
	at := f.index("a")
	f.conflict(f.delete("a", at-1))
	f.conflict(f.delete("a", 0))
	f.conflict(f.delete("b", at)) // Consul alone would call that deleted
	f.ok(f.delete("b", 0))
	want(t, f.value("a"), "1")
}

func testEqualValue(t *testing.T, f fixture) {
	f.ok(f.set("a", "1", 0))
	at := f.index("a")
	f.ok(f.set("a", "1", at), f.set("b", "1", 0))
	want(t, f.index("a"), at)
	f.ok(f.set("a", "2", at)) // what was read before still holds
}

func testABA(t *testing.T, f fixture) {
	f.ok(f.set("a", "A", 0))
	read := f.index("a")
	f.ok(f.set("a", "B", read))
	f.ok(f.set("a", "A", f.index("a")))
	f.conflict(f.set("a", "C", read))
	f.conflict(f.check("a", read), f.set("b", "1", 0))
}

func testRecreated(t *testing.T, f fixture) {
	f.ok(f.set("a", "1", 0))
	read := f.index("a")
	f.ok(f.delete("a", read))
	f.ok(f.set("a", "1", 0))
	if now := f.index("a"); now <= read {
		t.Fatalf("the index went from %d to %d", read, now)
	}
	f.conflict(f.set("a", "2", read))
	f.conflict(f.delete("a", read))
}

func testOneIndex(t *testing.T, f fixture) {
	f.ok(f.set("a", "1", 0), f.set("b", "1", 0))
	want(t, f.index("a"), f.index("b"))
}

func testValues(t *testing.T, f fixture) {
	binary := string([]byte{0, 255, '\n', 0})
	f.ok(f.set("binary", binary, 0), f.set("empty", "", 0))
	want(t, f.value("binary"), binary)
	want(t, f.value("empty"), "")
	f.conflict(f.set("empty", "x", 0)) // empty is not absent
}

func testPrefixes(t *testing.T, f fixture) {
	f.ok(f.set("a/1", "", 0), f.set("a/2", "", 0), f.set("ab", "", 0), f.set("c", "", 0))
	for _, c := range []struct{ prefixes, want string }{
		{"a/", "a/1 a/2"},
		{"a", "a/1 a/2 ab"},
		{"c a/", "a/1 a/2 c"},
		{"a/2 a a/ a", "a/1 a/2 ab"},
		{"a/1 none/ c", "a/1 c"},
		{"none/", ""},
	} {
		var got []string
		for _, e := range f.snap(strings.Fields(c.prefixes)...).Entries {
			got = append(got, strings.TrimPrefix(e.Key, f.root))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%s: got %s, want %s", c.prefixes, s, c.want)
		}
	}
}

// Two keys under two prefixes are always written together, and every now and
// then deleted together, so that one of the trees is empty.
func testSnapshot(t *testing.T, f fixture) {
	var writer sync.WaitGroup
	var both atomic.Bool // kinds of snapshot were seen
	done := make(chan struct{})
	writer.Go(func() {
		defer close(done)
		var at uint64
		for i := 0; i < 200 || !both.Load(); i++ {
			value := strconv.Itoa(i)
			if i%5 == 4 {
				f.ok(f.delete("left/key", at), f.delete("right/key", at))
				at = 0
				continue
			}
			f.ok(f.set("left/key", value, at), f.set("right/key", value, at))
			at = f.index("left/key")
		}
	})
	defer writer.Wait()
	defer both.Store(true)
	empty, full := 0, 0
	for {
		snap := f.snap("left/", "right/")
		left, inLeft := snap.Get(f.key("left/key"))
		right, inRight := snap.Get(f.key("right/key"))
		if inLeft != inRight || !bytes.Equal(left.Value, right.Value) || left.Index != right.Index {
			t.Fatalf("torn: %+v", snap.Entries)
		}
		if inLeft {
			full++
		} else {
			empty++
		}
		both.Store(empty > 0 && full > 0)
		select {
		case <-done:
			return
		default:
		}
	}
}

func testIncrements(t *testing.T, f fixture) {
	const writers, each = 10, 10
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			for range each {
				if err := increment(t.Context(), f); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	want(t, f.value("count"), strconv.Itoa(writers*each))
}

func increment(ctx context.Context, f fixture) error {
	for {
		snap, err := f.Read(ctx, f.key("count"))
		if err != nil {
			return err
		}
		e, _ := snap.Get(f.key("count"))
		n, _ := strconv.Atoi(string(e.Value))
		err = f.Commit(ctx, NewTx(f.set("count", strconv.Itoa(n+1), e.Index)))
		if !errors.Is(err, ErrConflict) {
			return err
		}
	}
}

func testRefused(t *testing.T, f fixture) {
	many := make([]Op, MaxOps+1)
	for i := range many {
		many[i] = f.set(strconv.Itoa(i), "", 0)
	}
	for _, c := range []struct {
		name string
		tx   Tx
		says string
	}{
		{"too many", NewTx(many...), "60 is the most"},
		{"none", NewTx(), "no operations"},
		{"no ID", Tx{Ops: many[:1]}, "no ID"},
		{"twice", NewTx(f.set("a", "", 0), f.check("a", 0)), "twice"},
		{"no such verb", NewTx(Op{Verb: 9, Key: "a"}), "verb"},
		{"too large", NewTx(f.set("a", strings.Repeat("x", MaxBytes), 0)), "too large"},
		{"empty key", NewTx(Op{Key: ""}), "empty"},
		{"leading slash", NewTx(Op{Key: "/a"}), "begin with /"},
		{"two slashes", NewTx(Op{Key: "a//b"}), "//"},
		{"two dots", NewTx(Op{Key: "a/../b"}), ".."},
		{"a dot alone", NewTx(Op{Key: "a/./b"}), "/./"},
		{"space", NewTx(Op{Key: "a b"}), "only"},
		{"newline", NewTx(Op{Key: "a\n"}), "only"},
		{"query", NewTx(Op{Key: "a?b"}), "only"},
	} {
		err := f.Commit(t.Context(), c.tx)
		if err == nil || errors.Is(err, ErrConflict) || errors.Is(err, ErrUnsettled) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got %v, want an error that says %q", c.name, err, c.says)
		}
	}
	for _, prefix := range []string{"", "/a", "a//", "a b"} {
		if _, err := f.Read(t.Context(), prefix); err == nil {
			t.Errorf("Read(%q) was not refused", prefix)
		}
		if _, err := f.Watch(t.Context(), prefix, 0); err == nil {
			t.Errorf("Watch(%q) was not refused", prefix)
		}
	}
	if _, err := f.Read(t.Context()); err == nil {
		t.Error("a read of nothing was not refused")
	}
	want(t, len(f.snap().Entries), 0)
}

func testLargest(t *testing.T, f fixture) {
	ops := make([]Op, MaxOps)
	for i := range ops {
		ops[i] = f.set(strconv.Itoa(i), strings.Repeat("x", MaxBytes/MaxOps-100), 0)
	}
	f.ok(ops...)
	for i := range ops {
		ops[i] = f.delete(strconv.Itoa(i), f.index("0"))
	}
	f.ok(ops...)
	want(t, len(f.snap().Entries), 0)
}

func testEnded(t *testing.T, f fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Commit(ctx, NewTx(f.set("a", "1", 0))); !errors.Is(err, context.Canceled) || errors.Is(err, ErrConflict) {
		t.Errorf("commit: %v", err)
	}
	if _, err := f.Read(ctx, f.root); !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v", err)
	}
	want(t, f.value("a"), "(none)")
}
