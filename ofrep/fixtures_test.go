package ofrep

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/bearer"
	"github.com/autorollback/autorollback/store"
)

const (
	token  = "a-token-of-at-least-thirty-two-bytes"
	prefix = "features/ranker/"
)

// open is a store in a file, with v1 that serves and v2 that was rolled back.
func open(t *testing.T) *store.File {
	t.Helper()
	st, err := store.OpenFile(filepath.Join(t.TempDir(), "kv.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	set(t, st, "v1", `{"schema":1,"bundle":"sha256:aa","flags":{"encoder":"v4","depth":4,"new":true},"serving":true}`)
	set(t, st, "v2", `{"schema":1,"bundle":"sha256:bb","flags":{"encoder":"v4","new":false},"serving":false,"quarantined":true}`)
	return st
}

func set(t *testing.T, st store.Store, version, text string) {
	t.Helper()
	snap, err := st.Read(t.Context(), prefix+version)
	if err != nil {
		t.Fatal(err)
	}
	en, _ := snap.Get(prefix + version)
	if err := st.Commit(t.Context(), store.NewTx(store.Op{Verb: store.Set, Key: prefix + version, Value: []byte(text), Index: en.Index})); err != nil {
		t.Fatal(err)
	}
}

// memoryOf keeps the ranker's documents, and was filled once.
func memoryOf(t *testing.T, st store.Store, more ...Target) *Memory {
	t.Helper()
	targets := append([]Target{{Service: "ranker", Region: "default", Prefix: prefix, Store: st}}, more...)
	m := NewMemory(func() []Target { return targets }, zap.NewNop())
	m.refresh(t.Context(), targets)
	return m
}

func handlerOf(t *testing.T, m *Memory) http.Handler {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tokens, err := bearer.Open(file, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	return Handler(m, tokens, prometheus.NewRegistry())
}

// ask sends a request with the token; headers are pairs.
func ask(h http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	for n := 0; n < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
