package ofrep

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/store"
)

// A fickle is a store of one document that may not answer, and whose watches may sleep.
type fickle struct {
	mu     sync.Mutex
	down   bool
	deaf   bool // watches hear of nothing
	text   string
	index  uint64
	change chan struct{}
}

func (f *fickle) set(change func(*fickle)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
	f.index++
	close(f.change)
	f.change = make(chan struct{})
}

func (f *fickle) snapshot() (store.Snapshot, chan struct{}, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return store.Snapshot{}, f.change, errors.New("no cluster leader")
	}
	return store.Snapshot{Index: f.index, Entries: []store.Entry{{Key: prefix + "v2", Value: []byte(f.text), Index: f.index}}}, f.change, nil
}

func (f *fickle) Read(context.Context, ...string) (store.Snapshot, error) {
	snap, _, err := f.snapshot()
	return snap, err
}

func (f *fickle) Watch(ctx context.Context, _ string, after uint64) (store.Snapshot, error) {
	for {
		snap, change, err := f.snapshot()
		f.mu.Lock()
		deaf := f.deaf
		f.mu.Unlock()
		if err != nil || snap.Index > after && !deaf {
			return snap, err
		}
		select {
		case <-change:
		case <-ctx.Done():
			return store.Snapshot{}, ctx.Err()
		}
	}
}

func (f *fickle) Commit(context.Context, store.Tx) error { return errors.New("never") }

// What the store says is served at once; once the store does not answer, the last known is, and
// says that it is stale; and what changed meanwhile is there as soon as the store is back.
func TestMemoryFollowsTheStore(t *testing.T) {
	for name, deaf := range map[string]bool{"by its watch": false, "though its watch sleeps": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := &fickle{text: `{"flags":{"encoder":"v5"}}`, index: 1, deaf: deaf, change: make(chan struct{})}
				target := Target{Service: "ranker", Region: "default", Prefix: prefix, Store: st}
				m := NewMemory(func() []Target { return []Target{target} }, zap.NewNop())
				ctx, stop := context.WithCancel(t.Context())
				done := make(chan error)
				go func() { done <- m.Run(ctx) }()
				want := func(after time.Duration, value, reason string) {
					t.Helper()
					time.Sleep(after)
					synctest.Wait()
					if e := m.View(target).Evaluate("v2", "encoder", time.Now()); e.Value != value || e.Reason != reason {
						t.Errorf("%v %s, want %s %s", e.Value, e.Reason, value, reason)
					}
				}
				soon := time.Millisecond
				if deaf {
					soon = refreshEvery
				}
				want(soon, "v5", Match)
				st.set(func(f *fickle) { f.text = `{"flags":{"encoder":"v4"},"quarantined":true}` })
				want(soon, "v4", Match)
				st.set(func(f *fickle) { f.down = true })
				want(StaleAfter-refreshEvery, "v4", Match)
				want(2*refreshEvery, "v4", Stale)
				want(time.Hour, "v4", Stale)
				st.set(func(f *fickle) { f.down, f.text = false, `{"flags":{"encoder":"v6"}}` })
				want(refreshEvery, "v6", Match)
				stop()
				if err := <-done; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// An answer that was asked for before something newer came is not put over it.
func TestNothingOlderIsTaken(t *testing.T) {
	m := NewMemory(nil, zap.NewNop())
	target := Target{Service: "ranker", Prefix: prefix}
	entries := func(encoder string) []store.Entry {
		return []store.Entry{{Key: prefix + "v2", Value: []byte(`{"flags":{"encoder":"` + encoder + `"}}`)}}
	}
	old, before := m.changes(target), time.Now()
	if !m.take(target, m.changes(target), entries("v4"), time.Now()) || m.take(target, old, entries("v5"), before) {
		t.Error("the older answer was taken, or the newer was not")
	}
	if got := m.View(target).Documents["v2"].Flags["encoder"]; got != "v4" {
		t.Errorf("the encoder is %v", got)
	}
	if !m.take(target, m.changes(target), entries("v4"), time.Now()) {
		t.Error("an equal answer is not taken as a newer moment")
	}
}

// A service that is taken away is forgotten, and its watch ends.
func TestForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &fickle{text: `{"flags":{"encoder":"v5"}}`, index: 1, change: make(chan struct{})}
		target := Target{Service: "ranker", Prefix: prefix, Store: st}
		var mu sync.Mutex
		targets := []Target{target}
		m := NewMemory(func() []Target { mu.Lock(); defer mu.Unlock(); return targets }, zap.NewNop())
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- m.Run(ctx) }()
		time.Sleep(time.Second)
		mu.Lock()
		targets = nil
		mu.Unlock()
		time.Sleep(refreshEvery)
		synctest.Wait()
		if v := m.View(target); !v.ReadAt.IsZero() || len(v.Documents) > 0 {
			t.Errorf("still known: %+v", v)
		}
		stop()
		<-done
	})
}

func TestDocuments(t *testing.T) {
	docs := Documents([]store.Entry{
		{Key: prefix, Value: []byte(`{}`)}, {Key: prefix + "a/b", Value: []byte(`{}`)}, {Key: prefix + "list", Value: []byte(`{"flags":[1]}`)},
		{Key: prefix + "v1", Value: []byte(`{"flags":{"a":true,"b":[1],"c":null,"d":1.5},"note":"by hand"}`)},
	}, prefix)
	if len(docs) != 2 || len(docs["v1"].Flags) != 2 || docs["v1"].Problem != "" || !strings.Contains(docs["list"].Problem, "no JSON document of flags") {
		t.Errorf("got %+v", docs)
	}
}

// A request is answered without the store, so its price is that of a few maps.
func BenchmarkEvaluate(b *testing.B) {
	m := NewMemory(nil, zap.NewNop())
	target := Target{Service: "ranker", Region: "default", Prefix: prefix}
	m.take(target, 0, []store.Entry{{Key: prefix + "v2", Value: []byte(`{"flags":{"encoder":"v5"}}`)}}, time.Now())
	m.targets = func() []Target { return []Target{target} }
	h := handler{memory: m, requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "x"}, []string{"code"})}
	for b.Loop() {
		r := httptest.NewRequest(http.MethodPost, "/ofrep/v1/evaluate/flags/encoder", strings.NewReader(`{"context":{"service":"ranker","version":"v2"}}`))
		r.SetPathValue("key", "encoder")
		w := httptest.NewRecorder()
		if h.one(w, r); w.Code != http.StatusOK {
			b.Fatal(w.Body)
		}
	}
}
