package demo

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// The router copies just the percent that the store asks for, after the answer, and
// nobody gets a copy's answer.
func TestRouterMirrors(t *testing.T) {
	var copies atomic.Int64
	v1 := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	v2 := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if text, _ := io.ReadAll(r.Body); string(text) == "ask" && r.Header.Get("X-Request-Id") == "q1" {
			copies.Add(1)
		}
		w.WriteHeader(http.StatusTeapot)
	}))
	defer v1.Close()
	defer v2.Close()
	f, err := store.OpenFile(filepath.Join(t.TempDir(), "store"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	bare := func(s *httptest.Server) []string { return []string{strings.TrimPrefix(s.URL, "http://")} }
	r, err := NewRouter(f, runbook.Routing{Router: runbook.JSONKey, Key: "w", Mirror: &runbook.Mirroring{}}, map[string][]string{"v1": bare(v1), "v2": bare(v2)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 2)
	go func() { ended <- r.Run(ctx) }()
	go func() { ended <- r.Follow(ctx) }()
	until := func(what string, ok func() bool) {
		t.Helper()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for deadline := time.Now().Add(2 * time.Minute); !ok(); <-tick.C {
			if time.Now().After(deadline) {
				t.Fatalf("waited for %s: %d copies", what, copies.Load())
			}
		}
	}
	for n, c := range []struct {
		doc  string
		want int64
	}{{`{"weights":{"v1":100}}`, 0}, {`{"weights":{"v1":100},"mirror":{"backend":"v2","percent":10}}`, 10}, {`{"weights":{"v1":100},"mirror":{"backend":"v2","percent":0}}`, 0}} {
		snap, _ := f.Read(ctx, "w")
		e, _ := snap.Get("w")
		if err := f.Commit(ctx, store.NewTx(store.Op{Verb: store.Set, Key: "w", Value: []byte(c.doc), Index: e.Index})); err != nil {
			t.Fatal(err)
		}
		var doc struct{ Mirror struct{ Percent int } }
		if err := json.Unmarshal([]byte(c.doc), &doc); err != nil {
			t.Fatal(err)
		}
		until("the document", func() bool { return r.Split() != nil && r.Mirrored("v2") == doc.Mirror.Percent })
		copies.Store(0)
		for range 100 {
			req, _ := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+r.Addr()+"/predict", strings.NewReader("ask"))
			req.Header.Set("X-Request-Id", "q1")
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK || string(text) != "ask" {
				t.Fatalf("a user got %d %q", resp.StatusCode, text)
			}
		}
		until("the copies", func() bool { return copies.Load() == c.want })
		if n > 0 && r.Copies() != 10 {
			t.Errorf("counts %d copies", r.Copies())
		}
	}
	stop()
	for range 2 {
		if err := <-ended; err != nil && ctx.Err() == nil {
			t.Error(err)
		}
	}
}
