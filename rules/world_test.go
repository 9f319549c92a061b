package rules

import (
	"context"
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
	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	promrules "github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/teststorage"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/sim"
)

// A world is traffic on the pods of some services, scraped into a real TSDB and
// judged by the real rule engine, on a virtual clock.
type world struct {
	tb       testing.TB
	db       *teststorage.TestStorage
	engine   *promql.Engine
	groups   []*promrules.Group
	interval time.Duration
	start    time.Time
	now      time.Time
	rnd      *rand.Rand
	pods     []*pod
	daemons  int
	// role says which part a version plays in a region now; empty: none.
	role func(p *pod, since time.Duration) (role, release string)
	file string
	// weight is the share in percent that a version should get now.
	weight func(p *pod, since time.Duration) float64
	// proves is the significance that the daemon tells of a trigger now; 0: it tells none.
	proves   func(trigger string, since time.Duration) float64
	runbooks []*runbook.Runbook
	weighed  float64 // the candidate's weight at the last tick
	moved    time.Time
	opened   map[string]time.Time // the gates of lasting triggers
	// called are other names of the labels that pods carry, by ours.
	called map[string]string

	exported map[string]export
}

// A pod serves one version of one service. Its rates may change over time.
type pod struct {
	service, region, version, name string
	rps                            func(since time.Duration) float64
	errors                         func(since time.Duration) float64
	slower                         func(since time.Duration) float64 // factor on every latency
	converts                       func(since time.Duration) float64
	trials                         float64 // share of requests that are trials
	native                         bool
	silent                         func(since time.Duration) bool // not scraped

	extras []*extra
	// expose puts other series than those of the ranker, with all their labels.
	expose func(put func(v float64, pairs ...string), since time.Duration)

	ok, failed, tried, converted float64
	buckets                      []float64
	hist                         *histogram.FloatHistogram
}

var bounds = sim.Bounds

func constant(v float64) func(time.Duration) float64 { return func(time.Duration) float64 { return v } }

func newPod(service, version, name string, rps float64) *pod {
	return &pod{
		service: service, region: "default", version: version, name: name, rps: constant(rps), trials: 1,
		errors: constant(0.005), slower: constant(1), converts: constant(0.1),
		silent: func(time.Duration) bool { return false }, buckets: make([]float64, len(bounds)+1),
	}
}

// fleet is a release: stable pods v1 and candidate pods v2 with a share of the traffic.
func fleet(service string, stable, candidates int, rps, share float64) []*pod {
	var out []*pod
	for i := range stable {
		out = append(out, newPod(service, "v1", service+"-s"+strconv.Itoa(i), rps*(1-share)/float64(stable)))
	}
	for i := range candidates {
		out = append(out, newPod(service, "v2", service+"-c"+strconv.Itoa(i), rps*share/float64(candidates)))
	}
	return out
}

func (p *pod) candidate() bool { return p.version == "v2" }

func usualRole(p *pod, _ time.Duration) (string, string) {
	if p.candidate() {
		return "candidate", "r1"
	}
	return "stable", "r1"
}

func newWorld(tb testing.TB, seed uint64, pods []*pod, runbooks ...*runbook.Runbook) *world {
	tb.Helper()
	w := &world{
		tb: tb, db: teststorage.New(tb), interval: runbooks[0].Metrics.Interval.Std(),
		start: time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC), rnd: rand.New(rand.NewPCG(seed, 1)),
		pods: pods, daemons: 1, role: usualRole, weight: func(*pod, time.Duration) float64 { return 50 }, exported: map[string]export{},
		proves: provedFrom(onset), runbooks: runbooks, opened: map[string]time.Time{},
	}
	w.now = w.start
	p := parser.NewParser(parser.Options{})
	w.engine = promql.NewEngine(promql.EngineOpts{
		Logger: slog.New(slog.DiscardHandler), MaxSamples: 50_000_000, Timeout: time.Minute,
		EnableAtModifier: true, EnableNegativeOffset: true, Parser: p,
	})
	var groups []Group
	for _, rb := range runbooks {
		g, err := Compile(rb)
		if err != nil {
			tb.Fatal(err)
		}
		groups = append(groups, g)
	}
	text, err := Marshal(groups)
	if err != nil {
		tb.Fatal(err)
	}
	w.file = filepath.Join(tb.TempDir(), "rules.yml")
	if err := os.WriteFile(w.file, text, 0o600); err != nil {
		tb.Fatal(err)
	}
	w.load()
	return w
}

// load starts a rule manager with no memory, as a restarted Prometheus does.
func (w *world) load() {
	w.tb.Helper()
	m := promrules.NewManager(&promrules.ManagerOptions{
		NameValidationScheme: model.UTF8Validation, Context: context.Background(), Logger: slog.New(slog.DiscardHandler),
		AppendableV2: w.db, Queryable: w.db, QueryFunc: promrules.EngineQueryFunc(w.engine, w.db),
		NotifyFunc: func(context.Context, string, ...*promrules.Alert) {}, ResendDelay: time.Minute,
		Parser: parser.NewParser(parser.Options{}),
	})
	groups, errs := m.LoadGroups(w.interval, labels.EmptyLabels(), "", promrules.DefaultEvalIterationFunc, false, w.file)
	if len(errs) > 0 {
		w.tb.Fatal(errs)
	}
	w.groups = nil
	for _, g := range groups {
		w.groups = append(w.groups, g)
	}
}

// tick lets one interval pass: traffic, scrape, evaluation.
func (w *world) tick() {
	w.now = w.now.Add(w.interval)
	since := w.now.Sub(w.start)
	w.weigh(since)
	app := w.db.Appender(context.Background())
	for i, p := range w.pods {
		p.serve(w.rnd, since, w.interval)
		if !p.silent(since) {
			// Pods are not scraped all at once.
			p.scrape(w, app, w.now.Add(-w.interval*time.Duration(i%5)/8))
		}
	}
	w.export(app, since)
	if err := app.Commit(); err != nil {
		w.tb.Fatal(err)
	}
	for _, g := range w.groups {
		g.Eval(context.Background(), w.now)
		for _, r := range g.Rules() {
			if err := r.LastError(); err != nil {
				w.tb.Fatalf("%s: %s: %v", since, r.Name(), err)
			}
		}
	}
}

func (p *pod) serve(rnd *rand.Rand, since, d time.Duration) {
	n := sim.Poisson(rnd, p.rps(since)*d.Seconds())
	bad := sim.Binomial(rnd, n, p.errors(since))
	p.ok, p.failed = p.ok+n-bad, p.failed+bad
	trials := n * p.trials
	p.tried += trials
	orders := sim.Binomial(rnd, trials, p.converts(since))
	p.converted += orders
	for _, e := range p.extras {
		e.serve(rnd, n, since)
	}
	// Log-normal latencies around 100 ms, P95 about 228 ms.
	factor := p.slower(since)
	if p.native {
		for range int(n) {
			p.observe(0.1 * factor * math.Exp(0.5*rnd.NormFloat64()))
		}
		return
	}
	below := 0.0
	for i := range p.buckets {
		share := 1.0
		if i < len(bounds) {
			share = 0.5 * math.Erfc(-math.Log(bounds[i]/(0.1*factor))/0.5/math.Sqrt2)
		}
		k := sim.Binomial(rnd, n, (share-below)/max(1-below, 1e-12))
		n, below = n-k, share
		p.buckets[i] += k
	}
}

// observe puts a value into a native histogram of schema 3.
func (p *pod) observe(v float64) {
	if p.hist == nil {
		p.hist = &histogram.FloatHistogram{Schema: 3, ZeroThreshold: 1e-9,
			PositiveSpans: []histogram.Span{{Offset: -80, Length: 160}}, PositiveBuckets: make([]float64, 160)}
	}
	i := int(math.Ceil(math.Log2(v)*8)) + 80
	p.hist.PositiveBuckets[min(max(i, 0), 159)]++
	p.hist.Count++
	p.hist.Sum += v
}

func (p *pod) scrape(w *world, app storage.Appender, at time.Time) {
	if p.expose != nil {
		p.expose(func(v float64, pairs ...string) { w.append(app, at, v, pairs...) }, since(w, at))
		return
	}
	put := func(name string, v float64, more ...string) {
		pairs := append([]string{"__name__", name, "job", p.service, "instance", p.name,
			"version", p.version, "dc", p.region, "track", map[bool]string{true: "canary", false: "main"}[p.candidate()]}, more...)
		for i := 0; i < len(pairs); i += 2 {
			if other := w.called[pairs[i]]; other != "" {
				pairs[i] = other
			}
		}
		w.append(app, at, v, pairs...)
	}
	put("requests_total", p.ok, "code", "200")
	if p.failed > 0 {
		put("requests_total", p.failed, "code", "503")
	}
	put("trials_total", p.tried)
	if p.converted > 0 {
		put("conversions_total", p.converted)
	}
	put("model_ready", 1)
	for _, e := range p.extras {
		e.scrape(put, since(w, at))
	}
	if p.native {
		if p.hist != nil {
			ls := labels.FromStrings("__name__", "latency_seconds", "job", p.service, "instance", p.name, "version", p.version, "dc", p.region)
			if _, err := app.AppendHistogram(0, ls, at.UnixMilli(), nil, p.hist.Copy()); err != nil {
				w.tb.Fatal(err)
			}
		}
		return
	}
	sum := 0.0
	for i, n := range p.buckets {
		sum += n
		le := "+Inf"
		if i < len(bounds) {
			le = strconv.FormatFloat(bounds[i], 'g', -1, 64)
		}
		put("latency_seconds_bucket", sum, "le", le)
	}
}

// export is what the daemons say about releases.
func (w *world) export(app storage.Appender, since time.Duration) {
	for d := range w.daemons {
		seen := map[string]bool{}
		for _, p := range w.pods {
			role, release := w.role(p, since)
			key := p.service + p.region + p.version
			if role == "" || seen[key] {
				continue
			}
			seen[key] = true
			ls := []string{"job", "autorollback", "instance", "daemon" + strconv.Itoa(d), "service", p.service, "region", p.region, "version", p.version, "release", release}
			for _, e := range []export{
				{append(slices.Clone(ls), "__name__", "autorollback_release_role", "role", role), w.now, 1},
				{append(slices.Clone(ls), "__name__", "autorollback_weight"), w.now, w.weight(p, since)},
			} {
				w.exported[strings.Join(e.labels, " ")] = e
			}
			w.significance(d, p, release, since)
		}
	}
	for key, e := range w.exported {
		if e.at.Before(w.now) { // a scrape that misses a series marks it stale
			e.value = math.Float64frombits(value.StaleNaN)
			delete(w.exported, key)
		}
		w.append(app, w.now, e.value, e.labels...)
	}
}

type export struct {
	labels []string
	at     time.Time
	value  float64
}

func (w *world) append(app storage.Appender, at time.Time, v float64, pairs ...string) {
	if _, err := app.Append(0, labels.FromStrings(pairs...), at.UnixMilli(), v); err != nil {
		w.tb.Fatal(err)
	}
}

// firing names the alerts that fire now, without the watchdog, sorted.
func (w *world) firing() []string {
	var out []string
	for _, g := range w.groups {
		for _, r := range g.AlertingRules() {
			for _, a := range r.ActiveAlerts() {
				if t := a.Labels.Get("trigger"); a.State == promrules.StateFiring && t != WatchdogTrigger {
					out = append(out, strings.Trim(a.Labels.Get("service")+"/"+t+" "+a.Labels.Get("region"), " "))
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// run lets time pass and tells when each alert fired first.
func (w *world) run(d time.Duration) map[string]time.Duration {
	first := map[string]time.Duration{}
	for end := w.now.Add(d); w.now.Before(end); {
		w.tick()
		for _, f := range w.firing() {
			if _, ok := first[f]; !ok {
				first[f] = w.now.Sub(w.start)
			}
		}
	}
	return first
}

// ask evaluates an expression now.
func (w *world) ask(e Expr) promql.Vector {
	w.tb.Helper()
	q, err := w.engine.NewInstantQuery(context.Background(), w.db, nil, e.String(), w.now)
	if err != nil {
		w.tb.Fatal(err)
	}
	defer q.Close()
	res := q.Exec(context.Background())
	if res.Err != nil {
		w.tb.Fatalf("%s: %v", e, res.Err)
	}
	v, err := res.Vector()
	if err != nil {
		w.tb.Fatal(err)
	}
	return slices.Clone(v)
}
