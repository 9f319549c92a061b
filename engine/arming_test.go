package engine

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
)

// said is a Prometheus that says what keeps triggers from firing.
type said struct {
	mu     sync.Mutex
	drifts []rules.Drift
	err    error
}

func (s *said) Release(context.Context, *runbook.Runbook, record.Release) ([]rules.Drift, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.drifts, s.err
}

func (s *said) set(err error, drifts ...rules.Drift) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drifts, s.err = drifts, err
}

// A trigger that cannot fire stops the ramp within a minute and is told once; a breach of another
// one still rolls back, and once it is fixed the ramp goes on.
func TestATriggerThatIsOffStopsTheRamp(t *testing.T) {
	arming, told := &said{}, map[string]int{}
	climbingWith(t, fixture.Ramp(runbook.PromoteAutomatic), 20, func(p *Parts) {
		p.Arming = arming
		p.Post = posts(func(m record.Message) (string, error) { told[m.Kind]++; return "#ranking-oncall", nil })
	}, func(c climb) {
		t := c.t
		c.pass(time.Minute)
		dead := rules.Drift{Kind: "series", Service: "ranker", Trigger: "slo", What: "Prometheus has no series requests", Fix: "correct the name"}
		arming.set(nil, dead)
		c.pass(time.Minute)
		if state, why := c.e.check("ranker").Armed("slo"); state != record.Off || why.Text != dead.What || why.Fix != dead.Fix {
			t.Fatalf("slo is %s because of %+v", state, why)
		}
		if state, _ := c.e.check("ranker").Armed("errors"); state != record.Armed {
			t.Errorf("errors is %s", state)
		}
		if got := testutil.ToFloat64(c.e.metrics.unarmed.WithLabelValues("ranker", "slo", "off")); got != 1 {
			t.Errorf("autorollback_trigger_unarmed is %v", got)
		}
		c.pass(15 * time.Minute)
		if rel := c.release(); rel.Weight != 20 || !strings.Contains(rel.Waiting, "not every trigger is armed: Prometheus has no series requests") {
			t.Errorf("%v %%, waiting: %s", rel.Weight, rel.Waiting)
		}
		if told["rule_drift"] != 1 {
			t.Errorf("told %v", told)
		}
		arming.set(errors.New("no answer"))
		c.pass(5 * time.Minute)
		if state, _ := c.e.check("ranker").Armed("slo"); state != record.Off {
			t.Errorf("while Prometheus does not answer slo is %s", state)
		}
		arming.set(nil)
		c.pass(5 * time.Minute)
		if rel := c.release(); rel.Weight != 50 || told["rule_drift_ended"] != 1 {
			t.Errorf("fixed: %v %%, waiting: %s, told %v", rel.Weight, rel.Waiting, told)
		}
		if n := testutil.CollectAndCount(c.e.metrics.unarmed); n != 0 {
			t.Errorf("%d triggers are exported as unarmed", n)
		}
	})
}

// An answer about the rules counts once, however often the triggers are checked meanwhile.
func TestOneLookAtTheRulesIsNoDrift(t *testing.T) {
	climbingWith(t, fixture.Ramp(runbook.PromoteAutomatic), 20, func(p *Parts) { p.Arming = &said{} }, func(c climb) {
		c.e.mu.Lock()
		c.e.drifts = []rules.Drift{{Kind: rules.Stale, Trigger: watchdog, What: "it has not been evaluated yet"}}
		c.e.driftsSeen = time.Now()
		c.e.mu.Unlock()
		c.pass(time.Minute)
		if got := c.e.check("ranker").State; got != record.RulesSuspected {
			c.t.Errorf("it is %s", got)
		}
	})
}

// A start says what is not armed, and is not refused for it.
func TestAStartWarns(t *testing.T) {
	for name, c := range map[string]struct {
		said *said
		want string
	}{
		"armed":     {said: &said{}},
		"a typo":    {&said{drifts: []rules.Drift{{Kind: "series", Trigger: "errors", What: "no series", Fix: "correct it"}}}, "errors: no series; correct it"},
		"no answer": {&said{err: errors.New("refused")}, "cannot tell whether every trigger is armed: refused"},
	} {
		t.Run(name, func(t *testing.T) {
			rb, st := fixture.Runbook(t, "page"), newMemory()
			parts := partsOf(st, factsOf(t, rb))
			parts.Arming = c.said
			e := engineOf(t, parts, rb, Options{Replica: "replica"})
			must(t, put(st, routerKey, `{"weights":{"ranker-v1":100}}`))
			rel, err := e.Start(t.Context(), fixture.Launch(t), fixture.By("ann"))
			must(t, err)
			if got := strings.Join(rel.Unarmed, ", "); got != c.want {
				t.Errorf("it says %q, want %q", got, c.want)
			}
			if stored, _ := e.Release(t.Context(), "ranker", ""); stored.Unarmed != nil {
				t.Errorf("it is stored: %v", stored.Unarmed)
			}
		})
	}
}

// Where the watchdog comes every 15 s, a minute of its silence is told at once and stops the ramp.
func TestASilentWatchdogIsTold(t *testing.T) {
	told := map[string]int{}
	climbingWith(t, fixture.Ramp(runbook.PromoteManual), 20, func(p *Parts) {
		p.Arming = &said{}
		p.Post = posts(func(m record.Message) (string, error) { told[m.Kind]++; return "#ranking-oncall", nil })
	}, func(c climb) {
		t := c.t
		hear := func(n int) {
			for range n {
				must(t, c.e.Alerts(t.Context(), []record.Alert{{Trigger: watchdog, Firing: true, Source: record.Webhook}}))
				time.Sleep(15 * time.Second)
			}
		}
		hear(8)
		if state, why := c.e.check("ranker").Armed("errors"); state != record.Armed {
			t.Fatalf("with a watchdog every 15 s errors is %s: %+v", state, why)
		}
		time.Sleep(45 * time.Second)
		state, why := c.e.check("ranker").Armed("errors")
		if state != record.Degraded || why.Kind != "watchdog" || told["rule_drift"] != 1 {
			t.Errorf("after a minute without a word errors is %s: %+v, told %v", state, why, told)
		}
		hear(2)
		if state, why := c.e.check("ranker").Armed("errors"); state != record.Armed || told["rule_drift_ended"] != 1 {
			t.Errorf("received again, errors is %s: %+v, told %v", state, why, told)
		}
	})
}

// A trigger that the plan promises and that could not prove what the runbook names is told once it
// has lasted for its window, in the words of that moment, until the window has passed without it.
// Looks at the border in between change nothing, and the ramp goes on.
func TestABluntedTriggerIsToldOnce(t *testing.T) {
	seen, told := &proofs{}, map[string]int{}
	climbingWith(t, fixture.Ramp(runbook.PromoteAutomatic), 20, func(p *Parts) {
		p.Arming, p.Monitor = &said{}, seen
		p.Post = posts(func(m record.Message) (string, error) { told[m.Kind]++; return "#ranking-oncall", nil })
	}, func(c climb) {
		t := c.t
		const words = "only from this on could be proved now: error rate 9%; the runbook says 5%"
		seen.blunts("errors", words)
		c.pass(4 * time.Minute)
		if state, why := c.e.check("ranker").Armed("errors"); state != record.Armed {
			t.Fatalf("at traffic at which the plan needs longer than the window errors is %s: %+v", state, why)
		}
		seen.blunts("errors", "")
		c.f.set(func(f *facts) { f.planned = 1000 })
		c.pass(2 * time.Minute) // the plan is made anew
		seen.blunts("errors", words)
		time.Sleep(15 * time.Second)
		if state, why := c.e.check("ranker").Armed("errors"); state != record.Armed {
			t.Fatalf("seen for 15 s errors is %s: %+v", state, why)
		}
		c.pass(time.Minute)
		seen.blunts("errors", strings.Replace(words, "9%", "11%", 1))
		c.pass(time.Minute)
		state, why := c.e.check("ranker").Armed("errors")
		if state != record.Degraded || why.Kind != "blunted" || why.Text != "blunted: "+words || why.Fix == "" || told["rule_drift"] != 1 {
			t.Errorf("errors is %s: %+v, told %v", state, why, told)
		}
		if state, _ := c.e.check("ranker").Armed("slow"); state != record.Armed {
			t.Errorf("slow is %s", state)
		}
		for range 5 { // at the border it is seen at every second look
			seen.blunts("errors", "")
			time.Sleep(5 * time.Second)
			seen.blunts("errors", words)
			time.Sleep(15 * time.Second)
		}
		if told["rule_drift"] != 1 || told["rule_drift_ended"] != 0 {
			t.Errorf("at the border it is told %v", told)
		}
		seen.blunts("errors", "")
		c.pass(2 * time.Minute)
		if state, why := c.e.check("ranker").Armed("errors"); state != record.Armed || told["rule_drift_ended"] != 1 {
			t.Errorf("once it is over errors is %s: %+v, told %v", state, why, told)
		}
	})
}

// A blunted trigger holds no step.
func TestABluntedTriggerHoldsNothing(t *testing.T) {
	seen := &proofs{}
	climbingWith(t, fixture.Ramp(runbook.PromoteAutomatic), 20, func(p *Parts) { p.Arming, p.Monitor = &said{}, seen }, func(c climb) {
		seen.blunts("errors", "only from 9% on")
		c.f.set(func(f *facts) { f.planned = 1000 })
		c.pass(9 * time.Minute)
		if state, _ := c.e.check("ranker").Armed("errors"); state != record.Degraded {
			c.t.Fatalf("errors is %s", state)
		}
		c.pass(3 * time.Minute)
		if rel := c.release(); rel.Weight != 50 {
			c.t.Errorf("%v %%, waiting: %s", rel.Weight, rel.Waiting)
		}
	})
}

// What holds the ramp is told although the service is blunted already, and that was told.
func TestWhatHoldsIsToldAfterABluntedTrigger(t *testing.T) {
	seen, arming, told := &proofs{}, &said{}, map[string]int{}
	climbingWith(t, fixture.Ramp(runbook.PromoteManual), 20, func(p *Parts) {
		p.Arming, p.Monitor = arming, seen
		p.Post = posts(func(m record.Message) (string, error) { told[m.Kind]++; return "#ranking-oncall", nil })
	}, func(c climb) {
		seen.blunts("errors", "only from 9% on")
		c.f.set(func(f *facts) { f.planned = 1000 })
		c.pass(8 * time.Minute)
		if told["rule_drift"] != 1 {
			c.t.Fatalf("told %v", told)
		}
		arming.set(nil, rules.Drift{Kind: "series", Service: "ranker", Trigger: "slo", What: "Prometheus has no series requests"})
		c.pass(4 * time.Minute)
		if state, _ := c.e.check("ranker").Armed("slo"); state != record.Off || told["rule_drift"] != 2 {
			c.t.Errorf("slo is %s, told %v", state, told)
		}
	})
}

// A release that could not be checked keeps what was known of it, whatever the comparison of all
// rules says meanwhile: that knows nothing of series.
func TestWhatCouldNotBeCheckedStaysKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, _, _ := ruled(t)
		arming := &said{}
		e.arming = arming
		arming.set(nil, rules.Drift{Kind: "series", Service: "ranker", Trigger: "slo", What: "no series", Fix: "correct the name"})
		for range 2 {
			e.checkArming(t.Context())
			time.Sleep(time.Minute)
		}
		slo := func() record.ArmState { state, _ := e.check("ranker").Armed("slo"); return state }
		if got := slo(); got != record.Off {
			t.Fatalf("found twice, slo is %s", got)
		}
		arming.set(errors.New("no answer"))
		for range 3 {
			e.checkArming(t.Context())
			e.checkRules(t.Context())
		}
		if got := slo(); got != record.Off {
			t.Errorf("while nobody knows, slo is %s", got)
		}
		if n := len(e.unarmed["ranker"]); n != 1 {
			t.Errorf("%d findings are kept of one", n)
		}
		arming.set(nil)
		e.checkArming(t.Context())
		if got := slo(); got != record.Armed {
			t.Errorf("fixed, slo is %s", got)
		}
	})
}

// Another text of the runbook fixes it: armed at once, and told to be over within minutes, though
// a replica that still has the old text may find it again; while one does, it is not over.
func TestWhatANewTextFixesIsOverSoon(t *testing.T) {
	arming, told := &said{}, map[string]int{}
	climbingWith(t, fixture.Ramp(runbook.PromoteManual), 20, func(p *Parts) {
		p.Arming = arming
		p.Post = posts(func(m record.Message) (string, error) { told[m.Kind]++; return "#ranking-oncall", nil })
	}, func(c climb) {
		t := c.t
		dead := rules.Drift{Kind: "series", Service: "ranker", Trigger: "slo", What: "Prometheus has no series requests"}
		arming.set(nil, dead)
		c.pass(time.Minute)
		old := *c.e.runbooks()[0]
		other := engineOf(t, partsOf(c.st, c.f), &old, Options{Replica: "with the old text"})
		other.arming = &said{drifts: []rules.Drift{dead}}
		other.last[theTarget] = c.release()

		fixed := old
		fixed.Digest = "sha256:fixed"
		must(t, c.e.Reload([]*runbook.Runbook{&fixed}))
		arming.set(nil)
		for range 10 { // the other one still finds it
			other.checkArming(t.Context())
			c.pass(30 * time.Second)
		}
		if state, _ := c.e.check("ranker").Armed("slo"); state != record.Armed || told["rule_drift"] != 1 || told["rule_drift_ended"] != 0 {
			t.Fatalf("while another replica finds it slo is %s, told %v", state, told)
		}
		for range 5 { // with the watchdog as often as before
			c.pass(30 * time.Second)
		}
		if told["rule_drift"] != 1 || told["rule_drift_ended"] != 1 {
			t.Errorf("once nobody finds it, told %v", told)
		}
	})
}
