package exporters

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	promrules "github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/util/teststorage"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/sim"
	"github.com/autorollback/autorollback/verify"
)

// A pod serves one side. Its counters are those of a server, whatever an exporter calls
// them.
type pod struct {
	name, version string
	candidate     bool
	rps, errors   float64

	ok, failed, slow float64
	buckets          []float64
	born             bool
	seen             tally // of a recipe's world
}

// A source is one way to expose what pods do.
type source struct {
	name    string
	metrics string // of the runbook, two spaces in
	health  string // last_known_good.health
	bounds  []float64
	// versions are what stable and candidate are called there; empty: v1 and v2.
	versions [2]string
	scrape   func(w *world, p *pod, at time.Time)
	phases   time.Duration                                     // how far the pods' scrapes lie apart; 0: 2 s
	every    time.Duration                                     // the scrape interval; 0: that of the rules
	pods     [2]int                                            // stable and candidate pods that are to be counted; 0: 4 and 3
	recipe   *runbook.Runbook                                  // instead of metrics
	served   func(w *world, p *pod, n, bad float64, late bool) // hears of each interval's requests; late: after the onset
}

const (
	began = 6 * time.Minute // the release
	onset = 10 * time.Minute
	rps   = 120.0
	share = 0.3
)

// A world is a service with a release in flight, a Prometheus and a daemon's monitor and
// verification, on a clock that stands still between ticks.
type world struct {
	t       *testing.T
	source  source
	db      *teststorage.TestStorage
	engine  *promql.Engine
	groups  []*promrules.Group
	rnd     *rand.Rand
	runbook *runbook.Runbook
	release record.Release
	asks    rules.Questions
	prom    *verify.Prometheus
	replica *monitor.Replica
	pods    []*pod
	start   time.Time
	snap    monitor.Snapshot
	fired   map[string]time.Duration
	harm    float64         // errors of the candidate from the onset on
	rows    map[string]*row // of a recipe, by trigger
}

const rest = `
triggers:
  - {name: errors, type: error_rate, severity: severe, above: 5%, for: 4m}
  - {name: slow, type: latency_quantile, severity: severe, quantile: 0.95, increase: 60%, for: 5m}
  - {name: starved, type: canary_starved, severity: mild, for: 4m}
routing: {router: json, key: routes/ranker/weights, flags: features/ranker/}
policy: {approvers: [alice]}
verification:
  system:
    error_rate: {below: 2%}
    latency: {quantile: 0.95, tolerance: 30%}
`

// load reads the runbook of a source.
func load(t *testing.T, s source) *runbook.Runbook {
	t.Helper()
	if s.recipe != nil {
		return s.recipe
	}
	text := "schema: 1\nservice: ranker\nowner: {team: ranking, contact: \"#ranking\"}\nmetrics:\n" + s.metrics + rest
	if s.health != "" {
		text += "last_known_good: {min_pods: 2, health: " + s.health + "}\n"
	}
	rb, err := runbook.Parse(s.name+".yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return rb
}

func newWorld(t *testing.T, s source, harm float64) *world {
	t.Helper()
	if s.versions == [2]string{} {
		s.versions = [2]string{"v1", "v2"}
	}
	if s.bounds == nil {
		s.bounds = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
	}
	w := &world{t: t, source: s, db: teststorage.New(t), rnd: rand.New(rand.NewPCG(7, 7)), runbook: load(t, s), fired: map[string]time.Duration{}, harm: harm}
	p := parser.NewParser(parser.Options{})
	w.engine = promql.NewEngine(promql.EngineOpts{Logger: slog.New(slog.DiscardHandler), MaxSamples: 50_000_000,
		Timeout: time.Minute, EnableAtModifier: true, EnableNegativeOffset: true, Parser: p})
	w.loadRules(p)
	for i := range 4 {
		w.pods = append(w.pods, w.pod("ranker-stable-"+strconv.Itoa(i), false))
	}
	for i := range 3 {
		w.pods = append(w.pods, w.pod("ranker-candidate-"+strconv.Itoa(i), true))
	}
	var err error
	if w.asks, err = rules.Ask(w.runbook); err != nil {
		t.Fatal(err)
	}
	w.prom = verify.New(w, time.Minute)
	return w
}

func (w *world) pod(name string, candidate bool) *pod {
	version := w.source.versions[0]
	if candidate {
		version = w.source.versions[1]
	}
	return &pod{name: name, version: version, candidate: candidate, buckets: make([]float64, len(w.source.bounds)+1)}
}

func (w *world) loadRules(p parser.Parser) {
	w.t.Helper()
	g, err := rules.Compile(w.runbook)
	if err != nil {
		w.t.Fatal(err)
	}
	text, err := rules.Marshal([]rules.Group{g})
	if err != nil {
		w.t.Fatal(err)
	}
	file := filepath.Join(w.t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		w.t.Fatal(err)
	}
	m := promrules.NewManager(&promrules.ManagerOptions{
		NameValidationScheme: model.UTF8Validation, Context: context.Background(), Logger: slog.New(slog.DiscardHandler),
		AppendableV2: w.db, Queryable: w.db, QueryFunc: promrules.EngineQueryFunc(w.engine, w.db),
		NotifyFunc: func(context.Context, string, ...*promrules.Alert) {}, ResendDelay: time.Minute, Parser: p,
	})
	groups, errs := m.LoadGroups(w.runbook.Metrics.Interval.Std(), labels.EmptyLabels(), "", promrules.DefaultEvalIterationFunc, false, file)
	if len(errs) > 0 {
		w.t.Fatalf("%v\n%s", errs, text)
	}
	for _, g := range groups {
		w.groups = append(w.groups, g)
	}
}

// begin opens the release.
func (w *world) begin(now time.Time) {
	v := w.source.versions
	w.release = record.Release{ID: "r1", Service: "ranker", Region: runbook.DefaultRegion, Weight: 100 * share, Phase: record.Open,
		Stable: record.Side{Version: v[0]}, Candidate: record.Side{Version: v[1]}, StartedAt: now, TrafficAt: now, WeightChangedAt: now,
		Moves: []record.Move{{At: now, From: 0, To: 100 * share}}}
	w.replica = monitor.New(w, zap.NewNop()).Replica(monitor.Target{Runbook: w.runbook, Release: w.release})
}

// tick lets one interval of the rules pass: traffic, scrapes, the monitor, the rules.
func (w *world) tick(now time.Time) {
	since := now.Sub(w.start)
	if since == began {
		w.begin(now)
	}
	every := w.runbook.Metrics.Interval.Std()
	for i, p := range w.pods {
		w.serve(p, since, every)
		scrape := max(w.source.every, every)
		if phase := time.Duration(i) * every; now.Add(-phase).Truncate(scrape).Equal(now.Add(-phase)) && (!p.candidate || since >= began) {
			w.source.scrape(w, p, now.Add(-time.Duration(i)*max(w.source.phases, time.Second)))
		}
	}
	if w.replica != nil {
		snap, err := w.replica.CatchUp(w.t.Context(), now)
		if err != nil {
			w.t.Fatal(err)
		}
		w.snap = snap
		w.export(now)
	}
	for _, g := range w.groups {
		g.Eval(context.Background(), now)
		for _, r := range g.Rules() {
			if err := r.LastError(); err != nil {
				w.t.Fatalf("%s: %s: %v\n%s", since, r.Name(), err, r.Query())
			}
		}
		for _, r := range g.AlertingRules() {
			for _, a := range r.ActiveAlerts() {
				name := a.Labels.Get("trigger")
				// The first intervals after the warm-up are not counted yet: rules and monitor tick at once.
				early := name == rules.WatchdogTrigger || since < began+210*time.Second
				if _, known := w.fired[name]; !known && !early && a.State == promrules.StateFiring {
					w.fired[name] = since
				}
			}
		}
	}
}

func (w *world) serve(p *pod, since, d time.Duration) {
	stable, candidate := 1-share, share
	switch {
	case since <= began, w.release.ID != "" && w.release.Weight == 0:
		stable, candidate = 1, 0
	}
	p.rps, p.errors = rps*stable/4, 0.005
	if p.candidate {
		p.rps = rps * candidate / 3
		if since > onset {
			p.errors = max(p.errors, w.harm)
		}
	}
	n := sim.Poisson(w.rnd, p.rps*d.Seconds())
	bad := sim.Binomial(w.rnd, n, p.errors)
	p.ok, p.failed = p.ok+n-bad, p.failed+bad
	if w.source.served != nil {
		w.source.served(w, p, n, bad, since > onset)
		return
	}
	below := 0.0
	for i := range p.buckets { // log-normal around 100 ms
		upTo := 1.0
		if i < len(w.source.bounds) {
			upTo = 0.5 * math.Erfc(-math.Log(w.source.bounds[i]/0.1)/0.5/math.Sqrt2)
		}
		k := sim.Binomial(w.rnd, n, (upTo-below)/max(1-below, 1e-12))
		n, below = n-k, upTo
		p.buckets[i] += k
	}
}

// put stores a sample.
func (w *world) put(at time.Time, name string, v float64, pairs ...string) {
	w.t.Helper()
	app := w.db.Appender(context.Background())
	kept := []string{labels.MetricName, name}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			kept = append(kept, pairs[i], pairs[i+1])
		}
	}
	if _, err := app.Append(0, labels.FromStrings(kept...), at.UnixMilli(), v); err != nil {
		w.t.Fatal(err)
	}
	if err := app.Commit(); err != nil {
		w.t.Fatal(err)
	}
}

// histogram stores the buckets of a pod with the bounds as Prometheus writes them.
func (w *world) histogram(at time.Time, name string, p *pod, pairs ...string) {
	w.t.Helper()
	sum := 0.0
	for i, n := range p.buckets {
		sum += n
		le := "+Inf"
		if i < len(w.source.bounds) {
			le = labels.FormatOpenMetricsFloat(w.source.bounds[i])
		}
		w.put(at, name, sum, append(slices.Clone(pairs), "le", le)...)
	}
}

// export is what the daemon exports of the release.
func (w *world) export(now time.Time) {
	of := []string{"job", "autorollback", "service", "ranker", "region", w.release.Region, "release", "r1"}
	for side, v := range map[string]string{"stable": w.release.Stable.Version, "candidate": w.release.Candidate.Version} {
		weight := float64(w.release.Weight)
		if side == "stable" {
			weight = 100 - weight
		}
		w.put(now, rules.RoleSeries, 1, append(slices.Clone(of), "version", v, "role", side)...)
		w.put(now, rules.WeightSeries, weight, append(slices.Clone(of), "version", v)...)
	}
	for _, t := range w.runbook.Triggers {
		if s := w.significance(t.Name, now); s.Problem == "" {
			w.put(now, rules.SignificanceSeries, s.Value, append(slices.Clone(of), "trigger", t.Name)...)
		}
	}
}

func (w *world) significance(trigger string, now time.Time) record.Significance {
	every := w.runbook.Metrics.Step().Std()
	r, ok := w.snap.Results[trigger]
	switch {
	case !ok:
		return record.Significance{Problem: "warming up"}
	case now.Sub(w.snap.At) > monitor.Fresh*every+monitor.Lag(every):
		return record.Significance{Problem: "old"}
	}
	return monitor.SignificanceOf(r, w.snap.At)
}

// Query implements promapi.API.
func (w *world) Query(ctx context.Context, query string, at time.Time) (model.Value, promapi.Warnings, error) {
	if at.IsZero() {
		at = time.Now()
	}
	q, err := w.engine.NewInstantQuery(ctx, w.db, nil, query, at)
	return w.run(ctx, q, query, err)
}

// QueryRange implements promapi.API.
func (w *world) QueryRange(ctx context.Context, query string, r promapi.Range) (model.Value, promapi.Warnings, error) {
	q, err := w.engine.NewRangeQuery(ctx, w.db, nil, query, r.Start, r.End, r.Step)
	return w.run(ctx, q, query, err)
}

func (w *world) run(ctx context.Context, q promql.Query, query string, err error) (model.Value, promapi.Warnings, error) {
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %s", err, query)
	}
	defer q.Close()
	res := q.Exec(ctx)
	switch v := res.Value.(type) {
	case promql.Vector:
		out := model.Vector{}
		for _, s := range v {
			out = append(out, &model.Sample{Metric: metricOf(s.Metric), Timestamp: model.Time(s.T), Value: model.SampleValue(s.F)})
		}
		return out, nil, res.Err
	case promql.Matrix:
		out := model.Matrix{}
		for _, s := range v {
			stream := &model.SampleStream{Metric: metricOf(s.Metric)}
			for _, p := range s.Floats {
				stream.Values = append(stream.Values, model.SamplePair{Timestamp: model.Time(p.T), Value: model.SampleValue(p.F)})
			}
			out = append(out, stream)
		}
		return out, nil, res.Err
	}
	return nil, nil, fmt.Errorf("%T %w: %s", res.Value, res.Err, query)
}

func metricOf(ls labels.Labels) model.Metric {
	out := model.Metric{}
	ls.Range(func(l labels.Label) {
		out[model.LabelName(strings.Clone(l.Name))] = model.LabelValue(strings.Clone(l.Value))
	})
	return out
}
