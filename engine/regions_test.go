package engine

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/test/sim"
	"github.com/autorollback/autorollback/view"
)

// An atlas is two regions, each with a store, facts and engines of its own, which see each
// other's stores as they are.
type atlas struct {
	t       *testing.T
	stores  map[string]*fixture.Cuttable
	facts   map[string]*facts
	engines map[string]*Engine
	told    map[string]map[string]record.Message // by region and id
	seen    sync.Mutex
	known   map[string]record.StoreState
}

// Stores reads both stores now, and keeps what one that is cut off said before.
func (a *atlas) Stores() []record.StoreState {
	a.seen.Lock()
	defer a.seen.Unlock()
	var all []record.StoreState
	for _, region := range []string{"eu", "us"} {
		st, err := ReadState(context.Background(), a.stores[region])
		if err == nil {
			st.At = time.Now()
		} else {
			st = a.known[region]
			st.Problem = err.Error()
		}
		st.Regions = []string{region}
		a.known[region] = st
		all = append(all, st)
	}
	return all
}

// travelling runs the test in a bubble, with a release that is to go from eu to us.
func travelling(t *testing.T, promote string, test func(a *atlas)) {
	synctest.Test(t, func(t *testing.T) {
		rb := fixture.Runbook(t, "page")
		rb.Regions, rb.Rollout = []string{"eu", "us"}, fixture.Ramp(promote)
		for n := range rb.Rollout.Steps {
			rb.Rollout.Steps[n].For = runbook.Duration(time.Minute)
		}
		rb.Rollout.Bake = runbook.Duration(2 * time.Minute) // proved after five minutes
		a := &atlas{t: t, stores: map[string]*fixture.Cuttable{}, facts: map[string]*facts{}, engines: map[string]*Engine{}, told: map[string]map[string]record.Message{}, known: map[string]record.StoreState{}}
		for _, region := range rb.Regions {
			a.stores[region] = &fixture.Cuttable{Store: newMemory()}
			a.facts[region] = factsOf(t, rb)
			must(t, put(a.stores[region], routerKey, `{"weights":{"ranker-v1":100}}`))
		}
		for _, region := range rb.Regions {
			p := partsOf(a.stores[region], a.facts[region])
			p.Regions = a
			a.told[region] = map[string]record.Message{}
			p.Post = posts(func(m record.Message) (string, error) {
				a.seen.Lock()
				defer a.seen.Unlock()
				a.told[region][m.ID] = m
				return "#ranking-oncall", nil
			})
			a.engines[region] = engineOf(t, p, rb, Options{Replica: "replica", Region: region, OwnPrometheus: true})
		}
		l := fixture.Launch(t)
		l.Regions = rb.Regions
		if _, err := a.engines["eu"].Start(t.Context(), l, fixture.By("ann")); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		defer func() { stop(); running.Wait() }()
		for _, e := range a.engines {
			running.Go(func() {
				if err := e.Run(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		test(a)
	})
}

// pass lets time pass with every region's watchdog heard.
func (a *atlas) pass(d time.Duration) {
	for ; d > 0; d -= time.Minute {
		for region, e := range a.engines {
			if a.stores[region].Err() == nil {
				must(a.t, e.Alerts(a.t.Context(), []record.Alert{{Trigger: watchdog, Firing: true, Source: record.Webhook}}))
			}
		}
		time.Sleep(min(d, time.Minute))
	}
	synctest.Wait()
}

// in is how the release stands in a region: its phase, or none.
func (a *atlas) in(region string) string {
	rel, err := a.engines[region].Release(a.t.Context(), "ranker", region)
	if errors.Is(err, runbook.ErrNotFound) {
		return "none"
	}
	must(a.t, err)
	return string(rel.Phase)
}

func (a *atlas) want(eu, us string) {
	a.t.Helper()
	if e, u := a.in("eu"), a.in("us"); e != eu || u != us {
		a.t.Fatalf("eu %s, us %s; want %s, %s; %+v", e, u, eu, us, view.ProgressOf(a.Stores(), time.Now()))
	}
}

func (a *atlas) step(n int) view.RegionStand {
	a.t.Helper()
	p := view.ProgressOf(a.Stores(), time.Now())
	if len(p) != 1 || len(p[0].Steps) != 2 {
		a.t.Fatalf("progress is %+v", p)
	}
	return p[0].Steps[n]
}

func TestTheNextRegionStartsWhenTheOneBeforeIsProved(t *testing.T) {
	travelling(t, runbook.PromoteAutomatic, func(a *atlas) {
		t := a.t
		a.pass(3 * time.Minute)
		a.want("open", "none")
		if s := a.step(1); s.State != view.StandWaiting || !strings.Contains(s.Text, "waits for eu to be proved") {
			t.Errorf("us is said to be %+v", s)
		}
		a.pass(4 * time.Minute)
		a.want("closed", "open")
		eu, us := a.release("eu"), a.release("us")
		if eu.ID == us.ID || us.Regions.ID != eu.Regions.ID || us.StartedBy != "ann" || us.Moves[0].To != 20 || us.Candidate != eu.Candidate {
			t.Errorf("in eu %+v, in us %+v", eu, us)
		}
		a.pass(6 * time.Minute)
		a.want("closed", "closed")
		// What was started here once is never started again, whatever came after it.
		before := a.release("us").ID
		a.pass(10 * time.Minute)
		if after := a.release("us").ID; after != before {
			t.Errorf("%s was started after %s", after, before)
		}
	})
}

func (a *atlas) release(region string) record.Release {
	rel, err := a.engines[region].Release(a.t.Context(), "ranker", region)
	must(a.t, err)
	return rel
}

func TestARegionAfterOneThatWasRolledBackIsNeverStarted(t *testing.T) {
	travelling(t, runbook.PromoteAutomatic, func(a *atlas) {
		t := a.t
		a.pass(2 * time.Minute)
		if _, err := a.engines["eu"].Rollback(t.Context(), "ranker", "eu", fixture.By("ann"), "users complain"); err != nil {
			t.Fatal(err)
		}
		a.pass(30 * time.Minute)
		a.want("rolled_back", "none")
		if s := a.step(1); s.State != view.StandNever {
			t.Errorf("us is said to be %+v", s)
		}
		// Nor by hand, while it is quarantined in eu.
		if _, err := a.engines["us"].Start(t.Context(), fixture.Launch(t), fixture.By("bob")); !errors.Is(err, runbook.ErrRefused) || !strings.Contains(err.Error(), "quarantined in region eu") {
			t.Errorf("started by hand: %v", err)
		}
	})
}

// A human rolls the second region back and lifts the quarantine: the plan has had its turn there.
func TestARegionIsNotStartedTwiceByOnePlan(t *testing.T) {
	travelling(t, runbook.PromoteAutomatic, func(a *atlas) {
		t := a.t
		a.pass(6 * time.Minute)
		a.want("closed", "open")
		if _, err := a.engines["us"].Rollback(t.Context(), "ranker", "us", fixture.By("ann"), "users complain"); err != nil {
			t.Fatal(err)
		}
		before := a.release("us")
		must(t, a.engines["us"].Lift(t.Context(), before.Candidate.Bundle, fixture.By("ann"), "it was the network"))
		a.pass(20 * time.Minute) // its verdict, and more
		if after := a.release("us"); after.ID != before.ID || after.Phase != record.RolledBack {
			t.Errorf("us is %s %s", after.ID, after.Phase)
		}
	})
}

func TestARegionThatCannotBeReachedIsNotTakenForProved(t *testing.T) {
	travelling(t, runbook.PromoteAutomatic, func(a *atlas) {
		t := a.t
		a.pass(3 * time.Minute)
		a.stores["eu"].Cut(true)
		a.pass(10 * time.Minute)
		a.stores["eu"].Cut(false)
		if got := a.in("us"); got != "none" {
			t.Errorf("us was %s while eu could not be reached", got)
		}
		a.pass(3 * time.Minute)
		a.want("closed", "open")
	})
}

// Whenever a process dies, and whoever looks first, there is one release of a plan in a region.
func TestOneReleaseOfAPlanInARegion(t *testing.T) {
	started := 0
	for seed := range uint64(sim.Size(40, 6, 1)) {
		travelling(t, runbook.PromoteAutomatic, func(a *atlas) {
			t := a.t
			draw := rand.New(rand.NewPCG(seed, 7))
			twin := a.twin("us")
			ids := map[string]bool{}
			for n := range 24 {
				switch what := draw.IntN(4); {
				case n >= 14:
					a.stores["eu"].Cut(false)
					a.stores["us"].Cut(false)
				case what == 0:
					twin.startNext(t.Context())
				case what == 1:
					dying, die := context.WithCancel(t.Context())
					die()
					twin.startNext(dying)
				case what == 3: // a human, whom the store may not answer
					if i, err := twin.Rollback(t.Context(), "ranker", "us", fixture.By("ann"), "users complain"); err == nil {
						_ = twin.Lift(t.Context(), i.Candidate.Bundle, fixture.By("ann"), "it was the network")
					}
				case what == 2:
					a.stores[[]string{"eu", "us"}[draw.IntN(2)]].Cut(draw.IntN(2) == 0)
				}
				a.pass(time.Minute)
				if rel, err := a.engines["us"].Release(t.Context(), "ranker", "us"); err == nil {
					ids[rel.ID] = true
				}
			}
			if started += len(ids); len(ids) > 1 {
				t.Errorf("seed %d: %d releases of one plan in us", seed, len(ids))
			}
		})
	}
	if started == 0 {
		t.Error("no release was ever started in us")
	}
}

// twin is another replica of a region, which does not run.
func (a *atlas) twin(region string) *Engine {
	p := partsOf(a.stores[region], a.facts[region])
	p.Regions = a
	rb, _ := a.engines[region].Runbook("ranker")
	whole := *rb
	whole.Regions = []string{"eu", "us"}
	return engineOf(a.t, p, &whole, Options{Replica: "twin", Region: region, OwnPrometheus: true})
}

// Several regions that breach at once stop promotion in all, until a human resumes each.
func TestTheBrakeReadsAllRegions(t *testing.T) {
	travelling(t, runbook.PromoteAutomatic, func(a *atlas) {
		t := a.t
		if _, err := a.engines["us"].Start(t.Context(), fixture.Launch(t), fixture.By("bob")); err != nil {
			t.Fatal(err)
		}
		a.pass(time.Minute)
		for region, e := range a.engines {
			a.facts[region].breaking["slowish"] = true // mild: a human is asked
			alert := fixture.Alert("slowish", record.Webhook)
			alert.Region = region
			must(t, e.Alerts(t.Context(), []record.Alert{alert}))
		}
		a.pass(time.Minute)
		for _, region := range []string{"eu", "us"} {
			if rel := a.release(region); !strings.Contains(rel.Frozen, "several regions breach at once: eu (ranker), us (ranker)") {
				t.Errorf("in %s frozen is %q", region, rel.Frozen)
			}
			told := slices.Collect(maps.Values(a.told[region]))
			if n := len(slices.DeleteFunc(told, func(m record.Message) bool { return m.Kind != "brake" })); n != 1 {
				t.Errorf("in %s it was told %d times", region, n)
			}
		}
		for region, e := range a.engines { // a human has looked
			a.facts[region].breaking = map[string]bool{}
			i, err := e.Incident(t.Context(), a.release(region).Incident)
			must(t, err)
			if _, err := e.Answer(t.Context(), i.Approval, fixture.By("ann"), record.Reply{Yes: false, Reason: "expected"}); err != nil {
				t.Fatal(err)
			}
			if _, err := e.Resume(t.Context(), "ranker", region, fixture.By("ann"), "looked at it"); err != nil {
				t.Fatal(err)
			}
		}
		a.pass(5 * time.Minute)
		for _, region := range []string{"eu", "us"} {
			if rel := a.release(region); rel.Frozen != "" {
				t.Errorf("in %s it is frozen again for what was resumed: %q", region, rel.Frozen)
			}
		}
	})
}
