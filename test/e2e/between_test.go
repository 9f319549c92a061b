package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"testing"
)

// What a between does to the acting transaction.
type deed int

const (
	pass       deed = iota
	loseAnswer      // Consul applies it, and its answer never arrives
	refuse          // it never reaches Consul
	otherFirst      // something else happens a moment before it reaches Consul
	otherThen       // something else happens before Consul's answer comes back
)

// A between stands between the daemons and Consul and looks for one transaction: the
// one that writes the router's weights by check-and-set. It does its deed once, to the
// first such transaction after it was armed, and counts those that Consul applied.
type between struct {
	t       *testing.T
	addr    string
	key     string // the router's
	forward http.Handler

	mu      sync.Mutex
	armed   deed
	met     int
	applied int      // transactions on the key that Consul applied since then
	keys    []string // that the newest of them writes
	other   func()   // for otherFirst and otherThen
}

// newBetween starts one in front of Consul at target.
func newBetween(t *testing.T, target, key string) *between {
	b := &between{t: t, key: key}
	b.forward = &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: target}) },
		FlushInterval: -1,
		ErrorHandler:  func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	srv := httptest.NewServer(b)
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	b.addr = srv.Listener.Addr().String()
	return b
}

// arm has the deed done to the next transaction on the router's key.
func (b *between) arm(d deed, other func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.armed, b.other, b.met, b.applied = d, other, 0, 0
}

// seen is how often the deed was done, and how many transactions were applied.
func (b *between) seen() (met, applied int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.met, b.applied
}

// ServeHTTP passes everything but the one transaction.
func (b *between) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/v1/txn" {
		b.forward.ServeHTTP(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	keys := written(body)
	if !slices.Contains(keys, b.key) {
		b.forward.ServeHTTP(w, r)
		return
	}
	b.mu.Lock()
	b.keys = keys
	b.mu.Unlock()
	answer, deed := httptest.NewRecorder(), b.take()
	switch deed {
	case refuse:
		panic(http.ErrAbortHandler)
	case otherFirst:
		b.other()
	}
	b.forward.ServeHTTP(answer, r)
	if answer.Code == http.StatusOK {
		b.mu.Lock()
		b.applied++
		b.mu.Unlock()
	}
	switch deed {
	case loseAnswer:
		panic(http.ErrAbortHandler)
	case otherThen:
		b.other()
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func (b *between) take() deed {
	b.mu.Lock()
	defer b.mu.Unlock()
	d := b.armed
	if d != pass {
		b.met++
	}
	b.armed = pass
	return d
}

// wrote are the keys that the newest transaction on the router's key writes.
func (b *between) wrote() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.keys
}

// written are the keys that a transaction writes by check-and-set.
func written(body []byte) (keys []string) {
	var ops []struct {
		KV struct{ Verb, Key, Value string }
	}
	if err := json.Unmarshal(body, &ops); err != nil {
		return nil
	}
	for _, op := range ops {
		if _, err := base64.StdEncoding.DecodeString(op.KV.Value); err == nil && op.KV.Verb == "cas" {
			keys = append(keys, op.KV.Key)
		}
	}
	return keys
}
