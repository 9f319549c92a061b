package store

import (
	"errors"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"
)

// model is what a store should be: a map, and an index that grows.
type model struct {
	index   uint64
	entries map[string]Entry
}

func (m *model) commit(ops []Op) error {
	next, changed := m.index+1, false
	after := make(map[string]Entry)
	for k, e := range m.entries {
		after[k] = e
	}
	for _, op := range ops {
		old, exists := m.entries[op.Key]
		if old.Index != op.Index {
			return ErrConflict
		}
		switch {
		case op.Verb == Set && (!exists || string(old.Value) != string(op.Value)):
			after[op.Key], changed = Entry{op.Key, op.Value, next}, true
		case op.Verb == Delete && exists:
			delete(after, op.Key)
			changed = true
		}
	}
	if changed {
		m.index, m.entries = next, after
	}
	return nil
}

// op draws an operation, most of them at the index that the key is at.
func (m *model) op(t *rapid.T, key string) Op {
	op := Op{
		Verb:  Verb(rapid.IntRange(int(Set), int(Check)).Draw(t, "verb")),
		Key:   key,
		Value: []byte(rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "value")),
		Index: m.entries[key].Index,
	}
	if rapid.IntRange(0, 5).Draw(t, "off") == 0 {
		op.Index = rapid.Uint64Range(0, m.index+1).Draw(t, "index")
	}
	return op
}

func TestFileIsLikeAMap(t *testing.T) {
	dir := t.TempDir()
	keys := []string{"a", "a/1", "a/2", "b/1", "b/2"}
	runs := 0
	rapid.Check(t, func(t *rapid.T) {
		runs++
		path := filepath.Join(dir, NewTx().ID)
		f, err := OpenFile(path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { f.Close() }()
		m := &model{index: 1, entries: map[string]Entry{}}
		t.Repeat(map[string]func(*rapid.T){
			"commit": func(t *rapid.T) {
				var ops []Op
				for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom(keys), 1, 4, rapid.ID).Draw(t, "keys") {
					ops = append(ops, m.op(t, key))
				}
				got, want := f.Commit(t.Context(), NewTx(ops...)), m.commit(ops)
				if errors.Is(got, ErrConflict) != (want != nil) || (got == nil) != (want == nil) {
					t.Fatalf("got %v, want %v", got, want)
				}
			},
			"open again": func(t *rapid.T) {
				f.Close()
				if f, err = OpenFile(path); err != nil {
					t.Fatal(err)
				}
			},
			"": func(t *rapid.T) { m.compare(t, f) },
		})
	})
	if runs == 0 {
		t.Fatal("nothing was run")
	}
}

func (m *model) compare(t *rapid.T, f *File) {
	snap, err := f.Read(t.Context(), "a", "b/")
	if err != nil {
		t.Fatal(err)
	}
	if snap.Index != m.index || len(snap.Entries) != len(m.entries) {
		t.Fatalf("got %v, want %v", snap, m)
	}
	for _, e := range snap.Entries {
		w := m.entries[e.Key]
		if e.Index != w.Index || string(e.Value) != string(w.Value) {
			t.Fatalf("got %v, want %v", e, w)
		}
	}
}
