package demo

import (
	"context"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// Somebody gives v2 the encoder of v1: its pods count what they then serve as mixed.
func TestPodsCountMixedPairs(t *testing.T) {
	s, err := store.OpenFile(filepath.Join(t.TempDir(), "kv.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	routing := runbook.Routing{Router: runbook.JSONKey, Key: "routes/ranker/weights", Flags: "features/ranker/"}
	w, err := NewService(s, routing, 1)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var g errgroup.Group
	g.Go(func() error { return w.Run(ctx) })
	defer func() { stop(); _ = g.Wait() }()
	right, wrong, other := Pair{"v2", "v5"}, Pair{"v2", "v4"}, Pair{"v1", Unset}
	serve := func(index uint64, encoder string, pair Pair) {
		t.Helper()
		text := `{"schema":1,"flags":{"encoder":"` + encoder + `"}}`
		if err := s.Commit(ctx, store.NewTx(store.Op{Verb: store.Set, Key: "features/ranker/v2", Value: []byte(text), Index: index})); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(2 * time.Minute); w.Pairs()[pair] == 0; {
			if time.Now().After(deadline) {
				t.Fatalf("no %s in %v", pair, w.Pairs())
			}
			resp, err := http.Post("http://"+w.pods[3].Addr()+"/predict", "", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
		}
	}
	serve(0, "v5", right)
	if n := w.Mixed(); n != 0 {
		t.Errorf("%d mixed answers of %s", n, SayPairs(w.Pairs()))
	}
	snap, err := s.Read(ctx, "features/ranker/v2")
	if err != nil {
		t.Fatal(err)
	}
	serve(snap.Entries[0].Index, "v4", wrong)
	if n := w.Mixed(); n != w.Pairs()[wrong] || n == 0 || w.Pairs()[other] != 0 {
		t.Errorf("%d mixed answers of %s", n, SayPairs(w.Pairs()))
	}
}
