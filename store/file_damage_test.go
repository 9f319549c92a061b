package store

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

func TestFileIsForOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	first, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = OpenFile(path)
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "another process") {
		t.Fatalf("got %v, want which file, and that another process has it", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

func TestFileKeepsItsIndex(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	f, _ := OpenFile(path)
	fix := fixture{Store: f, t: t, root: "a/"}
	fix.ok(fix.set("a", "1", 0))
	fix.ok(fix.delete("a", fix.index("a")))
	before := fix.snap().Index
	f.Close()
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fix.Store = f
	want(t, fix.snap().Index, before)
	fix.watch(before - 1) // what happened before is not forgotten
	fix.ok(fix.set("a", "1", 0))
	want(t, fix.index("a"), before+1)
}

// filled is a file with some pages of entries.
func filled(t *testing.T) (path string, text []byte) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "store.db")
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fix := fixture{Store: f, t: t, root: "a/"}
	for i := range 40 {
		fix.ok(fix.set(fmt.Sprint(i), strings.Repeat("value ", 400), 0))
	}
	f.Close()
	text, err = os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, text
}

func TestDamagedFileIsRefusedAndKept(t *testing.T) {
	_, good := filled(t)
	page := os.Getpagesize()
	overwrite := func(from, to int) func([]byte) []byte {
		return func(b []byte) []byte {
			for i := from; i < to && i < len(b); i++ {
				b[i] ^= 0xa5
			}
			return b
		}
	}
	for _, c := range []struct {
		name   string
		says   string
		damage func([]byte) []byte
	}{
		{"empty", "is empty", func([]byte) []byte { return nil }},
		{"text", "corrupt", func([]byte) []byte { return []byte(strings.Repeat("not a database\n", 2000)) }},
		{"both first pages", "corrupt", overwrite(0, 2*page)},
		{"all but the first pages", "corrupt", overwrite(2*page, len(good))},
		{"one byte of each value", "corrupt", func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("value"), []byte("valve")) }},
		{"cut to the first pages", "corrupt", func(b []byte) []byte { return b[:2*page] }},
		{"cut short", "corrupt", func(b []byte) []byte { return b[:6*page] }},
	} {
		t.Run(c.name, func(t *testing.T) {
			bad, path := c.damage(bytes.Clone(good)), filepath.Join(t.TempDir(), "store.db")
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			f, err := OpenFile(path)
			if err == nil {
				f.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("%v does not name the file, or does not say %q", err, c.says)
			}
			left, _ := os.ReadFile(path)
			if !bytes.Equal(left, bad) {
				t.Fatal("the file was changed")
			}
		})
	}
}

// Bytes are flipped at random behind the first two pages, which bbolt itself
// guards. What is opened all the same must be what was written; only an entry that
// a page no longer counts is not missed, since nothing in the file says how many
// there are.
func TestRandomDamage(t *testing.T) {
	_, good := filled(t)
	dir, first := t.TempDir(), 2*os.Getpagesize()
	refused, rand := 0, rand.New(rand.NewPCG(1, 2))
	for i := range 150 {
		bad := bytes.Clone(good)
		for range 1 + rand.IntN(4) {
			bad[first+rand.IntN(len(bad)-first)] ^= byte(1 + rand.IntN(255))
		}
		// Another file each time: bbolt keeps the lock if it panics while opening.
		path := filepath.Join(dir, strconv.Itoa(i))
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := OpenFile(path)
		if err != nil {
			refused++
			continue
		}
		snap := fixture{Store: f, t: t, root: "a/"}.snap()
		f.Close()
		for _, e := range snap.Entries {
			want(t, string(e.Value), strings.Repeat("value ", 400))
		}
	}
	if refused == 0 {
		t.Fatal("no damage was seen")
	}
}

func TestFileOfAnotherProgram(t *testing.T) {
	dir := t.TempDir()
	theirs := filepath.Join(dir, "theirs.db")
	db, _ := bbolt.Open(theirs, 0o600, nil)
	_ = db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucket([]byte("theirs"))
		return err
	})
	db.Close()
	if _, err := OpenFile(theirs); err == nil || !strings.Contains(err.Error(), "another program") {
		t.Errorf("got %v, want that it belongs to another program", err)
	}
	if _, err := OpenFile(dir); err == nil {
		t.Error("a folder was opened")
	}
	if _, err := OpenFile(filepath.Join(dir, "none", "store.db")); err == nil {
		t.Error("a file was made in a folder that is not there")
	}
}

func TestFullDisk(t *testing.T) {
	f, err := openFile(filepath.Join(t.TempDir(), "store.db"), fileOptions{maxWait: time.Second, maxSize: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fix := fixture{Store: f, t: t, root: "a/"}
	fix.ok(fix.set("small", "1", 0))
	full := f.Commit(t.Context(), NewTx(fix.set("big", strings.Repeat("x", 300<<10), 0), fix.set("small", "2", fix.index("small"))))
	plain(t, full, f.db.Path())
	want(t, fix.value("small")+fix.value("big"), "1(none)")
	fix.ok(fix.set("small", "3", fix.index("small")))
}

func TestClosedFile(t *testing.T) {
	f := tempFile(t)
	fix := fixture{Store: f, t: t, root: "a/"}
	fix.ok(fix.set("a", "1", 0))
	index := fix.snap().Index
	woken := make(chan error, 1)
	go func() {
		_, err := f.Watch(t.Context(), "a/", index)
		woken <- err
	}()
	f.news.close() // as Close does first: the watch must not read once more
	if err := <-woken; err == nil {
		t.Error("a watch went on after the file was closed")
	}
	f.Close()
	if err := f.Commit(t.Context(), NewTx(fix.set("b", "1", 0))); err == nil || errors.Is(err, ErrConflict) {
		t.Errorf("commit: %v", err)
	}
	if _, err := f.Read(t.Context(), "a/"); err == nil {
		t.Error("read went on after the file was closed")
	}
}

func TestWatchGivesUpInTime(t *testing.T) {
	f := tempFile(t)
	f.maxWait = 20 * time.Millisecond
	fix := fixture{Store: f, t: t, root: "a/"}
	fix.ok(fix.set("a", "1", 0))
	snap := fix.watch(fix.snap().Index)
	want(t, len(snap.Entries), 1)
}

// Many commits elsewhere wake a watcher for nothing, at worst, and lose it nothing.
func TestWatchFarBehind(t *testing.T) {
	f := tempFile(t)
	fix := fixture{Store: f, t: t, root: "a/"}
	fix.ok(fix.set("a", "1", 0))
	behind := fix.snap().Index
	for i := range uint64(remembered + 10) {
		f.news.publish(change{index: behind + 1 + i, keys: []string{"b/x"}})
	}
	want(t, len(fix.watch(behind).Entries), 1)
	hit, _, _ := f.news.since("a/", behind+remembered)
	want(t, hit, false)
}
