package engine

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/verify"
)

// A memory is a store that forgets, for thousands of runs: what package store's
// conformance suite asks, without a disk and without Watch.
type memory struct {
	mu    sync.Mutex
	index uint64
	keys  map[string]store.Entry
}

func newMemory() *memory { return &memory{index: 1, keys: map[string]store.Entry{}} }

func (m *memory) Read(ctx context.Context, prefixes ...string) (store.Snapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	snap := store.Snapshot{Index: m.index}
	for _, key := range slices.Sorted(maps.Keys(m.keys)) {
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(key, p) }) {
			snap.Entries = append(snap.Entries, m.keys[key])
		}
	}
	return snap, ctx.Err()
}

func (m *memory) Watch(context.Context, string, uint64) (store.Snapshot, error) {
	panic("the engine does not watch")
}

func (m *memory) Commit(ctx context.Context, tx store.Tx) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(tx.Ops) == 0 || len(tx.Ops) > store.MaxOps || tx.ID == "" {
		return fmt.Errorf("a transaction of %d operations with id %q", len(tx.Ops), tx.ID)
	}
	seen := map[string]bool{}
	for _, op := range tx.Ops {
		if store.Place(op.Key) != "" && (len(tx.Ops) > 1 || op.Verb != store.Set) {
			return fmt.Errorf("%s joins no transaction", op.Key)
		}
		if seen[op.Key] {
			return fmt.Errorf("key %s is twice in the transaction", op.Key)
		}
		seen[op.Key] = true
		if m.keys[op.Key].Index != op.Index {
			return fmt.Errorf("%s: %w", op.Key, store.ErrConflict)
		}
	}
	changed := false
	for _, op := range tx.Ops {
		old, there := m.keys[op.Key]
		switch {
		case op.Verb == store.Set && (!there || !bytes.Equal(old.Value, op.Value)):
			m.keys[op.Key] = store.Entry{Key: op.Key, Value: op.Value, Index: m.index + 1}
			changed = true
		case op.Verb == store.Delete && there:
			delete(m.keys, op.Key)
			changed = true
		}
	}
	if changed {
		m.index++
	}
	return ctx.Err()
}

// Ports as functions.
type (
	captures func(stage string) error
	posts    func(record.Message) (string, error)
	journals func(incident string, r record.Record) error
)

func (f captures) Capture(_ record.Incident, stage string, _ map[string][]byte) (string, error) {
	return "sha256:" + stage, f(stage)
}

func (f captures) Seal(record.Incident, *runbook.Runbook) (string, string, error) {
	return "folder", "sha256:sealed", f("seal")
}

func (f captures) Read(record.Incident, string) ([]byte, error) { return nil, fs.ErrNotExist }

func (f posts) Sinks() []string             { return []string{"team"} }
func (f posts) For(record.Message) []string { return f.Sinks() }

func (f posts) Send(_ context.Context, _ string, m record.Message) (string, error) { return f(m) }

// deliver has every sink look at the outbox once.
func (e *Engine) deliver(ctx context.Context) {
	for _, c := range e.couriers {
		c.deliver(ctx)
	}
}

func (f journals) Anchor() record.Anchor { return record.Anchor{} }

func (f journals) Has(record.Head) (bool, error) { return true, nil }

func (f journals) Append(incident string, records ...record.Record) error {
	for _, r := range records {
		if err := f(incident, r); err != nil {
			return err
		}
	}
	return nil
}

// proofs is a monitor that has proved everything, unless it is told otherwise.
type proofs struct {
	mu      sync.Mutex
	says    map[string]record.Significance // by trigger
	blunt   map[string]string              // by trigger
	watched []monitor.Target
	lost    error       // why no counts can be had
	asked   []time.Time // until when impacts were asked for
	curves  []record.Curve
}

func (p *proofs) Watch(_ context.Context, targets []monitor.Target) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.watched = targets
}

func (p *proofs) Significance(_, trigger string, now time.Time) record.Significance {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s, ok := p.says[trigger]; ok {
		return s
	}
	return record.Significance{At: now, Value: 3, LogE: 20}
}

func (p *proofs) Blunted(_, trigger string, _ time.Time) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.blunt[trigger]
}

func (p *proofs) blunts(trigger, words string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.blunt = map[string]string{trigger: words}
}

func (p *proofs) set(change func(*proofs)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func (p *proofs) Proved() <-chan struct{} { return nil }

func (p *proofs) Impact(_ context.Context, _ monitor.Target, h monitor.Harm, until time.Time) (record.Impact, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, until)
	return record.Impact{From: h.Onset.At, Until: until, Whole: h.Whole, Losses: []record.Loss{{Kind: record.Failures, Excess: 12}}}, p.lost
}

func (p *proofs) ImpactSoFar(_ string, h monitor.Harm, now time.Time) record.Impact {
	return record.Impact{From: h.Onset.At, Until: now, Whole: h.Whole, Losses: []record.Loss{{Kind: record.Failures, Excess: 5, Rate: 0.5}}}
}

func (p *proofs) Harmed(string, runbook.Trigger) record.Onset { return record.Onset{} }

func (p *proofs) Curves(string) ([]record.Curve, bool) {
	return p.curves, p.curves != nil
}

func (p *proofs) Record(_ context.Context, _ monitor.Target, until, _ time.Time) ([]byte, []record.Curve, error) {
	if p.lost != nil || until.IsZero() {
		return nil, p.curves, p.lost
	}
	return []byte("counts"), p.curves, nil
}

func (p *proofs) History(context.Context, monitor.Target, time.Time, func(monitor.Step, map[string]analysis.Result)) error {
	return p.lost
}

// weights are those of the releases that it was told to watch.
func (p *proofs) weights() []runbook.Weight {
	p.mu.Lock()
	defer p.mu.Unlock()
	weights := []runbook.Weight{}
	for _, t := range p.watched {
		weights = append(weights, t.Release.Weight)
	}
	return weights
}

func (p *proofs) say(trigger string, s record.Significance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.says == nil {
		p.says = map[string]record.Significance{}
	}
	p.says[trigger] = s
}

// partsOf are parts that take everything and say nothing.
// theTarget is the one that the tests' runbook has.
var theTarget = Target{"ranker", runbook.DefaultRegion}

func partsOf(st store.Store, api promapi.API) Parts {
	return Parts{
		Store: st, Prometheus: verify.New(api, 0), Monitor: &proofs{}, Log: zap.NewNop(), Registerer: prometheus.NewRegistry(),
		Archive: captures(func(string) error { return nil }),
		Post:    posts(func(record.Message) (string, error) { return "#ranking-oncall", nil }),
		Journal: journals(func(string, record.Record) error { return nil }),
	}
}

func engineOf(tb testing.TB, p Parts, rb *runbook.Runbook, o Options) *Engine {
	tb.Helper()
	e, err := New(p, []*runbook.Runbook{rb}, o)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// all reads every record of a kind by its id.
func all[T any](tb testing.TB, st store.Store, prefix string) map[string]T {
	tb.Helper()
	snap, err := st.Read(context.Background(), prefix)
	if err != nil {
		tb.Fatal(err)
	}
	found := map[string]T{}
	for _, en := range snap.Entries {
		var one T
		if err := decode(snap, en.Key, &one); err != nil {
			tb.Fatal(err)
		}
		found[strings.TrimPrefix(en.Key, prefix)] = one
	}
	return found
}
