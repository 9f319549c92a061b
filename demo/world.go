package demo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/prometheus/rules"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// Runbook and Release are the demo's files.
var (
	//go:embed demo.yaml
	Runbook []byte
	//go:embed release.yaml
	Release []byte
)

// A Service is three pods of v1, two of v2, what else it was built with, a router that
// follows the store, and traffic.
type Service struct {
	Stable, Candidate *Version
	Router            *Router
	Traffic           *Traffic
	pods              []*Pod
	store             store.Store
	flags             string // the prefix of the versions' flags; empty: there are none
}

// Well is how a good version behaves.
var Well = Behaviour{Latency: 50 * time.Millisecond, Errors: 0.002, Conversion: 0.3}

// A Kind is a model version with its pods, behind one backend of the router.
type Kind struct {
	Version *Version
	Backend string
	Pods    int
}

// NewService builds a service; nothing runs until [Service.Run]. v1 was trained with
// encoder v4, v2 with encoder v5.
func NewService(s store.Store, routing runbook.Routing, rate int, more ...Kind) (*Service, error) {
	w := &Service{Stable: NewVersion("v1", Well), Candidate: NewVersion("v2", Well), store: s, flags: routing.Flags}
	w.Stable.Encoder, w.Candidate.Encoder = "v4", "v5"
	addresses := map[string][]string{}
	for _, of := range append([]Kind{{w.Stable, "ranker-v1", 3}, {w.Candidate, "ranker-v2", 2}}, more...) {
		for range of.Pods {
			p, err := NewPod(of.Version)
			if err != nil {
				return nil, err
			}
			w.pods = append(w.pods, p)
			addresses[of.Backend] = append(addresses[of.Backend], p.Addr())
		}
	}
	var err error
	if w.Router, err = NewRouter(s, routing, addresses); err != nil {
		return nil, err
	}
	w.Traffic = &Traffic{URL: "http://" + w.Router.Addr() + "/predict", Rate: rate}
	return w, nil
}

// Targets are the host:port of every pod, for Prometheus to scrape.
func (w *Service) Targets() []string {
	var all []string
	for _, p := range w.pods {
		all = append(all, p.Addr())
	}
	return all
}

// Keep leaves so many pods of a version; the others answer nobody, neither users nor scrapes, until
// more are to be kept.
func (w *Service) Keep(v *Version, pods int) {
	for _, p := range w.pods {
		if p.version == v {
			p.gone.Store(pods <= 0)
			pods--
		}
	}
}

// Run runs everything until ctx ends.
func (w *Service) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, w.Router.records.close()) }()
	g, ctx := errgroup.WithContext(ctx)
	for _, p := range w.pods {
		g.Go(func() error { return p.Run(ctx) })
		if w.flags != "" {
			g.Go(func() error { return p.Follow(ctx, w.store, w.flags+p.version.Name) })
		}
	}
	g.Go(func() error { return w.Router.Run(ctx) })
	g.Go(func() error { return w.Router.Follow(ctx) })
	g.Go(func() error { return w.Traffic.Run(ctx) })
	return g.Wait()
}

// A World is a service with a Prometheus of its own.
type World struct {
	*Service
	Prometheus *Prometheus
	view       net.Listener
}

// Config is what a world is made of.
type Config struct {
	Dir        string           // for the TSDB; must exist
	Store      store.Store      // the router follows its weights there
	Runbook    *runbook.Runbook // its routing and interval
	Rules      []byte           // the rule file generated from it
	Prometheus net.Listener     // where Prometheus' API is served
	Daemon     string           // host:port of the daemon's /metrics
	Notify     rules.NotifyFunc // takes Prometheus' alerts
	View       net.Listener     // where the router shows what it serves; nil: nowhere
	Rate       int              // requests per second
	More       []Kind           // versions beside v1 and v2
}

// New builds a world; nothing runs until [World.Run].
func New(c Config) (*World, error) {
	s, err := NewService(c.Store, c.Runbook.Routing, c.Rate, c.More...)
	if err != nil {
		return nil, err
	}
	p, err := NewPrometheus(c.Prometheus, Settings{Dir: c.Dir, Interval: c.Runbook.Metrics.Interval.Std(), Rules: c.Rules, Notify: c.Notify,
		Jobs: map[string][]string{c.Runbook.Service: s.Targets(), "autorollback": {c.Daemon}}})
	return &World{s, p, c.View}, err
}

// Route tells the router, through the store, to send everything to one backend. It
// fails with [store.ErrConflict] if there are weights already.
func Route(ctx context.Context, s store.Store, key, backend string) error {
	doc := fmt.Sprintf(`{"schema":1,"revision":1,"weights":{%q:100}}`, backend)
	return s.Commit(ctx, store.NewTx(store.Op{Verb: store.Set, Key: key, Value: []byte(doc)}))
}

// Encode tells the servers of a version, through the store, which encoder they are fed
// by, as whatever deployed them did. It fails with [store.ErrConflict] if they have flags
// already.
func Encode(ctx context.Context, s store.Store, key, encoder string) error {
	doc := fmt.Sprintf(`{"schema":1,"flags":{"encoder":%q},"serving":true}`, encoder)
	return s.Commit(ctx, store.NewTx(store.Op{Verb: store.Set, Key: key, Value: []byte(doc)}))
}

// Run runs everything until ctx ends.
func (w *World) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.Service.Run(ctx) })
	g.Go(func() error { return w.Prometheus.Run(ctx) })
	if w.view != nil {
		g.Go(func() error { return serve(ctx, w.view, http.HandlerFunc(w.Router.show)) })
	}
	return g.Wait()
}

// DrillRunbook is the demo's runbook with the triggers on data as well.
func DrillRunbook() []byte {
	metrics := `  features: {nulls: feature_nulls_total, rows: feature_rows_total, label: feature}
  schema: {mismatches: schema_mismatches_total}
  distributions:
    - {name: score, histogram: model_score, kind: classic, buckets: [.1, .2, .3, .4, .5, .6, .7, .8, .9]}
`
	triggers := `  - {name: missing-features, type: null_spike, severity: severe, by: 5%, for: 10s}
  - {name: schema-mismatch, type: schema_mismatch, severity: severe, above: 1%, for: 10s}
  - {name: score-shift, type: distribution_shift, severity: mild, distribution: score, distance: 10%, for: 20s}
`
	// A blank line stands before both sections.
	text := strings.Replace(string(Runbook), "\ntriggers:\n", metrics+"\ntriggers:\n", 1)
	return []byte(strings.Replace(text, "\nrouting:\n", triggers+"\nrouting:\n", 1))
}
