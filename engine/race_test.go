package engine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/autorollback/autorollback/engine/known"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/test/servers"
)

// A pair is two replicas on one store.
type pair struct {
	tb    testing.TB
	st    store.Store
	facts *facts
	e     [2]*Engine
	hook  atomic.Pointer[func(string)] // what happens at a boundary of either
}

func pairOn(tb testing.TB, a, b store.Store) *pair {
	tb.Helper()
	rb := fixture.Runbook(tb, "page")
	p := &pair{tb: tb, st: a, facts: factsOf(tb, rb)}
	for n, st := range []store.Store{a, b} {
		p.e[n] = engineOf(tb, partsOf(st, p.facts), rb, Options{Replica: fmt.Sprint("replica-", n), Boundary: func(name string) {
			if hook := p.hook.Load(); hook != nil {
				(*hook)(name)
			}
		}})
	}
	p.put(routerKey, `{"weights":{"ranker-v1":100}}`)
	return p
}

func fileOf(tb testing.TB) *store.File {
	tb.Helper()
	f, err := store.OpenFile(filepath.Join(tb.TempDir(), "store"))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { f.Close() })
	return f
}

func consulOf(tb testing.TB, address string, n int) *store.Consul {
	tb.Helper()
	c, err := store.OpenConsul(store.ConsulConfig{Address: address, Replica: fmt.Sprint("replica-", n)})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func (p *pair) put(key, value string) {
	p.tb.Helper()
	if err := put(p.st, key, value); err != nil {
		p.tb.Fatal(err)
	}
}

// put writes whatever is there, as a person does, and tries again if a check fails.
func put(st store.Store, key, value string) error {
	for {
		snap, err := st.Read(context.Background(), key)
		if err != nil {
			return err
		}
		err = st.Commit(context.Background(), store.NewTx(store.Op{Verb: store.Set, Key: key, Value: []byte(value), Index: index(snap, key)}))
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}

// launch begins a release with a candidate bundle that nobody has seen.
func (p *pair) launch(n int) record.Release {
	p.tb.Helper()
	p.clean()
	l := fixture.Launch(p.tb)
	l.Candidate.Bundle.Model.Registry.Version = fmt.Sprint(100 + n)
	rel, err := p.e[0].Start(p.tb.Context(), l, fixture.By("ann"))
	if err != nil {
		p.tb.Fatal(err)
	}
	return rel
}

// clean forgets what the last round left, so that each begins the same: cool-down,
// budget and the incident under way are not what is raced for.
func (p *pair) clean() {
	p.tb.Helper()
	snap, err := p.st.Read(p.tb.Context(), store.Root)
	if err != nil {
		p.tb.Fatal(err)
	}
	for _, en := range snap.Entries {
		if strings.HasPrefix(en.Key, store.Root+"op/") {
			continue // the store's own
		}
		if err := p.st.Commit(p.tb.Context(), store.NewTx(store.Op{Verb: store.Delete, Key: en.Key, Index: en.Index})); err != nil {
			p.tb.Fatal(err)
		}
	}
	p.put(routerKey, `{"weights":{"ranker-v1":100}}`)
	for _, e := range p.e {
		e.bundles.Clear()
		clear(e.last)
		e.memory = known.New("", nil)
	}
}

// together runs the functions at the same time.
func together(fs ...func()) {
	var ready, done sync.WaitGroup
	ready.Add(len(fs))
	for _, f := range fs {
		done.Go(func() {
			ready.Done()
			ready.Wait()
			f()
		})
	}
	done.Wait()
}

func (p *pair) split() record.Split {
	p.tb.Helper()
	svc, err := p.e[0].serves(theTarget)
	if err != nil {
		p.tb.Fatal(err)
	}
	snap, err := p.st.Read(p.tb.Context(), svc.router.Prefixes()...)
	if err != nil {
		p.tb.Fatal(err)
	}
	split, err := svc.router.Decode(snap)
	if err != nil {
		p.tb.Fatal(err)
	}
	return split
}

func (p *pair) acted() (acted int, budget int) {
	p.tb.Helper()
	for _, m := range all[record.Message](p.tb, p.st, store.OutboxKey("")) {
		if m.Kind == "acted" {
			acted++
		}
	}
	return acted, len(all[record.Budget](p.tb, p.st, store.BudgetKey)[""].Recent)
}

func stores(t *testing.T, rounds int, race func(*testing.T, *pair, int)) {
	t.Run("file", func(t *testing.T) {
		t.Parallel()
		f := fileOf(t)
		race(t, pairOn(t, f, f), rounds)
	})
	t.Run("consul", func(t *testing.T) {
		if testing.Short() {
			t.Skip("starts a real Consul")
		}
		t.Parallel()
		addr := servers.Consul(t).Addr
		race(t, pairOn(t, consulOf(t, addr, 0), consulOf(t, addr, 1)), rounds)
	})
}

func TestTwoReplicasHearTheSameBreach(t *testing.T) {
	stores(t, 50, func(t *testing.T, p *pair, rounds int) {
		p.facts.set(func(f *facts) { f.breaking["errors"] = true })
		for n := range rounds {
			p.launch(n)
			hear := func(e *Engine, source record.Source) func() {
				return func() {
					if err := e.Alerts(t.Context(), []record.Alert{fixture.Alert("errors", source)}); err != nil {
						t.Errorf("round %d: %v", n, err)
					}
				}
			}
			together(hear(p.e[0], record.Webhook), hear(p.e[1], record.Webhook), hear(p.e[0], record.Watcher), hear(p.e[1], record.Watcher))
			acted, budget := p.acted()
			incidents := all[record.Incident](t, p.st, store.IncidentKey(""))
			if acted != 1 || budget != 1 || len(incidents) != 1 {
				t.Fatalf("round %d: %d messages of an act, budget %d, %d incidents", n, acted, budget, len(incidents))
			}
			if got := p.split(); !got.Equal(record.Split{"ranker-v1": 100}) {
				t.Fatalf("round %d: the split is %v", n, got)
			}
			for _, i := range incidents {
				lines := 0
				for _, r := range i.Timeline {
					if r.Kind == "acted" {
						lines++
					}
				}
				if lines != 1 || len(i.Sources) != 2 {
					t.Fatalf("round %d: acted %d times, sources %v", n, lines, i.Sources)
				}
			}
		}
	})
}

func TestApprovalIsUsedOnce(t *testing.T) {
	stores(t, 15, func(t *testing.T, p *pair, rounds int) {
		p.facts.set(func(f *facts) { f.breaking["slowish"] = true })
		for n := range rounds {
			rel := p.launch(n)
			if err := p.e[0].Alerts(t.Context(), []record.Alert{fixture.Alert("slowish", record.Webhook)}); err != nil {
				t.Fatal(err)
			}
			i, err := p.e[1].Incident(t.Context(), record.IncidentID(rel.Service, rel.Region, rel.ID, rel.Epoch))
			if err != nil || i.Phase != record.Awaiting {
				t.Fatalf("incident %s, %v", i.Phase, err)
			}
			var mu sync.Mutex
			winners := map[string]bool{}
			var fs []func()
			for k := range 8 {
				fs = append(fs, func() {
					yes := k%4 != 3 // two say no
					a, err := p.e[k%2].Answer(t.Context(), i.Approval, record.Caller{Name: []string{"ann", "bob"}[k%2], How: fmt.Sprint("api-", k)}, record.Reply{Yes: yes, Reason: "because"})
					mu.Lock()
					defer mu.Unlock()
					switch {
					case err == nil:
						winners[fmt.Sprint(k, " ", a.How, " ", a.Status)] = true
					case !errors.Is(err, runbook.ErrRefused) && !errors.Is(err, runbook.ErrConflict):
						t.Errorf("round %d: %v", n, err)
					}
				})
			}
			together(fs...)
			acted, budget := p.acted()
			a, err := p.e[0].Approval(t.Context(), i.Approval)
			if err != nil || len(winners) != 1 || budget != 0 || (acted == 1) != (a.Status == record.Approved) {
				t.Fatalf("round %d: winners %v, acted %d, budget %d, approval %s, %v", n, winners, acted, budget, a.Status, err)
			}
		}
	})
}

// A person's write and a rollback at the same time: either the rollback came first and
// the person's split stands on top of it, or the person's came first and stands.
func TestRollbackNeverOverwritesForeignSplit(t *testing.T) {
	stores(t, 40, func(t *testing.T, p *pair, rounds int) {
		p.facts.set(func(f *facts) { f.breaking["errors"] = true })
		first, last := 0, 0
		for n := range rounds {
			p.launch(n)
			reached, once := make(chan struct{}), sync.Once{}
			if n%4 == 0 {
				close(reached)
				once.Do(func() {})
			}
			at := []string{"", "before-act", "after-act", "after-confirm"}[n%4]
			hook := func(name string) {
				if name == at {
					once.Do(func() { close(reached) })
				}
			}
			p.hook.Store(&hook)
			theirs := record.Split{"ranker-v1": 65, "ranker-v2": 35}
			alerts := func(e *Engine) func() {
				return func() {
					if err := e.Alerts(t.Context(), []record.Alert{fixture.Alert("errors", record.Webhook)}); err != nil {
						t.Errorf("round %d: %v", n, err)
					}
				}
			}
			together(alerts(p.e[0]), alerts(p.e[1]), func() {
				<-reached
				if err := put(p.st, routerKey, `{"weights":{"ranker-v1":65,"ranker-v2":35}}`); err != nil {
					t.Errorf("round %d: %v", n, err)
				}
			})
			acted, _ := p.acted()
			if got := p.split(); !got.Equal(theirs) {
				t.Fatalf("round %d: the split is %v, acted %d: a person's split was overwritten", n, got, acted)
			}
			if acted == 1 {
				first++
			} else {
				last++
			}
		}
		if first == 0 || last == 0 {
			t.Errorf("the rollback was first %d times, the person %d times: no race", first, last)
		}
		t.Logf("the rollback was first %d times, the person %d times", first, last)
	})
}
