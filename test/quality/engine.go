package quality

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	promrules "github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// An Engine is the real Prometheus with the generated rule file, on a virtual clock:
// its storage, its query engine, its rule groups.
type Engine struct {
	shape  Shape
	rb     *runbook.Runbook
	dir    string
	db     *tsdb.DB
	query  *promql.Engine
	groups []*promrules.Group
	begin  time.Time
	refs   map[string]storage.SeriesRef
	failed map[string]bool // rarely counted series appear with their first event
	daemon map[string]labels.Labels
	before map[string]float64 // dispersion of the hour before the release, by signal; nil: not asked yet
}

// NewEngine compiles the runbook and loads its rules. Close removes the scratch folder.
func NewEngine(rb *runbook.Runbook, shape Shape) (*Engine, error) {
	dir, err := os.MkdirTemp("", "autorollback-quality-")
	if err != nil {
		return nil, fmt.Errorf("open engine: %w", err)
	}
	e := &Engine{shape: shape, rb: rb, dir: dir, begin: time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC),
		refs: map[string]storage.SeriesRef{}, failed: map[string]bool{}, daemon: map[string]labels.Labels{}}
	if err := e.open(); err != nil {
		e.Close()
		return nil, fmt.Errorf("open engine: %w", err)
	}
	return e, nil
}

func (e *Engine) open() error {
	quiet := slog.New(slog.DiscardHandler)
	options := tsdb.DefaultOptions()
	options.WALSegmentSize = -1
	options.NoLockfile = true
	options.MinBlockDuration, options.MaxBlockDuration = (48 * time.Hour).Milliseconds(), (48 * time.Hour).Milliseconds()
	var err error
	if e.db, err = tsdb.Open(filepath.Join(e.dir, "tsdb"), quiet, nil, options, nil); err != nil {
		return err
	}
	e.db.DisableCompactions()
	p := parser.NewParser(parser.Options{})
	e.query = promql.NewEngine(promql.EngineOpts{Logger: quiet, MaxSamples: 100_000_000, Timeout: 2 * time.Minute,
		EnableAtModifier: true, EnableNegativeOffset: true, Parser: p})
	g, err := rules.Compile(e.rb)
	if err != nil {
		return err
	}
	text, err := rules.Marshal([]rules.Group{g})
	if err != nil {
		return err
	}
	file := filepath.Join(e.dir, "rules.yml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return err
	}
	m := promrules.NewManager(&promrules.ManagerOptions{
		NameValidationScheme: model.UTF8Validation, Logger: quiet, Registerer: prometheus.NewRegistry(),
		Appendable: e.db, Queryable: e.db, QueryFunc: promrules.EngineQueryFunc(e.query, e.db),
		NotifyFunc: func(context.Context, string, ...*promrules.Alert) {}, ResendDelay: time.Minute, Parser: p,
	})
	loaded, errs := m.LoadGroups(e.shape.Interval, labels.EmptyLabels(), "", promrules.DefaultEvalIterationFunc, false, file)
	if len(errs) > 0 {
		return errs[0]
	}
	for _, key := range slices.Sorted(maps.Keys(loaded)) {
		if loaded[key].Name() == g.Name { // not the watchdog
			e.groups = append(e.groups, loaded[key])
		}
	}
	return nil
}

// Close frees everything.
func (e *Engine) Close() {
	if e.db != nil {
		e.db.Close()
	}
	os.RemoveAll(e.dir)
}

// Take stores what was scraped, evaluates the rules, and returns the triggers that
// fire, in the runbook's order.
func (e *Engine) Take(ctx context.Context, t Tick) ([]string, error) {
	now := e.begin.Add(t.Now)
	if err := e.measure(ctx, t); err != nil {
		return nil, err
	}
	app := e.db.Appender(ctx)
	for _, s := range t.Scrapes {
		if err := e.scrape(app, s); err != nil {
			return nil, err
		}
	}
	if err := e.export(app, t, now); err != nil {
		return nil, err
	}
	if err := app.Commit(); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if e.before == nil { // no pod of the candidate yet: nothing to record
		return nil, nil
	}
	for _, g := range e.groups {
		g.Eval(ctx, now)
		for _, r := range g.Rules() {
			if err := r.LastError(); err != nil {
				return nil, fmt.Errorf("evaluate %s after %s: %w", r.Name(), t.Now, err)
			}
		}
	}
	return e.firing(), nil
}

func (e *Engine) firing() []string {
	active := map[string]bool{}
	for _, g := range e.groups {
		for _, r := range g.AlertingRules() {
			for _, a := range r.ActiveAlerts() {
				if a.State == promrules.StateFiring {
					active[a.Labels.Get("trigger")] = true
				}
			}
		}
	}
	var out []string
	for _, t := range e.rb.Triggers {
		if active[t.Name] {
			out = append(out, t.Name)
		}
	}
	return out
}

func (e *Engine) scrape(app storage.Appender, s Scrape) error {
	version := "v1"
	if s.Role == runbook.Candidate {
		version = "v2"
	}
	at := e.begin.Add(s.At).UnixMilli()
	var failed error
	put := func(name string, v float64, more ...string) {
		key := s.Pod + version + name
		for _, m := range more {
			key += m
		}
		err := e.append(app, key, at, v, func() labels.Labels {
			return labels.FromStrings(append([]string{"__name__", name, "job", "ranker", "instance", s.Pod, "version", version}, more...)...)
		})
		if err != nil && failed == nil {
			failed = err
		}
	}
	rare := func(name string, v float64, more ...string) {
		if v > 0 {
			put(name, v, more...)
		}
	}
	r := s.Reading
	put("requests_total", r[atGood], "code", "200")
	rare("requests_total", r[atFailed], "code", "503")
	put("trials_total", r[atTrials])
	rare("conversions_total", r[atSuccesses])
	put("checks_total", r[atChecks])
	rare("mismatches_total", r[atMismatches])
	for i, f := range e.shape.Features {
		put("rows_total", r[e.shape.rows(i)], "feature", f)
		rare("nulls_total", r[e.shape.nulls(i)], "feature", f)
	}
	histogram(put, "latency_seconds_bucket", e.shape.Latency, r[e.shape.latency():])
	histogram(put, "score_bucket", e.shape.Score, r[e.shape.score():])
	return failed
}

func histogram(put func(string, float64, ...string), name string, bounds []float64, r Reading) {
	for i := range buckets(bounds) {
		le := "+Inf"
		if i < len(bounds) {
			le = strconv.FormatFloat(bounds[i], 'g', -1, 64)
		}
		put(name, r[i], "le", le)
	}
}

// export is what the daemon says. What it no longer says becomes stale.
func (e *Engine) export(app storage.Appender, t Tick, now time.Time) error {
	current := map[string]labels.Labels{}
	values := map[string]float64{}
	say := func(v float64, pairs ...string) {
		l := labels.FromStrings(append(pairs, "job", "autorollback", "instance", "daemon", "service", e.rb.Service, "region", runbook.DefaultRegion, "release", "r1")...)
		current[l.String()], values[l.String()] = l, v
	}
	for _, side := range []struct {
		version string
		role    runbook.Role
		percent float64
	}{{"v1", runbook.Stable, 100 - t.Percent}, {"v2", runbook.Candidate, t.Percent}} {
		if !t.Silent && !math.IsNaN(t.Percent) {
			say(side.percent, "__name__", "autorollback_weight", "version", side.version)
		}
		if t.Judged {
			say(1, "__name__", "autorollback_release_role", "version", side.version, "role", string(side.role))
		}
	}
	for signal, phi := range e.before {
		if t.Judged {
			say(phi, "__name__", "autorollback_release_dispersion", "signal", signal)
		}
	}
	for key, l := range e.daemon {
		if _, still := current[key]; !still {
			current[key], values[key] = l, math.Float64frombits(value.StaleNaN)
		}
	}
	for key, l := range current {
		if err := e.append(app, key, now.UnixMilli(), values[key], func() labels.Labels { return l }); err != nil {
			return err
		}
		e.daemon[key] = l
		if value.IsStaleNaN(values[key]) {
			delete(e.daemon, key)
		}
	}
	return nil
}

func (e *Engine) append(app storage.Appender, key string, at int64, v float64, of func() labels.Labels) error {
	ref, err := app.Append(e.refs[key], of(), at, v)
	if err != nil {
		return fmt.Errorf("store %s: %w", of(), err)
	}
	e.refs[key] = ref
	return nil
}
