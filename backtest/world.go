package backtest

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

const (
	// chunkLength is how much history is held in memory and read at once. The scratch
	// TSDB takes nothing older than half of its block length.
	chunkLength = time.Hour
	// settled is how many intervals the rules go on after a release, so that what was
	// recorded ends and alerts resolve.
	settled = 20
)

// A world is one replay: history up to a moment in a scratch TSDB, and the generated
// rules evaluated there on a virtual clock.
type world struct {
	runbook  *runbook.Runbook
	interval time.Duration
	releases []PastRelease
	// pose renames series on their way in; false leaves one out. Nil: as they are.
	pose func(labels.Labels) (labels.Labels, bool)

	dir    string
	db     *tsdb.DB
	engine *promql.Engine
	parser parser.Parser

	observed []*observed
	series   map[string]*held
	always   []*promrules.Group // asks only the service's own series
	inFlight []*promrules.Group // stands on the release's role
	exported map[string]labels.Labels
	busy     time.Time // the rules of inFlight are needed until then
	failures map[string]failure
	evals    int
}

// A held series is one that the scratch TSDB has.
type held struct {
	metric model.Metric
	ref    storage.SeriesRef
	newest Sample
}

// A failure is how often a rule could not be evaluated.
type failure struct {
	times int
	first time.Time
	err   error
}

func newWorld(dir string, rb *runbook.Runbook, g rules.Group, releases []PastRelease) (*world, error) {
	w := &world{runbook: rb, interval: rb.Metrics.Step().Std(), releases: releases, dir: dir,
		parser: parser.NewParser(parser.Options{}), series: map[string]*held{},
		exported: map[string]labels.Labels{}, failures: map[string]failure{}}
	quiet := slog.New(slog.DiscardHandler)
	options := tsdb.DefaultOptions()
	options.WALSegmentSize = -1 // nothing here outlives the process
	options.NoLockfile = true
	need, err := needs(rb, g)
	if err != nil {
		return nil, err
	}
	options.RetentionDuration = (need.before + chunkLength).Milliseconds()
	if w.db, err = tsdb.Open(filepath.Join(dir, "tsdb"), quiet, nil, options, nil); err != nil {
		return nil, fmt.Errorf("open scratch TSDB: %w", err)
	}
	w.db.DisableCompactions() // after each chunk, not by the wall clock
	w.engine = promql.NewEngine(promql.EngineOpts{Logger: quiet, MaxSamples: 100_000_000, Timeout: 2 * time.Minute,
		EnableAtModifier: true, EnableNegativeOffset: true, Parser: w.parser})
	for _, r := range releases {
		w.observed = append(w.observed, &observed{past: r})
	}
	alone, standing := divide(g)
	if w.always, err = w.load("always", alone); err != nil {
		return nil, err
	}
	w.inFlight, err = w.load("in-flight", standing)
	return w, err
}

// divide parts the alerts that ask only the service's own series from the rules that
// record nothing and say nothing while no release is in flight.
func divide(g rules.Group) (alone, standing rules.Group) {
	alone, standing = g, g
	alone.Rules, standing.Rules = nil, nil
	for _, r := range g.Rules {
		if r.Alert != "" && !standsOnOurs(r.Expr) {
			alone.Rules = append(alone.Rules, r)
		} else {
			standing.Rules = append(standing.Rules, r)
		}
	}
	return alone, standing
}

func standsOnOurs(e rules.Expr) bool {
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(e.String())
	found := err != nil
	if err == nil {
		eachSelector(tree, func(s *parser.VectorSelector, _ time.Duration) { found = found || ours(s) })
	}
	return found
}

// load gives the generated rule file to the rule engine.
func (w *world) load(name string, g rules.Group) ([]*promrules.Group, error) {
	if len(g.Rules) == 0 {
		return nil, nil
	}
	text, err := rules.Marshal([]rules.Group{g})
	if err != nil {
		return nil, err
	}
	file := filepath.Join(w.dir, name+".rules.yml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, fmt.Errorf("write rules: %w", err)
	}
	m := promrules.NewManager(&promrules.ManagerOptions{
		NameValidationScheme: model.UTF8Validation, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		AppendableV2: w.db, Queryable: w.db, QueryFunc: promrules.EngineQueryFunc(w.engine, w.db),
		NotifyFunc: func(context.Context, string, ...*promrules.Alert) {}, ResendDelay: time.Minute, Parser: w.parser,
	})
	loaded, errs := m.LoadGroups(w.interval, labels.EmptyLabels(), "", promrules.DefaultEvalIterationFunc, false, file)
	if len(errs) > 0 {
		return nil, fmt.Errorf("load rules: %w", errs[0])
	}
	var out []*promrules.Group
	for _, key := range slices.Sorted(maps.Keys(loaded)) {
		if loaded[key].Name() == g.Name { // not the watchdog
			out = append(out, loaded[key])
		}
	}
	return out, nil
}

func (w *world) close() {
	w.db.Close()
	os.RemoveAll(w.dir)
}

// pass lets the time from one moment to another go by: each interval, the samples
// that were there by then are stored and the rules evaluated. After each evaluation,
// seen is called. Nothing is evaluated before judge.
func (w *world) pass(ctx context.Context, chunk []Stretch, from, to, judge time.Time, seen func(now time.Time) error) error {
	in := w.incoming(chunk)
	for now := w.after(from); !now.After(to); now = now.Add(w.interval) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.step(ctx, in, now); err != nil {
			return fmt.Errorf("store history up to %s: %w", now.UTC().Format(time.RFC3339), err)
		}
		if now.Before(judge) {
			continue
		}
		w.evaluate(ctx, now)
		if err := seen(now); err != nil {
			return err
		}
	}
	// A chunk's end may lie off the grid.
	if err := w.store(ctx, func(app storage.Appender) error { return w.take(app, in, to) }); err != nil {
		return fmt.Errorf("store history up to %s: %w", to.UTC().Format(time.RFC3339), err)
	}
	return w.db.Compact(ctx)
}

// after is the first multiple of the interval in Unix time that is later.
func (w *world) after(t time.Time) time.Time {
	every := w.interval.Milliseconds()
	return time.UnixMilli((t.UnixMilli()/every + 1) * every)
}

// arriving is a series with what is still to come of it.
type arriving struct {
	labels labels.Labels
	key    string
	left   []Sample
}

func (w *world) incoming(chunk []Stretch) []*arriving {
	out := make([]*arriving, 0, len(chunk))
	for _, s := range chunk {
		l := s.Labels
		if w.pose != nil {
			var ok bool
			if l, ok = w.pose(l); !ok {
				continue
			}
		}
		out = append(out, &arriving{l, l.String(), s.Samples})
	}
	return out
}

// step stores what was there by now, and what the daemon would have exported.
func (w *world) step(ctx context.Context, in []*arriving, now time.Time) error {
	if err := w.attend(ctx, now); err != nil {
		return err
	}
	return w.store(ctx, func(app storage.Appender) error {
		if err := w.take(app, in, now); err != nil {
			return err
		}
		if err := w.judge(ctx, now); err != nil {
			return err
		}
		return w.export(app, now)
	})
}

// store commits what is filled in, or nothing.
func (w *world) store(ctx context.Context, fill func(storage.Appender) error) error {
	app := w.db.Appender(ctx)
	if err := fill(app); err != nil {
		_ = app.Rollback()
		return err
	}
	return app.Commit()
}

// take appends the samples up to now, and shows them to the observers.
func (w *world) take(app storage.Appender, in []*arriving, now time.Time) error {
	limit := now.UnixMilli()
	for _, a := range in {
		for len(a.left) > 0 && a.left[0].At <= limit {
			if err := w.append(app, a.labels, a.key, a.left[0]); err != nil {
				return err
			}
			w.observe(w.series[a.key])
			a.left = a.left[1:]
		}
	}
	return nil
}

func (w *world) append(app storage.Appender, l labels.Labels, key string, s Sample) (err error) {
	h := w.series[key]
	if h == nil {
		h = &held{metric: metricOf(l)}
		w.series[key] = h
	}
	if s.Histogram != nil {
		h.ref, err = app.AppendHistogram(h.ref, l, s.At, nil, s.Histogram)
	} else {
		h.ref, err = app.Append(h.ref, l, s.At, s.Value)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", l, err)
	}
	h.newest = s
	return nil
}

// export writes which version plays which part, as the daemon does: the weight for
// all of an open release, the role after the warm-up and while the candidate has a
// share. What is no longer exported becomes stale.
func (w *world) export(app storage.Appender, now time.Time) error {
	current := map[string]labels.Labels{}
	values := map[string]float64{}
	put := func(v float64, pairs ...string) {
		l := labels.FromStrings(append(pairs, "service", w.runbook.Service, "job", "autorollback", "instance", "replay")...)
		current[l.String()], values[l.String()] = l, v
	}
	for _, r := range w.releases {
		if !r.open(now) {
			continue
		}
		w.busy = now.Add(settled * w.interval)
		candidate := r.weight(now).Percent
		for _, t := range w.runbook.Triggers {
			if v, ok := w.exports(r.ID, t); ok {
				put(v, "region", r.Region, "release", r.ID, "trigger", t.Name, "__name__", "autorollback_trigger_significance")
			}
		}
		for _, side := range []struct {
			version, role string
			percent       runbook.Weight
		}{{r.Stable, string(runbook.Stable), candidate.Rest()}, {r.Candidate, string(runbook.Candidate), candidate}} {
			who := []string{"region", r.Region, "version", side.version, "release", r.ID}
			put(float64(side.percent), append(who, "__name__", "autorollback_weight")...)
			if candidate > 0 && now.Sub(r.Start) >= w.runbook.Metrics.Warmup.Std() {
				put(1, append(who, "__name__", "autorollback_release_role", "role", side.role)...)
			}
		}
	}
	for key, l := range w.exported {
		if _, still := current[key]; !still {
			current[key], values[key] = l, math.Float64frombits(value.StaleNaN)
			delete(w.exported, key)
		} else {
			w.exported[key] = l
		}
	}
	for key, l := range current {
		if err := w.append(app, l, key, Sample{At: now.UnixMilli(), Value: values[key]}); err != nil {
			return err
		}
		if !value.IsStaleNaN(values[key]) {
			w.exported[key] = l
		}
	}
	return nil
}

// evaluate runs the rules at now. Those that stand on a release rest while none is
// in flight.
func (w *world) evaluate(ctx context.Context, now time.Time) {
	w.run(ctx, w.always, now)
	if !now.After(w.busy) {
		w.run(ctx, w.inFlight, now)
	}
	w.evals++
}

func (w *world) run(ctx context.Context, groups []*promrules.Group, now time.Time) {
	for _, g := range groups {
		g.Eval(ctx, now)
		for _, r := range g.Rules() {
			if err := r.LastError(); err != nil && ctx.Err() == nil {
				w.note(r.Name(), now, err)
			}
		}
	}
}

func (w *world) note(name string, now time.Time, err error) {
	f, known := w.failures[name]
	if !known {
		f = failure{first: now, err: err}
	}
	f.times++
	w.failures[name] = f
}

// warnings say which rules could not be evaluated.
func (w *world) warnings() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(w.failures)) {
		f := w.failures[name]
		out = append(out, fmt.Sprintf("rule %s could not be evaluated %d times, first at %s: %s",
			name, f.times, f.first.UTC().Format(time.RFC3339), strings.TrimSpace(f.err.Error())))
	}
	return out
}
