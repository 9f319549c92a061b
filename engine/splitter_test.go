package engine

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/test/servers"
)

const entries = store.ConfigEntry + "://"

// splitBy is the fixture's runbook with ranker in Consul's service mesh.
func splitBy(t *testing.T) *runbook.Runbook {
	t.Helper()
	rb := fixture.Runbook(t, "page")
	rb.Routing = runbook.Routing{Router: runbook.Splitter, Service: "ranker", Flags: rb.Routing.Flags}
	return rb
}

// mesh lays out what a splitter of ranker needs, with all traffic on v1.
func mesh(t *testing.T, st store.Store) {
	t.Helper()
	must(t, put(st, entries+"service-defaults/ranker", `{"Kind":"service-defaults","Name":"ranker","Protocol":"http"}`))
	must(t, put(st, entries+"service-resolver/ranker", `{"Kind":"service-resolver","Name":"ranker","DefaultSubset":"ranker-v1","Subsets":{"ranker-v1":{"Filter":"Service.Meta.version == v1"},"ranker-v2":{"Filter":"Service.Meta.version == v2"}}}`))
	must(t, put(st, entries+"service-splitter/ranker", `{"Kind":"service-splitter","Name":"ranker","Splits":[{"ServiceSubset":"ranker-v1","Weight":100}]}`))
}

// A file has no config entries: a runbook that needs them is refused when it is loaded, with what to
// do, and one that is loaded already stays.
func TestAFileHasNoSplitter(t *testing.T) {
	f, err := store.OpenFile(filepath.Join(t.TempDir(), "autorollback.db"))
	must(t, err)
	t.Cleanup(func() { _ = f.Close() })
	rb, well := splitBy(t), fixture.Runbook(t, "page")
	const says = "routing.router is splitter, and key \"config-entry://service-splitter/ranker\": there is no config-entry in a file; " +
		"use --store=consul://HOST:PORT, or take another router"
	if _, err := New(partsOf(f, factsOf(t, rb)), []*runbook.Runbook{rb}, Options{Replica: "replica"}); err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("at the start: %v", err)
	}
	e := engineOf(t, partsOf(f, factsOf(t, well)), well, Options{Replica: "replica"})
	if err := e.Reload([]*runbook.Runbook{rb}); err == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("at a reload: %v", err)
	}
	if kept, ok := e.Runbook("ranker"); !ok || kept.Routing.Router != runbook.JSONKey {
		t.Errorf("after it: %+v", kept.Routing)
	}
}

func splitOf(t *testing.T, e *Engine) string {
	t.Helper()
	v, err := e.read(t.Context(), theTarget, nil)
	must(t, err)
	return v.Split.String()
}

// The whole way with a real Consul: a release starts, is rolled back, and the discovery chain
// that Envoys get follows, while the records are in the KV.
func TestSplitterInRealConsul(t *testing.T) {
	consul := servers.Consul(t)
	st := consulOf(t, consul.Addr, 0)
	mesh(t, st)
	rb := splitBy(t)
	rb.Routing.Instances = []string{consul.URL}
	e := engineOf(t, partsOf(st, factsOf(t, rb)), rb, Options{Replica: "replica"})
	running(t, e)
	chain := func() string {
		split, err := e.services["ranker"].router.Observe(t.Context(), http.DefaultClient, consul.URL)
		must(t, err)
		return split.String()
	}
	l := fixture.Launch(t)
	l.Weight = 5
	rel, err := e.Start(t.Context(), l, fixture.By("ann"))
	if err != nil || len(rel.Pending) != 1 || rel.Pending[0].Keys[0].Key != entries+"service-splitter/ranker" {
		t.Fatalf("%v: pending %+v", err, rel.Pending)
	}
	await(t, func() error { return want(chain(), "ranker-v1 95, ranker-v2 5") })
	await(t, func() error { return settled(t, e) })
	began := time.Now()
	if _, err := e.Rollback(t.Context(), "ranker", "", fixture.By("ann"), "it fails"); err != nil {
		t.Fatal(err)
	}
	await(t, func() error { return want(chain(), "ranker-v1 100, ranker-v2 0") })
	t.Logf("in the discovery chain %s after the order", time.Since(began).Round(time.Millisecond))
	await(t, func() error { return settled(t, e) })
	if rel, err = e.Release(t.Context(), "ranker", ""); err != nil || rel.Held != nil || rel.Phase != record.RolledBack {
		t.Fatalf("%v: %+v", err, rel)
	}
}

// A human edits the splitter as the page says, with Consul's own program: the release is held, and
// what the human wrote stays. What comes too late for that is refused by Consul.
func TestSomebodyElsesSplitterIsNotOverwritten(t *testing.T) {
	consul := servers.Consul(t)
	st := consulOf(t, consul.Addr, 0)
	mesh(t, st)
	rb := splitBy(t)
	e := engineOf(t, partsOf(st, factsOf(t, rb)), rb, Options{Replica: "replica", ReconcileEvery: 100 * time.Millisecond})
	running(t, e)
	if _, err := e.Start(t.Context(), fixture.Launch(t), fixture.By("ann")); err != nil {
		t.Fatal(err)
	}
	await(t, func() error { return want(splitOf(t, e), "ranker-v1 80, ranker-v2 20") })
	await(t, func() error { return settled(t, e) })
	before, err := e.read(t.Context(), theTarget, nil)
	must(t, err)
	const human = `{"Kind":"service-splitter","Name":"ranker","Splits":[{"ServiceSubset":"ranker-v1","Weight":63},{"ServiceSubset":"ranker-v2","Weight":37}]}`
	must(t, put(st, entries+"service-splitter/ranker", human))
	late := store.NewTx(store.Op{Key: entries + "service-splitter/ranker", Value: []byte(human), Index: before.indexes[entries+"service-splitter/ranker"]})
	late.Ops[0].Value = []byte(strings.NewReplacer("63", "64", "37", "36").Replace(human))
	if err := st.Commit(t.Context(), late); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("a write at the index before: %v", err)
	}
	await(t, func() error {
		rel, err := e.Release(t.Context(), "ranker", "")
		if err == nil && rel.Held == nil {
			err = errors.New("not held")
		}
		return err
	})
	if _, err := e.Rollback(t.Context(), "ranker", "", fixture.By("ann"), "it fails"); !errors.Is(err, runbook.ErrRefused) {
		t.Errorf("rolled back over it: %v", err)
	}
	if got := splitOf(t, e); got != "ranker-v1 63, ranker-v2 37" {
		t.Errorf("the human's split became %s", got)
	}
	if _, err := e.AcceptSplit(t.Context(), "ranker", "", fixture.By("ann"), "as I want it"); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Rollback(t.Context(), "ranker", "", fixture.By("ann"), "it fails"); err != nil {
		t.Fatal(err)
	}
	await(t, func() error { return want(splitOf(t, e), "ranker-v1 100, ranker-v2 0") })
}

// A replica dies around the write of a rollback, with a real Consul; another one finishes it.
func TestAnotherReplicaWritesTheSplit(t *testing.T) {
	for _, at := range []string{"after-act", "before-write-back", "after-write-back", "before-written-back"} {
		t.Run(at, func(t *testing.T) {
			consul := servers.Consul(t)
			st := consulOf(t, consul.Addr, 0)
			mesh(t, st)
			rb := splitBy(t)
			ctx, stop := context.WithCancel(t.Context())
			l := &life{stop: stop, over: make(chan struct{})}
			dying := engineOf(t, partsOf(mortal{st, l}, factsOf(t, rb)), rb, Options{Replica: "dying", Boundary: func(name string) {
				if name == at {
					l.die()
				}
			}})
			go func() { defer close(l.over); _ = dying.Run(ctx) }()
			if _, err := dying.Start(t.Context(), fixture.Launch(t), fixture.By("ann")); err != nil {
				t.Fatal(err)
			}
			await(t, func() error { return settled(t, dying) })
			_, _ = dying.Rollback(t.Context(), "ranker", "", fixture.By("ann"), "it fails") // who died of it says nothing
			<-l.over
			second := engineOf(t, partsOf(consulOf(t, consul.Addr, 1), factsOf(t, rb)), rb, Options{Replica: "second", ReconcileEvery: 100 * time.Millisecond})
			running(t, second)
			await(t, func() error { return want(splitOf(t, second), "ranker-v1 100, ranker-v2 0") })
			await(t, func() error { return written(t, second) })
			if rel, err := second.Release(t.Context(), "ranker", ""); err != nil || rel.Phase != record.RolledBack || rel.Held != nil {
				t.Fatalf("%v: %+v", err, rel)
			}
		})
	}
}

func want(got, wanted string) error {
	if got != wanted {
		return errors.New("it is " + got)
	}
	return nil
}

func settled(t *testing.T, e *Engine) error {
	rel, err := e.Release(t.Context(), "ranker", "")
	if err == nil && len(rel.Pending) > 0 {
		err = errors.New(rel.Pending[0].NotYet())
	}
	return err
}

// written reports whether nothing is pending but what waits for the candidate to be drained.
func written(t *testing.T, e *Engine) error {
	rel, err := e.Release(t.Context(), "ranker", "")
	if err == nil && rel.Unwritten() != nil {
		err = errors.New(rel.Unwritten().NotYet())
	}
	return err
}

// running runs an engine until the test ends.
func running(t *testing.T, e *Engine) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- e.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
}

// await asks until there is no error, for as long as a busy machine may need.
func await(t *testing.T, ask func() error) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); ; <-tick.C {
		err := ask()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
