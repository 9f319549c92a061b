package cards_test

import (
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
	"github.com/autorollback/autorollback/web/cards"
)

var now = time.Date(2030, 5, 6, 9, 0, 0, 0, time.UTC)

// standing is a release on its way to all traffic, at 25 %, with nothing to say against it.
func standing() view.Standing {
	rb := &runbook.Runbook{Service: "ranker", Regions: []string{"eu"}, Owner: runbook.Owner{Team: "ranking"},
		Policy:   runbook.Policy{Mode: runbook.Active, Approvers: []string{"ann", "bob"}},
		Triggers: []runbook.Trigger{{Name: "errors", Type: runbook.ErrorRate, Above: 0.05}, {Name: "slow", Type: runbook.ErrorRate, Above: 0.1}},
		Rollout: &runbook.Rollout{Strategy: runbook.Canary, Bake: runbook.Duration(time.Hour), Steps: []runbook.RampStep{
			{Weight: 5, For: runbook.Duration(10 * time.Minute)}, {Weight: 25, For: runbook.Duration(30 * time.Minute)}, {Weight: 100}}}}
	return view.Standing{Service: "ranker", Region: "eu", Runbook: rb, Control: record.Control{Mode: runbook.Active},
		Rules: record.RulesCheck{State: record.RulesOneToOne},
		Release: &record.Release{ID: "rel-1", Service: "ranker", Region: "eu", Phase: record.Open, Weight: 25, Epoch: 2, WeightChangedAt: now.Add(-10 * time.Minute),
			Stable: record.Side{Version: "v1"}, Candidate: record.Side{Version: "v2"}}}
}

func incident(t *view.Standing, phase record.Phase) *record.Incident {
	t.Incident = &record.Incident{ID: "inc-1", Phase: phase, Deadline: now.Add(9*time.Minute + 30*time.Second), Stable: record.Side{Version: "v1"}, Candidate: record.Side{Version: "v2"},
		Decision: record.Decision{Reasons: []string{"a severe breach is confirmed"}}}
	return t.Incident
}

func over(t *view.Standing, phase record.ReleasePhase) { t.Release.Phase = phase }

// states has each state that a target can be in, and what it is called.
var states = map[string]struct {
	edit func(t *view.Standing)
	you  bool
	text string
	kind cards.Kind
}{
	"on its way": {func(*view.Standing) {}, false, "ramping 25 %", cards.Ramping},
	"at the end": {func(t *view.Standing) { t.Release.Weight = 100 }, false, "baking 100 %", cards.Ramping},
	"no ramp":    {func(t *view.Standing) { t.Runbook.Rollout = nil }, false, "released to 25 %", cards.Ramping},
	"a question": {func(t *view.Standing) {
		t.Question = &record.Approval{Kind: record.Promotion, Status: record.Pending, ExpiresAt: now.Add(43 * time.Second)}
	}, false, "waiting for ann or bob 0:43", cards.Waiting},
	"a question to the reader": {func(t *view.Standing) {
		incident(t, record.Awaiting)
		t.Question = &record.Approval{Kind: record.RollbackApproval, Status: record.Pending, ExpiresAt: now.Add(43 * time.Second)}
	}, true, "waiting for you 0:43", cards.Waiting},
	"a question that is over": {func(t *view.Standing) { incident(t, record.Awaiting) }, true, "held", cards.Held},
	"stopped":                 {func(t *view.Standing) { t.Release.Stopped = &record.HumanStop{By: "ann", Reason: "lunch"} }, false, "stopped by ann", cards.Stopped},
	"frozen":                  {func(t *view.Standing) { t.Release.Frozen = "slo breaches" }, false, "frozen", cards.Frozen},
	"frozen by an incident":   {func(t *view.Standing) { incident(t, record.Frozen) }, false, "frozen", cards.Frozen},
	"held by a guard":         {func(t *view.Standing) { incident(t, record.HeldPhase) }, false, "held", cards.Held},
	"somebody else's split":   {func(t *view.Standing) { t.Release.Held = &record.HumanHold{} }, false, "held: somebody else changed the split", cards.Held},
	"not confirmed":           {func(t *view.Standing) { incident(t, record.Unconfirmed) }, false, "confirming a breach", cards.Confirming},
	"traffic moved":           {func(t *view.Standing) { over(t, record.RolledBack); incident(t, record.Acted) }, false, "rolling back 9:30", cards.Rolling},
	"drained":                 {func(t *view.Standing) { over(t, record.RolledBack); incident(t, record.Verifying) }, false, "verifying 9:30", cards.Verifying},
	"rolled back, paused": {func(t *view.Standing) {
		over(t, record.RolledBack)
		incident(t, record.Verifying)
		t.Control.Mode = runbook.Paused
	}, false, "verifying 9:30", cards.Verifying},
	"users recovered": {func(t *view.Standing) {
		over(t, record.RolledBack)
		incident(t, record.Done).Verdict = &record.Verdict{Outcome: record.Recovered}
	}, false, "healthy", cards.Healthy},
	"users did not": {func(t *view.Standing) {
		over(t, record.RolledBack)
		incident(t, record.Done).Verdict = &record.Verdict{Outcome: record.NotRecovered}
	}, false, "not recovered", cards.Failed},
	"nobody can tell": {func(t *view.Standing) {
		over(t, record.RolledBack)
		incident(t, record.Settled).Verdict = &record.Verdict{Outcome: record.CannotTell}
	}, false, "cannot tell whether users recovered", cards.Failed},
	"a step is verified": {func(t *view.Standing) {
		t.Release.Proof = &record.Proof{Epoch: 2, Deadline: now.Add(200 * time.Second)}
	}, false, "verifying 25 % 3:20", cards.Verifying},
	"a step was verified": {func(t *view.Standing) { t.Release.Proof = &record.Proof{Epoch: 2, DoneAt: now} }, false, "ramping 25 %", cards.Ramping},
	"paused": {func(t *view.Standing) {
		t.Control = record.Control{Mode: runbook.Paused, By: "ann", Until: now.Add(time.Hour)}
	}, false, "off: paused by ann 1:00:00", cards.Off},
	"observed":         {func(t *view.Standing) { t.Control.Mode = runbook.Observe }, false, "off: set to observe", cards.Off},
	"a mode of no one": {func(t *view.Standing) { t.Control.Mode = "maybe" }, false, `off: the control mode "maybe" is unknown`, cards.Off},
	"not armed":        {func(t *view.Standing) { t.Runbook.Policy.Mode = runbook.Observe }, false, "off: the runbook's mode is observe", cards.Off},
	"no runbook":       {func(t *view.Standing) { t.Runbook = nil }, false, "off: no runbook is in force", cards.Off},
	"no trigger fires": {func(t *view.Standing) {
		t.Rules = record.RulesCheck{State: record.RulesDrifted, Drift: []record.RuleDiff{{Kind: "series", Text: "no series"}}}
	}, false, "off: no trigger can fire", cards.Off},
	"one does not": {func(t *view.Standing) {
		t.Rules = record.RulesCheck{State: record.RulesDrifted, Drift: []record.RuleDiff{{Kind: "series", Trigger: "slow", Text: "no series"}}}
	}, false, "ramping 25 %", cards.Ramping},
	"an older store":  {func(t *view.Standing) { t.Behind = &record.Behind{Why: "it lost rel-1"} }, false, "off: the store went back in time", cards.Off},
	"no store":        {func(t *view.Standing) { t.Lost = "no route" }, false, "unknown: the store does not answer", cards.Unknown},
	"no store, acted": {func(t *view.Standing) { t.Lost = "no route"; incident(t, record.Acted) }, false, "rolling back 9:30", cards.Rolling},
	"proved":          {func(t *view.Standing) { over(t, record.Closed) }, false, "healthy", cards.Healthy},
	"nothing yet":     {func(t *view.Standing) { t.Release = nil }, false, "no release yet", cards.NoRelease},
	"paused, nothing": {func(t *view.Standing) { t.Release, t.Control.Mode = nil, runbook.Paused }, false, "off: paused", cards.Off},
}

func TestStatesInWords(t *testing.T) {
	seen := map[cards.Kind]bool{}
	for name, c := range states {
		one := standing()
		c.edit(&one)
		s := cards.StateOf(one, c.you)
		seen[s.Kind] = true
		if got := s.Text(now); got != c.text || s.Kind != c.kind {
			t.Errorf("%s: %q (%s), want %q (%s)", name, got, s.Kind, c.text, c.kind)
		}
	}
	for _, kind := range cards.Kinds() {
		if !seen[kind] {
			t.Errorf("nothing here is %s", kind)
		}
	}
}

// Automation that is off is said whatever else there is to say.
func TestOffIsNeverSilent(t *testing.T) {
	one := standing()
	one.Release.Stopped = &record.HumanStop{By: "ann", Reason: "lunch"}
	one.Control = record.Control{Mode: runbook.Paused, By: "bob"}
	if c := cards.Of(one, false); c.State.Kind != cards.Stopped || len(c.Warnings) != 1 || c.Warnings[0] != "off: paused by bob" {
		t.Errorf("the card says %q and warns of %q", c.State.Words, c.Warnings)
	}
}

func TestTheClockRunsDown(t *testing.T) {
	for d, want := range map[time.Duration]string{-time.Second: "0:00", 43 * time.Second: "0:43", 59*time.Minute + 59*time.Second: "59:59", 2*time.Hour + 3*time.Minute: "2:03:00", 74 * time.Hour: "3 d 2 h"} {
		if got := cards.Left(d); got != want {
			t.Errorf("%v is %q, want %q", d, got, want)
		}
	}
}

func TestTheLadderShowsTheStepAndItsEnd(t *testing.T) {
	c := cards.Of(standing(), false)
	want := []cards.Rung{{Weight: 5, For: runbook.Duration(10 * time.Minute), Reach: cards.Behind},
		{Weight: 25, For: runbook.Duration(30 * time.Minute), Reach: cards.Here, Until: now.Add(20 * time.Minute)},
		{Weight: 100, For: runbook.Duration(time.Hour), Reach: cards.Ahead}}
	if len(c.Ladder) != len(want) {
		t.Fatalf("the ladder is %+v", c.Ladder)
	}
	for n := range want {
		if c.Ladder[n] != want[n] {
			t.Errorf("step %d is %+v, want %+v", n, c.Ladder[n], want[n])
		}
	}
}

// Nobody says "armed" of a trigger that nobody looked at.
func TestTriggersAreArmedOrSayWhy(t *testing.T) {
	one := standing()
	one.Rules = record.RulesCheck{State: record.RulesUnknown, Problem: "not compared yet"}
	for _, trigger := range cards.Of(one, false).Triggers {
		if trigger.Armed() || trigger.Why != "not compared yet" {
			t.Errorf("%+v", trigger)
		}
	}
	one.Rules = record.RulesCheck{State: record.RulesDrifted, Drift: []record.RuleDiff{{Kind: "series", Trigger: "slow", Text: "no series"}}}
	c := cards.Of(one, false)
	if !c.Triggers[0].Armed() || c.Triggers[1].Armed() || c.Triggers[1].Why != "no series" {
		t.Errorf("%+v", c.Triggers)
	}
	over(&one, record.Closed) // then only what could not fire is listed
	if c := cards.Of(one, false); len(c.Triggers) != 1 || c.Triggers[0].Name != "slow" || c.Arming != "1 trigger armed" {
		t.Errorf("%+v, %q", c.Triggers, c.Arming)
	}
}

func TestButtons(t *testing.T) {
	one := standing()
	one.Refused = map[record.OrderAction]string{record.OrderResume: "it is not stopped"}
	names := func(c cards.Card) (all string) {
		for _, b := range c.Buttons {
			all += b.Name
			if b.Refused != "" {
				all += " (" + b.Refused + ")"
			}
			all += ", "
		}
		return all
	}
	if got := names(cards.Of(one, false)); got != "Promote, Hold, Resume (it is not stopped), Roll back, " {
		t.Errorf("buttons: %s", got)
	}
	one.Runbook.Rollout.Strategy, one.Release.Weight = runbook.BlueGreen, 0
	if got := names(cards.Of(one, false)); got != "Flip, Hold, Resume (it is not stopped), Roll back, " {
		t.Errorf("buttons before a flip: %s", got)
	}
	over(&one, record.RolledBack)
	if got := names(cards.Of(one, false)); got != "" {
		t.Errorf("buttons of a release that is over: %s", got)
	}
}
