package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
)

// asked takes an alert with Prometheus' answer. What is already decided stays decided:
// a second alert joins the incident, a repeated one changes nothing.
func (s *State) asked(ev Asked, now time.Time) {
	if !s.Open() || ev.Release != s.Release.ID {
		s.join(ev, now)
		return
	}
	switch ev.Breach.State {
	case runbook.NotBreaching:
		if s.Incident != nil && s.Incident.Phase == runbook.Unconfirmed {
			s.note(now, "cleared", "", "Prometheus answers again: the trigger is not true now; nothing was done")
			s.close(now)
		}
	case runbook.Unreachable:
		if s.Incident == nil {
			s.open(ev, now)
			s.Incident.Phase = runbook.Unconfirmed
			s.note(now, "unconfirmed", "", "Prometheus does not answer: "+ev.Breach.Problem)
			s.tell(report.Opened, now)
		}
	default: // breaching, or no data, which the policy holds and pages
		s.decide(ev, now)
	}
}

// decide asks the policy unless traffic has been moved already.
func (s *State) decide(ev Asked, now time.Time) {
	if i := s.Incident; i != nil && !reopens(*i, ev.Breach) {
		s.join(ev, now)
		return
	}
	d := policy.Decide(policy.Input{
		Runbook: s.Runbook, Breach: ev.Breach, Release: *s.Release, Incident: s.Incident,
		Control: s.Control, Budget: s.Budget, Foreign: s.Foreign(),
		StableQuarantined: s.isQuarantined(s.Release.Stable.Bundle),
	}, now)
	if i := s.Incident; i != nil && sameAnswer(*i, d) {
		s.join(ev, now)
		return
	}
	if s.Incident == nil {
		s.open(ev, now)
	} else {
		s.join(ev, now)
	}
	s.Incident.Breach = ev.Breach
	s.apply(d, now)
}

// apply carries a decision into the records.
func (s *State) apply(d runbook.Decision, now time.Time) {
	if d.Action == runbook.RollBack && s.PlanProblem != "" {
		d = runbook.Decision{Action: runbook.Hold, Guard: "router", At: now,
			Reasons: append([]string{"the router's keys cannot be changed: " + s.PlanProblem}, d.Reasons...),
			Choices: []string{"mend the router's keys; the rollback follows by itself", "move the traffic by hand"}}
	}
	s.Incident.Decision = d
	s.note(now, "decided", "", fmt.Sprintf("%s (%s): %s", d.Action, d.Guard, first(d.Reasons)))
	switch d.Action {
	case runbook.RollBack:
		s.shift("", now)
	case runbook.Ask:
		s.ask(now)
	case runbook.Freeze:
		s.freeze(now)
	case runbook.Hold:
		s.supersede(now)
		s.Incident.Phase = runbook.HeldPhase
		s.tell(heldMessage, now)
	}
}

// heldMessage pages only if the guard says so: an observed release is news, not an alarm.
func heldMessage(i runbook.Incident, rb *runbook.Runbook, now time.Time) runbook.Message {
	m := report.HeldMsg(i, rb, now)
	m.Page = i.Decision.Page
	return m
}

// freeze leaves traffic alone and stops promotion. A stable version that is sick as
// well is a verdict: whatever is wrong, the candidate is not its cause.
func (s *State) freeze(now time.Time) {
	d := s.Incident.Decision
	s.supersede(now)
	s.Incident.Phase = runbook.Frozen
	s.Release.Frozen = first(d.Reasons)
	if s.Incident.Breach.StableSick {
		s.Incident.Verdict = &runbook.Verdict{Outcome: runbook.WrongCause, At: now, Reason: first(d.Reasons)}
		s.note(now, "verdict", "", string(runbook.WrongCause)+": "+first(d.Reasons))
	}
	s.tell(report.FrozenMsg, now)
}

// open begins the incident of the release's present epoch.
func (s *State) open(ev Asked, now time.Time) {
	r := s.Release
	s.Incident = &runbook.Incident{
		Schema: runbook.Schema, ID: runbook.IncidentID(r.Service, r.Region, r.ID, r.Epoch),
		Service: r.Service, Region: r.Region, Release: r.ID, Epoch: r.Epoch,
		Lane: ev.Alert.Lane, Stable: r.Stable, Candidate: r.Candidate, Breach: ev.Breach, OpenedAt: now,
	}
	r.Incident = s.Incident.ID
	s.Approval = nil
	s.join(ev, now)
	if ev.Breach.State == runbook.Breaching {
		s.note(now, "confirmed", "", confirmedText(ev.Breach))
	}
}

// join adds a trigger or a lane that the incident has not heard of yet.
func (s *State) join(ev Asked, now time.Time) {
	i := s.Incident
	if i == nil || i.Phase == runbook.Done && i.Change == nil && !s.Open() {
		return
	}
	newTrigger := ev.Alert.Trigger != "" && !slices.Contains(i.Triggers, ev.Alert.Trigger)
	newLane := !slices.Contains(i.Lanes, ev.Alert.Lane)
	if !newTrigger && !newLane {
		return
	}
	if newTrigger {
		i.Triggers = append(i.Triggers, ev.Alert.Trigger)
	}
	if newLane {
		i.Lanes = append(i.Lanes, ev.Alert.Lane)
	}
	i.Alerts = append(i.Alerts, ev.Alert)
	s.note(now, "alert", "", fmt.Sprintf("%s heard by %s, firing since %s", ev.Alert.Trigger, ev.Alert.Lane, ev.Alert.StartsAt.UTC().Format(time.RFC3339)))
}

// reopens says whether a breach may still change what is done: traffic was not moved,
// and a human's "no" to a mild breach does not silence another, severe one.
func reopens(i runbook.Incident, b runbook.Breach) bool {
	switch i.Phase {
	case runbook.Unconfirmed, runbook.Awaiting, runbook.HeldPhase, runbook.Frozen:
		return true
	case runbook.Done:
		return i.Change == nil && b.Severity == runbook.Severe && !slices.Contains(i.Triggers, b.Trigger)
	}
	return false
}

// sameAnswer says whether the policy repeats itself, so that nobody is told twice.
func sameAnswer(i runbook.Incident, d runbook.Decision) bool {
	if i.Decision.Action != d.Action || i.Decision.Guard != d.Guard {
		return false
	}
	switch i.Phase {
	case runbook.Awaiting:
		return d.Action == runbook.Ask
	case runbook.HeldPhase:
		return d.Action == runbook.Hold
	case runbook.Frozen:
		return d.Action == runbook.Freeze
	}
	return false
}

func confirmedText(b runbook.Breach) string {
	t := fmt.Sprintf("Prometheus confirms %s: value %.4g", b.Trigger, b.Value)
	if b.Evidence > 0 {
		t += fmt.Sprintf(", log evidence %.1f", b.Evidence)
	}
	return t
}

func first(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}
