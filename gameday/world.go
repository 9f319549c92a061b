package gameday

import (
	"context"
	_ "embed"
	"fmt"
	"net"
	"time"

	"github.com/prometheus/prometheus/rules"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// DemoRunbook and DemoRelease are the demo's files.
var (
	//go:embed demo.yaml
	DemoRunbook []byte
	//go:embed release.yaml
	DemoRelease []byte
)

// A World is three pods of v1, two of v2, a router, traffic and a Prometheus.
type World struct {
	Stable, Candidate *Version
	Router            *Router
	Traffic           *Traffic
	Prometheus        *Prometheus
	pods              []*Pod
}

// Well is how a good version behaves.
var Well = Behaviour{Latency: 20 * time.Millisecond, Errors: 0.002, Conversion: 0.3}

// Config is what a world is made of.
type Config struct {
	Dir        string           // for the TSDB; must exist
	Store      store.Store      // the router follows its weights there
	Runbook    *runbook.Runbook // its routing and interval
	Rules      []byte           // the rule file generated from it
	Prometheus net.Listener     // where Prometheus' API is served
	Daemon     string           // host:port of the daemon's /metrics
	Notify     rules.NotifyFunc // takes Prometheus' alerts
	Rate       int              // requests per second
}

// New builds a world; nothing runs until [World.Run].
func New(c Config) (*World, error) {
	w := &World{Stable: NewVersion("v1", Well), Candidate: NewVersion("v2", Well)}
	addresses := map[string][]string{}
	for _, of := range []struct {
		version *Version
		backend string
		count   int
	}{{w.Stable, "ranker-v1", 3}, {w.Candidate, "ranker-v2", 2}} {
		for range of.count {
			p, err := NewPod(of.version)
			if err != nil {
				return nil, err
			}
			w.pods = append(w.pods, p)
			addresses[of.backend] = append(addresses[of.backend], p.Addr())
		}
	}
	var err error
	if w.Router, err = NewRouter(c.Store, c.Runbook.Routing, addresses); err != nil {
		return nil, err
	}
	w.Traffic = &Traffic{URL: "http://" + w.Router.Addr() + "/predict", Rate: c.Rate}
	w.Prometheus, err = NewPrometheus(c.Prometheus, Settings{Dir: c.Dir, Interval: c.Runbook.Metrics.Interval.Std(), Rules: c.Rules, Notify: c.Notify,
		Jobs: map[string][]string{"ranker": append(addresses["ranker-v1"], addresses["ranker-v2"]...), "autorollback": {c.Daemon}}})
	return w, err
}

// Route tells the router, through the store, to send everything to one backend.
func Route(ctx context.Context, s store.Store, key, backend string) error {
	doc := fmt.Sprintf(`{"schema":1,"revision":1,"weights":{%q:100}}`, backend)
	return s.Commit(ctx, store.NewTx(store.Op{Verb: store.Set, Key: key, Value: []byte(doc)}))
}

// Run runs everything until ctx ends.
func (w *World) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, p := range w.pods {
		g.Go(func() error { return p.Run(ctx) })
	}
	g.Go(func() error { return w.Router.Run(ctx) })
	g.Go(func() error { return w.Router.Follow(ctx) })
	g.Go(func() error { return w.Prometheus.Run(ctx) })
	g.Go(func() error { return w.Traffic.Run(ctx) })
	return g.Wait()
}
