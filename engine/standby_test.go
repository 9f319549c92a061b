package engine

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/verify"
)

// letters are the messages that people got, by kind.
type letters map[string][]record.Message

// climbingWarm is a ramp whose messages are kept, and whose stable side answers one stored
// prediction as score says; nil: none is stored.
func climbingWarm(t *testing.T, score *atomic.Value, test func(climb, letters)) {
	got := letters{}
	climbingWith(t, fixture.Ramp(runbook.PromoteAutomatic), 20, func(p *Parts) {
		p.Post = posts(func(m record.Message) (string, error) {
			got[m.Kind] = append(got[m.Kind], m)
			return "#ranking-oncall", nil
		})
		p.Client = &http.Client{Transport: served(func(string) (int, string) { return 200, score.Load().(string) })}
	}, func(c climb) {
		if score != nil {
			rb := *c.e.runbooks()[0]
			rb.Verification.Golden = predictions("http://{version}/predict")
			must(t, c.e.Reload([]*runbook.Runbook{&rb}))
		}
		test(c, got)
	})
}

// The pods of the last known good vanish while the candidate is at 20 %: within seconds the ramp
// stops and one page says so, though no step is due for minutes. A breach moves nothing to it, and
// is rolled back as soon as its pods are back.
func TestTheStandbyVanishes(t *testing.T) {
	climbingWarm(t, nil, func(c climb, got letters) {
		t := c.t
		c.pass(15 * time.Second)
		if s := c.release().Standby; s == nil || s.State != record.Warm || len(s.Answers) != 1 {
			t.Fatalf("with its pods it is %+v", s)
		}
		c.f.set(func(f *facts) { f.stable = 0 })
		c.pass(15 * time.Second)
		s := c.release().Standby
		if s.State != record.Cold || s.Why != "v1 has 0 pods ready and needs 2 to take all traffic" || !s.Notified() {
			t.Fatalf("without pods it is %+v", s)
		}
		if n := testutil.CollectAndCount(roles{c.e}, "autorollback_standby"); n != 1 {
			t.Errorf("autorollback_standby has %d series", n)
		}
		c.pass(11 * time.Minute)
		if rel := c.release(); rel.Weight != 20 || !strings.Contains(rel.Waiting, "a rollback is not possible right now: v1 has 0 pods") {
			t.Errorf("%v %%, waiting: %s", rel.Weight, rel.Waiting)
		}
		if n := len(got["no_rollback"]); n != 1 || !got["no_rollback"][0].Page {
			t.Errorf("%d pages that no rollback is possible", n)
		}
		c.f.set(func(f *facts) { f.breaking["errors"] = true })
		c.pass(15 * time.Second)
		i := incidentOf(t, c.st)
		if i.Phase != record.HeldPhase || i.Decision.Guard != policy.GuardLKGNotWarm || c.router() != "ranker-v1 80, ranker-v2 20" {
			t.Errorf("a breach is %s by %s, and the router has %s", i.Phase, i.Decision.Guard, c.router())
		}
		if held := got["held"]; len(held) != 1 || !strings.Contains(held[0].Text, "A rollback is not possible right now: v1 has 0 pods") {
			t.Errorf("people were told %+v", held)
		}
		c.f.set(func(f *facts) { f.stable, f.traffic = 3, 0 })
		c.pass(15 * time.Second)
		if n := len(got["no_rollback_ended"]); n != 1 {
			t.Errorf("told %d times that it is over", n)
		}
		if rel := c.release(); rel.Phase != record.RolledBack || rel.Standby != nil || c.router() != "ranker-v1 100, ranker-v2 0" {
			t.Errorf("with its pods back the release is %s, the router has %s", rel.Phase, c.router())
		}
	})
}

// One pod of two is missing: a breach asks a human, and the message says why.
func TestAStandbyWithTooFewPodsAsks(t *testing.T) {
	climbingWarm(t, nil, func(c climb, got letters) {
		t := c.t
		c.f.set(func(f *facts) { f.stable = 1 })
		c.pass(15 * time.Second)
		c.f.set(func(f *facts) { f.breaking["errors"] = true })
		c.pass(15 * time.Second)
		i := incidentOf(t, c.st)
		if i.Phase != record.Awaiting || i.Decision.Guard != policy.GuardStandby || c.release().Weight != 20 {
			t.Errorf("a breach is %s by %s", i.Phase, i.Decision.Guard)
		}
		if asks := got["approval"]; len(asks) != 1 || !strings.Contains(asks[0].Text, "A rollback is not possible right now: v1 has 1 pod ready and needs 2") {
			t.Errorf("people were asked %+v", asks)
		}
		c.f.set(func(f *facts) { f.stable = 2 })
		c.pass(15 * time.Second)
		if rel := c.release(); rel.Phase != record.RolledBack {
			t.Errorf("with both pods the release is %s", rel.Phase)
		}
	})
}

// The pods are there, and a stored prediction is answered otherwise.
func TestAnUnhealthyStandby(t *testing.T) {
	var score atomic.Value
	score.Store(`{"score":0.5}`)
	climbingWarm(t, &score, func(c climb, got letters) {
		t := c.t
		c.pass(90 * time.Second)
		if s := c.release().Standby; s.State != record.Warm || len(s.Answers) != 2 {
			t.Fatalf("with good predictions it is %+v", s)
		}
		score.Store(`{"score":0.9}`)
		c.pass(90 * time.Second)
		s := c.release().Standby
		if s.State != record.StandbyUnhealthy || !strings.Contains(s.Why, "1 of 1 stored predictions of v1 are answered differently") {
			t.Fatalf("with wrong predictions it is %+v", s)
		}
		score.Store(`{"score":0.5}`)
		c.pass(15 * time.Second)
		if s := c.release().Standby; s.State != record.Warm || len(got["no_rollback"]) != 1 || len(got["no_rollback_ended"]) != 1 {
			t.Errorf("with good ones again it is %+v, told %d and %d times", s, len(got["no_rollback"]), len(got["no_rollback_ended"]))
		}
	})
}

// A Prometheus that does not answer says nothing against the standby: it is unknown after a
// minute, and nobody is paged that it is cold.
func TestAStandbyThatCannotBeProbedIsUnknown(t *testing.T) {
	climbingWarm(t, nil, func(c climb, got letters) {
		t := c.t
		c.pass(15 * time.Second)
		c.f.set(func(f *facts) { f.mute = true })
		c.pass(30 * time.Second)
		if s := c.release().Standby; s.State != record.Warm {
			t.Errorf("after half a minute it is %+v", s)
		}
		c.pass(time.Minute)
		if s := c.release().Standby; s.State != record.StandbyUnknown || !strings.Contains(s.Why, "too many queries") {
			t.Errorf("after a minute and a half it is %+v", s)
		}
		c.f.set(func(f *facts) { f.mute = false })
		c.pass(15 * time.Second)
		if s := c.release().Standby; s.State != record.Warm || len(got["no_rollback"]) != 0 {
			t.Errorf("then it is %+v, and people were paged %d times", s, len(got["no_rollback"]))
		}
	})
}

// A pod that comes and goes pages once in ten minutes, and a single lost scrape never.
func TestAFlappingStandbyPagesOnce(t *testing.T) {
	climbingWarm(t, nil, func(c climb, got letters) {
		t := c.t
		c.pass(15 * time.Second)
		for range 3 { // one probe each
			c.f.set(func(f *facts) { f.stable = 1 })
			c.pass(5 * time.Second)
			c.f.set(func(f *facts) { f.stable = 3 })
			c.pass(15 * time.Second)
		}
		if s := c.release().Standby; s.State != record.Warm || len(got["no_rollback"]) != 0 {
			t.Fatalf("a probe here and there made it %+v, paged %d times", s, len(got["no_rollback"]))
		}
		for range 4 {
			c.f.set(func(f *facts) { f.stable = 1 })
			c.pass(30 * time.Second)
			c.f.set(func(f *facts) { f.stable = 3 })
			c.pass(30 * time.Second)
		}
		if n, over := len(got["no_rollback"]), len(got["no_rollback_ended"]); n != 1 || over != 1 {
			t.Errorf("told %d times, and %d times that it is over", n, over)
		}
	})
}

// Services without an open release cost nothing.
func TestIdleServicesAreNotProbed(t *testing.T) {
	e, _, f := solo(t, nil)
	e.probeStandbys(t.Context())
	if f.asked["warm stable"] != 1 {
		t.Fatalf("an open release was asked %d times", f.asked["warm stable"])
	}
	if _, err := e.Rollback(t.Context(), "ranker", "", fixture.By("ann"), "enough"); err != nil {
		t.Fatal(err)
	}
	e.probeStandbys(t.Context())
	if f.asked["warm stable"] != 1 || len(e.standbys) != 0 {
		t.Errorf("after its end it was asked, %d times in all; %d are remembered", f.asked["warm stable"], len(e.standbys))
	}
}

// withCatalog is a store that knows which instances pass their checks.
type withCatalog struct {
	*memory
	passing atomic.Int64
	asked   atomic.Pointer[string]
}

func (c *withCatalog) Passing(_ context.Context, service string) (int, error) {
	c.asked.Store(&service)
	return int(c.passing.Load()), nil
}

// The pods report to Prometheus, and Consul's catalog says that one of two does not pass its
// checks: cold, and a breach asks although pods are counted with it.
func TestTheCatalogSaysThatTheStandbyIsCold(t *testing.T) {
	catalog := &withCatalog{}
	catalog.passing.Store(2)
	climbingWith(t, fixture.Ramp(runbook.PromoteAutomatic), 20, func(p *Parts) {
		catalog.memory = p.Store.(*memory)
		p.Store = catalog
	}, func(c climb) {
		t := c.t
		c.pass(15 * time.Second)
		if catalog.asked.Load() != nil {
			t.Errorf("a catalog that the runbook does not name is asked for %s", *catalog.asked.Load())
		}
		rb := *c.e.runbooks()[0]
		rb.LastKnownGood.Catalog = "{backend}.service"
		must(t, c.e.Reload([]*runbook.Runbook{&rb}))
		c.pass(15 * time.Second)
		if s := c.release().Standby; s.State != record.Warm || len(s.Answers) != 2 || *catalog.asked.Load() != "ranker-v1.service" {
			t.Fatalf("with two instances it is %+v", s)
		}
		catalog.passing.Store(1)
		c.pass(15 * time.Second)
		if s := c.release().Standby; s.State != record.Cold || !strings.Contains(s.Why, "ranker-v1.service has 1 passing instance") {
			t.Fatalf("with one instance it is %+v", s)
		}
		c.f.set(func(f *facts) { f.breaking["errors"] = true })
		c.pass(15 * time.Second)
		if i := incidentOf(t, c.st); i.Phase != record.Awaiting || i.Decision.Guard != policy.GuardStandby {
			t.Errorf("a breach is %s by %s", i.Phase, i.Decision.Guard)
		}
	})
}

// A store that is no Consul has no catalog: that is not known, and not cold.
func TestWithoutAConsulTheCatalogIsUnknown(t *testing.T) {
	e, _, _ := solo(t, nil)
	e.services["ranker"].rb.LastKnownGood.Catalog = "ranker-{version}"
	for _, o := range e.open() {
		state, why := verify.JudgeStandby(e.countStandby(t.Context(), o))
		if state != record.StandbyUnknown || !strings.Contains(why, "is not Consul") {
			t.Errorf("it is %s: %s", state, why)
		}
	}
}

// Two replicas see the pods go and come back: people are told once of each.
func TestReplicasTellOfAColdStandbyOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, st, f := solo(t, nil)
		other := engineOf(t, partsOf(st, f), e.runbooks()[0], Options{Replica: "another"})
		look := func() {
			for range 3 {
				for _, replica := range []*Engine{e, other} {
					rel, err := replica.Release(t.Context(), "ranker", "")
					must(t, err)
					replica.last[theTarget] = rel
					replica.probeStandbys(t.Context())
				}
				time.Sleep(5 * time.Second)
			}
		}
		look()
		f.set(func(f *facts) { f.stable = 0 })
		look()
		if n := len(pagesOf(t, st, "no_rollback")); n != 1 {
			t.Errorf("%d pages, want 1", n)
		}
		f.set(func(f *facts) { f.stable = 3 })
		look()
		if n := kindsIn(t, st, "no_rollback_ended"); n != 1 {
			t.Errorf("told %d times that it is over", n)
		}
	})
}
