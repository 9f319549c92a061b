package regions_test

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/engine"
	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/regions"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/verify"
)

// Parts that say nothing.
type (
	silent  struct{}
	nowhere struct{}
)

func (silent) Query(context.Context, string, time.Time) (model.Value, promapi.Warnings, error) {
	return nil, nil, errors.New("connection refused")
}

func (silent) QueryRange(context.Context, string, promapi.Range) (model.Value, promapi.Warnings, error) {
	return nil, nil, errors.New("connection refused")
}

func (nowhere) Capture(record.Incident, string, map[string][]byte) (string, error) { return "", nil }
func (nowhere) Seal(record.Incident, *runbook.Runbook) (string, string, error) {
	return "folder", "sha256:sealed", nil
}
func (nowhere) Read(record.Incident, string) ([]byte, error) { return nil, fs.ErrNotExist }
func (nowhere) Append(string, ...record.Record) error        { return nil }
func (nowhere) Anchor() record.Anchor                        { return record.Anchor{} }
func (nowhere) Has(record.Head) (bool, error)                { return true, nil }
func (nowhere) Watch(context.Context, []monitor.Target)      {}
func (nowhere) Proved() <-chan struct{}                      { return nil }
func (nowhere) Blunted(string, string, time.Time) string     { return "" }
func (nowhere) Harmed(string, runbook.Trigger) record.Onset  { return record.Onset{} }
func (nowhere) Impact(context.Context, monitor.Target, monitor.Harm, time.Time) (x record.Impact, err error) {
	return x, nil
}
func (nowhere) ImpactSoFar(string, monitor.Harm, time.Time) (x record.Impact)  { return x }
func (nowhere) Significance(string, string, time.Time) (s record.Significance) { return s }
func (nowhere) Curves(string) ([]record.Curve, bool) {
	return nil, false
}

func (nowhere) History(context.Context, monitor.Target, time.Time, func(monitor.Step, map[string]analysis.Result)) error {
	return nil
}

func (nowhere) Record(context.Context, monitor.Target, time.Time, time.Time) ([]byte, []record.Curve, error) {
	return nil, nil, nil
}

// A mailbox keeps what its region told.
type mailbox struct {
	mu   sync.Mutex
	mail []record.Message
}

func (b *mailbox) Sinks() []string             { return []string{"mail"} }
func (b *mailbox) For(record.Message) []string { return b.Sinks() }

func (b *mailbox) Send(_ context.Context, _ string, m record.Message) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mail = append(b.mail, m)
	return "#ranking-oncall", nil
}

func (b *mailbox) kinds() (all []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.mail {
		all = append(all, m.Kind)
	}
	return all
}

// A pair is eu and us, each with a store in a file of its own, in one process.
type pair struct {
	t      *testing.T
	set    *regions.Set
	stores map[string]*fixture.Cuttable
	mail   map[string]*mailbox
}

// A layout is how two regions are laid out.
type layout int

const (
	apart  layout = iota // each has a store and an engine of its own
	shared               // each has an engine of its own, and they share a store
	single               // there is one store and one engine, as without a region file
)

func both(t *testing.T, test func(p pair)) { laidOut(t, apart, test) }

func laidOut(t *testing.T, how layout, test func(p pair)) {
	synctest.Test(t, func(t *testing.T) {
		rb := fixture.Runbook(t, "page")
		rb.Regions, rb.Rollout = []string{"eu", "us"}, fixture.Ramp(runbook.PromoteAutomatic)
		if how != apart {
			rb.Routing.Key, rb.Routing.Flags = "routes/{region}/ranker/weights", "features/{region}/ranker/"
		}
		p := pair{t: t, stores: map[string]*fixture.Cuttable{}, mail: map[string]*mailbox{}}
		var sources []regions.Source
		for _, region := range rb.Regions {
			if how == apart || len(sources) == 0 {
				f, err := store.OpenFile(filepath.Join(t.TempDir(), "autorollback.db"))
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				sources = append(sources, regions.Source{Store: &fixture.Cuttable{Store: f}})
			}
			last := &sources[len(sources)-1]
			if how != single {
				last.Regions = append(last.Regions, region)
			}
			p.stores[region] = last.Store.(*fixture.Cuttable)
			key := rb.In(region).Routing.Key
			if err := last.Store.Commit(t.Context(), store.NewTx(store.Op{Key: key, Value: []byte(`{"weights":{"ranker-v1":100}}`)})); err != nil {
				t.Fatal(err)
			}
		}
		stores := regions.NewStores(sources...)
		var members []regions.Member
		for _, region := range rb.Regions {
			p.mail[region] = &mailbox{}
			o := engine.Options{Region: region, OwnPrometheus: true, Replica: "replica", RulesEvery: -1}
			if how == single {
				o.Region, o.OwnPrometheus = "", false
			}
			if len(members) == 1 && how == single {
				p.mail[region] = p.mail[rb.Regions[0]]
				continue
			}
			e, err := engine.New(engine.Parts{Store: p.stores[region], Prometheus: verify.New(silent{}, 0), Monitor: nowhere{}, Archive: nowhere{}, Journal: nowhere{},
				Post: p.mail[region], Regions: stores, Log: zap.NewNop(), Registerer: prometheus.NewRegistry()}, []*runbook.Runbook{rb}, o)
			if err != nil {
				t.Fatal(err)
			}
			members = append(members, regions.Member{Region: o.Region, Prometheus: region, Engine: e})
		}
		p.set = regions.New(stores, members, []*runbook.Runbook{rb}, zap.NewNop())
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- p.set.Run(ctx) }()
		defer func() {
			stop()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}()
		p.pass(5 * time.Second)
		test(p)
	})
}

func (p pair) pass(d time.Duration) { time.Sleep(d); synctest.Wait() }

func (p pair) start(region string) record.Release {
	p.t.Helper()
	l := fixture.Launch(p.t)
	l.Region = region
	rel, err := p.set.Start(p.t.Context(), l, fixture.By("ann"))
	if err != nil {
		p.t.Fatal(err)
	}
	p.pass(5 * time.Second)
	return rel
}

func (p pair) release(region string) record.Release {
	p.t.Helper()
	st, err := p.set.Status(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	n := slices.IndexFunc(st.Releases, func(r record.Release) bool { return r.Region == region })
	if n < 0 {
		p.t.Fatalf("no release in %s: %+v", region, st.Lost)
	}
	return st.Releases[n]
}

// A release that names no region goes through those of the runbook; one that names one is there
// alone.
func TestStartNamesItsRegions(t *testing.T) {
	both(t, func(p pair) {
		rel := p.start("")
		if rel.Region != "eu" || rel.Regions == nil || !slices.Equal(rel.Regions.Regions, []string{"eu", "us"}) {
			p.t.Errorf("started %+v", rel)
		}
		if alone := p.start("us"); alone.Region != "us" || alone.Regions != nil {
			p.t.Errorf("started %+v", alone)
		}
		if _, err := p.set.Rollback(p.t.Context(), "ranker", "us", fixture.By("ann"), "no"); err != nil {
			p.t.Fatal(err)
		}
		p.pass(15 * time.Minute) // its verdict
		if _, err := p.set.Start(p.t.Context(), fixture.Launch(p.t), fixture.By("ann")); !errors.Is(err, runbook.ErrRefused) || !strings.Contains(err.Error(), "has not reached us") {
			p.t.Errorf("a second one through all regions: %v", err)
		}
		l := fixture.Launch(p.t)
		l.Region = "moon"
		if _, err := p.set.Start(p.t.Context(), l, fixture.By("ann")); !errors.Is(err, runbook.ErrNotFound) {
			p.t.Errorf("on the moon: %v", err)
		}
	})
}

// One region is cut off: the other is rolled back, the first is named, its order is kept, and it
// is carried out once when the region is back.
func TestARollbackOfAllRegionsWithOneCutOff(t *testing.T) {
	both(t, func(p pair) {
		p.start("eu")
		p.start("us")
		p.stores["us"].Cut(true)
		p.pass(20 * time.Second)
		all, err := p.set.RollbackAll(p.t.Context(), "ranker", fixture.By("ann"), "users complain")
		if err != nil || len(all) != 2 || all[0].Incident == nil || all[1].Pending == "" || !strings.Contains(all[1].Problem, "no route to host") {
			p.t.Fatalf("%+v, %v", all, err)
		}
		p.pass(5 * time.Minute)
		st, err := p.set.Status(p.t.Context())
		if err != nil || len(st.Lost) != 1 || st.Lost[0].Region != "us" {
			p.t.Errorf("lost are %+v, %v", st.Lost, err)
		}
		if b, err := p.set.Board(p.t.Context()); err != nil || len(b.Lost) != 1 || b.Control.Mode != runbook.Active || b.Control.Reason != "" {
			p.t.Errorf("the board is lost in %+v, automation %+v, %v", b.Lost, b.Control, err)
		}
		if rel := p.release("eu"); rel.Phase != record.RolledBack {
			p.t.Errorf("eu is %s", rel.Phase)
		}
		for kind, want := range map[string]int{"order": 1, "straggler": 1, "order_done": 0} {
			if n := len(slices.DeleteFunc(p.mail["eu"].kinds(), func(k string) bool { return k != kind })); n != want {
				p.t.Errorf("eu told %d times of %s, want %d", n, kind, want)
			}
		}
		p.stores["us"].Cut(false)
		p.pass(30 * time.Second)
		if rel := p.release("us"); rel.Phase != record.RolledBack || rel.Moves[len(rel.Moves)-1].By != "ann" {
			p.t.Errorf("us is %+v", rel)
		}
		p.pass(5 * time.Minute)
		kinds := p.mail["eu"].kinds()
		for _, kind := range []string{"order_done", "straggler_done"} {
			if n := len(slices.DeleteFunc(slices.Clone(kinds), func(k string) bool { return k != kind })); n != 1 {
				p.t.Errorf("eu told %d times of %s: %v", n, kind, kinds)
			}
		}
		if n := len(slices.DeleteFunc(p.mail["us"].kinds(), func(k string) bool { return k != "acted" })); n != 1 {
			p.t.Errorf("us told of %d rollbacks", n)
		}
		eu, err := p.set.Incident(p.t.Context(), p.release("eu").Incident)
		if err != nil || len(eu.Stragglers) != 1 || eu.Stragglers[0].DoneAt.IsZero() {
			p.t.Errorf("eu's incident names %+v, %v", eu.Stragglers, err)
		}
	})
}

// An order that is refused when the region answers again is over: nobody waits for it for ever, and
// its human is told why.
func TestAPendingOrderThatIsRefused(t *testing.T) {
	both(t, func(p pair) {
		p.start("us")
		p.start("eu")
		p.stores["us"].Cut(true)
		p.pass(20 * time.Second)
		if all, err := p.set.RollbackAll(p.t.Context(), "ranker", fixture.By("ann"), "users complain"); err != nil || all[1].Pending == "" {
			p.t.Fatalf("%+v, %v", all, err)
		}
		under := p.stores["us"].Store
		snap, err := under.Read(p.t.Context(), "routes/ranker/")
		if err != nil || len(snap.Entries) != 1 {
			p.t.Fatalf("%+v, %v", snap, err)
		}
		op := store.Op{Key: snap.Entries[0].Key, Index: snap.Entries[0].Index, Value: []byte("no document")}
		if err := under.Commit(p.t.Context(), store.NewTx(op)); err != nil {
			p.t.Fatal(err)
		}
		p.stores["us"].Cut(false)
		p.pass(time.Minute)
		told := p.mail["eu"].mail
		n := slices.IndexFunc(told, func(m record.Message) bool { return m.Kind == "order_done" })
		if n < 0 || !told[n].Page || !strings.Contains(told[n].Title, "was not carried out") || !strings.Contains(told[n].Text, "not JSON") {
			p.t.Errorf("told %+v", told)
		}
	})
}

// What cannot be said for all regions is not said at all.
func TestOrdersEverywhereNameWhoDidNot(t *testing.T) {
	both(t, func(p pair) {
		p.stores["us"].Cut(true)
		err := p.set.SetControl(p.t.Context(), record.Control{Mode: runbook.Paused, Reason: "move", Until: time.Now().Add(time.Hour)}, "", fixture.By("bob"))
		if !errors.Is(err, runbook.ErrLater) || !strings.Contains(err.Error(), "done in eu") || !strings.Contains(err.Error(), "region us") {
			p.t.Errorf("error is %v", err)
		}
		if _, err := p.set.Incident(p.t.Context(), "inc-0"); !errors.Is(err, runbook.ErrLater) || errors.Is(err, runbook.ErrNotFound) {
			p.t.Errorf("an incident that us may have: %v", err)
		}
		p.stores["eu"].Cut(true)
		if _, err := p.set.Status(p.t.Context()); err == nil {
			p.t.Error("nobody answers, and that is no error")
		}
	})
}

// The watchdog of one region's Prometheus says nothing of another's.
func TestAWatchdogIsOfItsRegion(t *testing.T) {
	both(t, func(p pair) {
		p.start("")
		dog := record.Alert{Trigger: rules.WatchdogTrigger, Firing: true, Source: record.Webhook}
		for _, c := range []struct {
			region string
			heard  bool
		}{{"", false}, {"us", false}, {"eu", true}} {
			dog.Region = c.region
			if err := p.set.Alerts(p.t.Context(), []record.Alert{dog}); err != nil {
				p.t.Fatal(err)
			}
			p.pass(11 * time.Minute)
			if err := p.set.Alerts(p.t.Context(), []record.Alert{dog}); err != nil {
				p.t.Fatal(err)
			}
			p.pass(10 * time.Second)
			if waiting := p.release("eu").Waiting; strings.Contains(waiting, "no watchdog") == c.heard {
				p.t.Errorf("a watchdog of %q: eu waits for %q", c.region, waiting)
			}
		}
	})
}

// Regions that share a store move their own traffic and no other's, with an engine each or with
// one.
func TestRegionsInOneStore(t *testing.T) {
	for name, how := range map[string]layout{"two engines": shared, "one engine": single} {
		t.Run(name, func(t *testing.T) {
			laidOut(t, how, func(p pair) {
				p.start("eu")
				p.start("us")
				weights := func(region string) string {
					snap, err := p.stores[region].Read(p.t.Context(), "routes/"+region+"/")
					if err != nil || len(snap.Entries) != 1 {
						p.t.Fatalf("%+v, %v", snap, err)
					}
					return string(snap.Entries[0].Value)
				}
				if _, err := p.set.Rollback(p.t.Context(), "ranker", "us", fixture.By("ann"), "users complain"); err != nil {
					p.t.Fatal(err)
				}
				p.pass(time.Minute)
				if eu, us := weights("eu"), weights("us"); !strings.Contains(eu, `"ranker-v2":20`) || strings.Contains(us, `"ranker-v2":20`) {
					p.t.Errorf("in eu %s, in us %s", eu, us)
				}
				if st, err := p.set.Status(p.t.Context()); err != nil || len(st.Releases) != 2 || len(st.Quarantine) != 1 || len(st.Lost) != 0 {
					p.t.Errorf("%d releases, %d quarantines, lost %+v, %v", len(st.Releases), len(st.Quarantine), st.Lost, err)
				}
				all, err := p.set.RollbackAll(p.t.Context(), "ranker", fixture.By("ann"), "and here")
				if err != nil || all[0].Incident == nil || all[1].Refused == "" {
					p.t.Errorf("%+v, %v", all, err)
				}
				p.pass(time.Minute)
				if eu := weights("eu"); strings.Contains(eu, `"ranker-v2":20`) {
					p.t.Errorf("in eu %s", eu)
				}
			})
		})
	}
}
