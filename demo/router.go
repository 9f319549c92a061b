package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/actuators"
	"github.com/autorollback/autorollback/gameday"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// A Router spreads requests over the pods of each version by the weights in the
// store, which it follows by watching them.
type Router struct {
	store    store.Store
	codec    actuators.Router
	key      string
	listener net.Listener
	pods     map[string][]string // backend → addresses
	split    atomic.Pointer[record.Split]
	turn     atomic.Uint64
	client   *http.Client
	mirror   *mirroring
	records  *records // nil: none are written
}

// NewRouter listens on a loopback port. pods names the addresses of each backend.
func NewRouter(s store.Store, routing runbook.Routing, pods map[string][]string) (*Router, error) {
	codec, err := actuators.For(routing)
	if err != nil {
		return nil, fmt.Errorf("start router: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start router: %w", err)
	}
	return &Router{store: s, codec: codec, key: codec.Prefixes()[0], listener: l, pods: pods, mirror: newMirroring(), client: newClient()}, nil
}

// Addr is the router's host:port.
func (r *Router) Addr() string { return r.listener.Addr().String() }

// Address is the address of one pod of a backend; empty if it has none.
func (r *Router) Address(backend string) string {
	if len(r.pods[backend]) == 0 {
		return ""
	}
	return "http://" + r.pods[backend][0]
}

// Split is the split the router follows now.
func (r *Router) Split() record.Split {
	if s := r.split.Load(); s != nil {
		return s.Clone()
	}
	return nil
}

// Run serves until ctx ends.
func (r *Router) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for range copiers {
		g.Go(func() error { return r.mirror.run(ctx) })
	}
	g.Go(func() error { return serve(ctx, r.listener, http.HandlerFunc(r.forward)) })
	return g.Wait()
}

// Follow watches the weights until ctx ends, and then returns nil. A document that cannot
// be read, and a store that does not answer, leave the last good split in force, as real
// routers do.
func (r *Router) Follow(ctx context.Context) error {
	follow(ctx, r.store, r.key, func(snap store.Snapshot) {
		if split, err := r.codec.Decode(snap); err == nil {
			r.split.Store(&split)
		}
		r.mirrored(snap)
	})
	return nil
}

// show tells what is served, as the templates for real routers do.
func (r *Router) show(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"weights": r.Split()}) // the asker may be gone
}

func (r *Router) forward(w http.ResponseWriter, req *http.Request) {
	pods := r.pods[r.pick()]
	if len(pods) == 0 {
		http.Error(w, "no backend", http.StatusServiceUnavailable)
		return
	}
	sendAgain := r.copyOf(req)
	pod := pods[r.turn.Add(1)%uint64(len(pods))]
	out, err := http.NewRequestWithContext(req.Context(), req.Method, "http://"+pod+req.URL.Path, req.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	out.Header = req.Header.Clone()
	one := r.records.begin(out)
	resp, err := r.client.Do(out)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	r.records.end(one, resp)
	w.Header().Set(versionHeader, resp.Header.Get(versionHeader))
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body) // the client may be gone
	sendAgain()
}

// pick draws a backend by weight.
func (r *Router) pick() string {
	split := r.Split()
	sum := split.Sum().Hundredths()
	if sum == 0 {
		return ""
	}
	n := rand.IntN(sum)
	for _, backend := range slices.Sorted(maps.Keys(split)) {
		if n -= split[backend].Hundredths(); n < 0 {
			return backend
		}
	}
	return ""
}

// watchAgain is how long a follower waits after a store that did not answer.
const watchAgain = 250 * time.Millisecond

// follow hands over what is under the prefix, first at once and then after each change,
// until ctx ends. A store that does not answer is asked again after a pause, as real
// routers and servers do: meanwhile nothing is handed over, so what was read last stays
// in force.
func follow(ctx context.Context, s store.Store, prefix string, take func(store.Snapshot)) {
	after := uint64(0)
	for ctx.Err() == nil {
		snap, err := s.Watch(ctx, prefix, after)
		if err != nil {
			after = 0 // whatever was missed is read at once
			_ = gameday.Pause(ctx, watchAgain)
			continue
		}
		after = snap.Index
		take(snap)
	}
}
