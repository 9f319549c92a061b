package policy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/view"
)

func stateAt(at time.Time, region string, change func(*record.StoreState)) record.StoreState {
	st := record.StoreState{Regions: []string{region}, At: at}
	if change != nil {
		change(&st)
	}
	return st
}

// The limit of automatic rollbacks is one for all regions, and a store that does not answer has
// spent it.
func TestBudgetReadsAllRegions(t *testing.T) {
	now := fixture.Morning
	rolled := func(n int) func(*record.StoreState) {
		return func(st *record.StoreState) {
			for range n {
				st.Budget.Recent = append(st.Budget.Recent, now.Add(-10*time.Minute))
			}
		}
	}
	for _, c := range []struct {
		name   string
		own    int
		stores []record.StoreState
		action record.Action
		says   string
	}{
		{name: "one region", action: record.RollBack},
		{name: "the others have spent nothing", own: 2, stores: []record.StoreState{stateAt(now, "us", nil)}, action: record.RollBack},
		{name: "together they have", own: 1, stores: []record.StoreState{stateAt(now, "us", rolled(1)), stateAt(now, "ap", rolled(1))}, action: record.Ask, says: "3 times"},
		{name: "its own store is not counted twice", own: 2, stores: []record.StoreState{stateAt(now, "eu", rolled(2))}, action: record.RollBack},
		{name: "one is gone", stores: []record.StoreState{stateAt(now, "ap", nil), stateAt(now.Add(-record.StoreFresh-time.Second), "us", func(st *record.StoreState) { st.Problem = "no route" })},
			action: record.Ask, says: "region us has not answered since"},
		{name: "one was never there", stores: []record.StoreState{{Regions: []string{"us"}, Problem: "no route"}}, action: record.Ask, says: "region us has not answered yet"},
		{name: "one was slow", stores: []record.StoreState{stateAt(now.Add(-record.StoreFresh), "us", nil)}, action: record.RollBack},
	} {
		t.Run(c.name, func(t *testing.T) {
			rb := fixture.Runbook(t, "page")
			in := policy.Input{Runbook: rb, Breach: fixture.Breach("errors", record.Breaching), Elsewhere: policy.Elsewhere(c.stores, "eu", now),
				Release: record.Release{Service: "ranker", Region: "eu", Phase: record.Open, Weight: 20, Stable: record.Side{Version: "v1"}, Candidate: record.Side{Version: "v2"}}}
			for range c.own {
				in.Budget.Recent = append(in.Budget.Recent, now.Add(-time.Minute))
			}
			d := policy.Decide(in, now)
			if d.Action != c.action || !strings.Contains(d.Reasons[0], c.says) {
				t.Errorf("decided %s (%s): %v", d.Action, d.Guard, d.Reasons)
			}
			if again := policy.Again(policy.Recorded(in), d); !again.Agrees {
				t.Errorf("made again: %s", again.Text)
			}
		})
	}
}

func TestBrake(t *testing.T) {
	now := fixture.Morning
	breached := func(region string, ago time.Duration) record.StoreState {
		return stateAt(now, region, func(st *record.StoreState) {
			st.Releases = []record.Release{{Service: "ranker", Region: region, BreachedAt: now.Add(-ago)}}
		})
	}
	for _, c := range []struct {
		name   string
		stores []record.StoreState
		stops  bool
	}{
		{"one breaches", []record.StoreState{breached("eu", time.Minute), stateAt(now, "us", nil)}, false},
		{"two breach", []record.StoreState{breached("eu", time.Minute), breached("us", 2*time.Minute)}, true},
		{"one long after the other", []record.StoreState{breached("eu", time.Minute), breached("us", policy.BrakeWindow+time.Minute)}, false},
		{"two services in one region", []record.StoreState{stateAt(now, "eu", func(st *record.StoreState) {
			st.Releases = []record.Release{{Service: "a", Region: "eu", BreachedAt: now}, {Service: "b", Region: "eu", BreachedAt: now}}
		})}, false},
		{"two services in two regions of one store", []record.StoreState{{At: now, Releases: []record.Release{
			{Service: "a", Region: "eu", BreachedAt: now}, {Service: "b", Region: "us", BreachedAt: now}}}}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			why, newest := policy.Brake(c.stores, now)
			if (why != "") != c.stops || newest.IsZero() == c.stops {
				t.Errorf("%q, %s", why, newest)
			}
		})
	}
}

func TestRegionTurn(t *testing.T) {
	now := fixture.Morning
	both := []record.StoreState{{At: now, Releases: []record.Release{{Region: "eu", BreachedAt: now}, {Region: "us", BreachedAt: now}}}}
	for _, c := range []struct {
		name   string
		phase  record.ReleasePhase
		lost   string
		stores []record.StoreState
		want   policy.Turn
	}{
		{"it is on its way", record.Open, "", nil, policy.TurnWaits},
		{"it is proved", record.Closed, "", nil, policy.TurnNow},
		{"it was proved, and does not answer now", record.Closed, "has not answered", nil, policy.TurnWaits},
		{"it was rolled back", record.RolledBack, "", nil, policy.TurnNever},
		{"it was rolled back, and does not answer now", record.RolledBack, "has not answered", nil, policy.TurnNever},
		{"it is proved, and several regions breach", record.Closed, "", both, policy.TurnWaits},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, why := policy.RegionTurn(record.Release{Region: "eu", Phase: c.phase}, c.lost, c.stores, now)
			if got != c.want || (why == "") != (got == policy.TurnNow) {
				t.Errorf("%s: %q", got, why)
			}
		})
	}
}

// What one region rolled back is neither started nor promoted in another.
func TestQuarantineOfAnotherRegion(t *testing.T) {
	rb := fixture.Runbook(t, "page")
	rb.Rollout = fixture.Ramp("automatic")
	us := stateAt(fixture.Morning, "us", func(st *record.StoreState) {
		st.Quarantined = map[string]record.Quarantine{"sha256:2": {Bundle: "sha256:2", Incident: "inc-1", Reason: "errors"}}
	})
	launch := policy.Launch{Runbook: rb, Region: "eu", Candidate: record.Side{Bundle: "sha256:2"}, Stores: []record.StoreState{us}}
	if err := policy.Start(launch); err == nil || !strings.Contains(err.Error(), "quarantined in region us by incident inc-1") {
		t.Errorf("started: %v", err)
	}
	rel := record.Release{Region: "eu", Phase: record.Open, Weight: 20, Candidate: record.Side{Bundle: "sha256:2"}}
	if guard, why := policy.Promote(policy.Ramp{Runbook: rb, Release: rel, Stores: []record.StoreState{us}}, fixture.Morning); guard != "not_possible" {
		t.Errorf("promotion is held by %s: %s", guard, why)
	}
}

func TestRefuseRegions(t *testing.T) {
	ramp := fixture.Runbook(t, "page")
	ramp.Rollout = fixture.Ramp(runbook.PromoteManual)
	none := *ramp
	none.Rollout = nil
	before := func(service string, state string) []view.Progress {
		return []view.Progress{{Service: service, Version: "v2", Steps: []view.RegionStand{{Region: "us", State: state, Text: "waits for eu"}}}}
	}
	two := []string{"eu", "us"}
	for name, c := range map[string]struct {
		rb       *runbook.Runbook
		regions  []string
		progress []view.Progress
		want     string
	}{
		"both":                          {ramp, two, nil, ""},
		"one, without a ramp":           {&none, two[:1], before("ranker", view.StandWaiting), ""},
		"both, without a ramp":          {&none, two, nil, "no section rollout"},
		"one before is on its way":      {ramp, two, before("ranker", view.StandWaiting), "has not reached us (waits for eu)"},
		"another service's is":          {ramp, two, before("ads", view.StandWaiting), ""},
		"one before was never to start": {ramp, two, before("ranker", view.StandNever), ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := policy.RefuseRegions(c.rb, c.regions, c.progress); (got != "") != (c.want != "") || !strings.Contains(got, c.want) {
				t.Errorf("it says %q, want %q", got, c.want)
			}
		})
	}
}
