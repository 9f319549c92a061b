package demo

import (
	"bytes"
	"context"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/autorollback/autorollback/store"
)

// mirroring copies requests as the store says: so many in a hundred, by count, as
// Traefik does, and after the user has the answer. The copies' answers are thrown away.
type mirroring struct {
	shares atomic.Pointer[map[string]int] // percent by backend
	seen   atomic.Int64                   // requests since the share changed
	sent   atomic.Int64
	queue  chan func(context.Context)
}

// copiers is how many copies are under way at most; of more that wait than a queue's
// length the newest is lost.
const copiers = 16

func newMirroring() *mirroring {
	return &mirroring{queue: make(chan func(context.Context), 1024)}
}

// follow takes the percents out of the store's tree; one without a mirror has none.
func (m *mirroring) follow(shares map[string]int) {
	if old := m.shares.Load(); old != nil && maps.Equal(*old, shares) {
		return
	}
	m.seen.Store(0)
	m.shares.Store(&shares)
}

func (m *mirroring) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case send := <-m.queue:
			send(ctx)
		}
	}
}

// Copies is how many requests were copied.
func (r *Router) Copies() int64 { return r.mirror.sent.Load() }

// Mirrored is the percent that the router copies to a backend now.
func (r *Router) Mirrored(backend string) int {
	if shares := r.mirror.shares.Load(); shares != nil {
		return (*shares)[backend]
	}
	return 0
}

// copyOf keeps what must be sent again, and returns what sends it.
func (r *Router) copyOf(req *http.Request) func() {
	shares := r.mirror.shares.Load()
	if shares == nil {
		return func() {}
	}
	var to []string
	n := r.mirror.seen.Add(1)
	for _, backend := range slices.Sorted(maps.Keys(*shares)) {
		share := int64((*shares)[backend])
		if n*share/100 > (n-1)*share/100 && len(r.pods[backend]) > 0 {
			to = append(to, backend)
		}
	}
	if len(to) == 0 {
		return func() {}
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return func() {}
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	method, path, header := req.Method, req.URL.Path, req.Header.Clone()
	return func() {
		for _, backend := range to {
			send := func(ctx context.Context) { r.sendCopy(ctx, backend, method, path, header, body) }
			select {
			case r.mirror.queue <- send:
			default:
			}
		}
	}
}

func (r *Router) sendCopy(ctx context.Context, backend, method, path string, header http.Header, body []byte) {
	pods := r.pods[backend]
	out, err := http.NewRequestWithContext(ctx, method, "http://"+pods[r.turn.Add(1)%uint64(len(pods))]+path, bytes.NewReader(body))
	if err != nil {
		return
	}
	out.Header = header
	r.mirror.sent.Add(1)
	resp, err := r.client.Do(out)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // nobody gets a copy's answer
}

// mirrored reads the percents; a tree that lays out none has none.
func (r *Router) mirrored(snap store.Snapshot) {
	shares, err := r.codec.Mirrored(snap)
	if err != nil {
		return // as with the split: the last good one stays
	}
	r.mirror.follow(shares)
}
