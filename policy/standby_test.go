package policy

import (
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// standbyIs is a standby on record.
func standbyIs(state record.StandbyState, why string) *record.Standby {
	return &record.Standby{State: state, Why: why, Since: noon.Add(-time.Minute)}
}

// What is done about a severe breach while the last known good could not take all traffic.
func TestABreachWithAWeakStandby(t *testing.T) {
	const wrong = "1 of 3 stored predictions of v1 are answered differently"
	for _, tt := range []struct {
		name    string
		standby *record.Standby
		pods    int // counted with the breach; the runbook asks for 3
		catalog string
		action  record.Action
		guard   string
		says    string
	}{
		{"never probed", nil, 3, "", record.RollBack, GuardSevere, ""},
		{"warm", standbyIs(record.Warm, ""), 3, "", record.RollBack, GuardSevere, ""},
		{"a pod is missing", standbyIs(record.Warm, ""), 2, "", record.Ask, GuardStandby, "v1, has 2 pods ready and needs 3"},
		{"no pod at all", standbyIs(record.Cold, "v1 has 0 pods"), 0, "", record.Hold, GuardLKGNotWarm, "would turn every request into an error"},
		{"cold a moment ago, and its pods are back", standbyIs(record.Cold, "v1 has 0 pods"), 3, "", record.RollBack, GuardSevere, ""},
		{"cold by the catalog, and pods are counted", standbyIs(record.Cold, "ranker-v1 has 0 passing instances"), 3, "ranker-{version}", record.Ask, GuardStandby, "ranker-v1 has 0 passing instances"},
		{"its answers are wrong", standbyIs(record.StandbyUnhealthy, wrong), 3, "", record.Ask, GuardStandby, wrong},
		{"it could not be asked, and its pods are counted", standbyIs(record.StandbyUnknown, "connection refused"), 3, "", record.RollBack, GuardSevere, ""},
		{"it could not be asked, and a pod is missing", standbyIs(record.StandbyUnknown, "connection refused"), 2, "", record.Ask, GuardStandby, "needs 3"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := severe()
			in.Release.Standby, in.Breach.StablePods, in.Runbook.LastKnownGood.Catalog = tt.standby, tt.pods, tt.catalog
			d := Decide(in, noon)
			if d.Action != tt.action || d.Guard != tt.guard || !strings.Contains(d.Reasons[0], tt.says) {
				t.Errorf("%s by %s: %q", d.Action, d.Guard, d.Reasons)
			}
			if a := Again(Recorded(in), d); !a.Agrees {
				t.Errorf("decided again: %s", a.Text)
			}
			in.Runbook.Policy.OnExpiry = "rollback"
			in.Incident = &record.Incident{Decision: record.Decision{Guard: GuardMild}}
			if d, _ := Expired(in, noon, noon.Add(time.Second)); (d.Action == record.RollBack) != (tt.action == record.RollBack) {
				t.Errorf("nobody answered: %s (%q)", d.Action, d.Reasons)
			}
		})
	}
}

// Whatever else is decided, it says that no rollback is possible right now; a human's own
// rollback is warned, and carried out.
func TestDecisionsSayThatNoRollbackIsPossible(t *testing.T) {
	const why = "A rollback is not possible right now: v1 has 0 pods ready and needs 3 (since 2025-11-19 11:59:00 UTC)."
	cold := standbyIs(record.Cold, "v1 has 0 pods ready and needs 3")
	says := func(what string, d record.Decision, want string) {
		t.Helper()
		if n := strings.Count(strings.Join(d.Reasons, "\n"), want); n != 1 {
			t.Errorf("%s: %d times %q in %q", what, n, want, d.Reasons)
		}
	}
	for _, b := range bends() {
		in := severe()
		in.Release.Standby = cold
		if b.do(&in); b.guard == GuardLKGNotWarm || b.guard == GuardStandby {
			continue // it is their subject
		}
		if d := Decide(in, noon); d.Action != record.RollBack {
			says(b.name, d, why)
		}
	}
	in := severe()
	in.Release.Standby = cold
	says("checks", Checks(in, "errors", noon), why)
	in.ExternalChange = true
	says("external change", ExternalChange(in, noon), why)
	in = severe()
	in.Release.Standby, in.ByHuman, in.Breach = cold, true, record.Breach{}
	if d := Decide(in, noon); d.Action != record.RollBack {
		t.Errorf("a human's rollback is %s", d.Action)
	} else {
		says("human", d, "Warning (standby): The last known good, v1, may not be able to take all traffic: v1 has 0 pods ready")
	}
	in.Release.Phase = record.Closed
	if d := Decide(in, noon); strings.Contains(strings.Join(d.Reasons, "\n"), why) {
		t.Errorf("the release is over: %q", d.Reasons)
	}
}

// What is bad or cold stops the ramp; what nobody knows is asked about when the step is due.
func TestAWeakStandbyStopsTheRamp(t *testing.T) {
	for _, tt := range []struct {
		standby *record.Standby
		why     string
	}{
		{nil, ""}, {standbyIs(record.Warm, ""), ""}, {standbyIs(record.StandbyUnknown, "connection refused"), ""},
		{standbyIs(record.Cold, "v1 has 0 pods"), "a rollback is not possible right now: v1 has 0 pods"},
		{standbyIs(record.StandbyUnhealthy, "v1 answers otherwise"), "a rollback is not possible right now: v1 answers otherwise"},
	} {
		in := ramping()
		in.Release.Standby = tt.standby
		if guard, why := Promote(in, noon); why != tt.why || (guard == "standby") != (why != "") {
			t.Errorf("%+v: %s says %q, want %q", tt.standby, guard, why, tt.why)
		}
	}
}

// A trigger in the wrong unit makes an absolute limit look broken: the unit is said first.
func TestUnarmedTriggersAreSaidBeforeTheLimitTheyBreak(t *testing.T) {
	in := ramping()
	in.Ready.StableUnhealthy = true
	if _, why := Promote(in, noon); why != "v1 breaks an absolute limit" {
		t.Errorf("alone: %q", why)
	}
	in.Ready.RulesDrift = "the unit of latency is s, not ms"
	if _, why := Promote(in, noon); why != "not every trigger is armed: the unit of latency is s, not ms" {
		t.Errorf("both: %q", why)
	}
}

// ramping is a ramp to whose next step nothing objects.
func ramping() Ramp {
	in := Ramp{Runbook: severe().Runbook, Release: severe().Release, Watchdog: noon,
		Ready: &record.Readiness{AskedAt: noon, StablePods: 3, CandidatePods: 3, CandidateRate: 5}}
	in.Runbook.Rollout = &runbook.Rollout{Strategy: runbook.Canary, Promote: runbook.PromoteAutomatic, Steps: []runbook.RampStep{{Weight: 5, For: 1}, {Weight: 100}}}
	return in
}
