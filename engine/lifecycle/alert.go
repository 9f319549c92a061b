package lifecycle

import (
	"fmt"
	"slices"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// asked takes an alert with Prometheus' answer. What is already decided stays decided:
// a second alert joins the incident, a repeated one changes nothing. An answer about
// weights that are no longer the weights is refused: ask again.
func (s *State) asked(ev AlertChecked, now time.Time) error {
	switch {
	case s.Release == nil:
		return nil
	case !s.Open():
		unasked := ev.Breach.State == "" // another trigger ended the release at the same moment
		if ev.Release == s.Release.ID && (unasked || !s.guessed(ev)) {
			s.decide(ev, now)
		}
		return nil
	case ev.Release != s.Release.ID || ev.Epoch != s.Release.Epoch:
		return fmt.Errorf("take answer about epoch %d of %s: %w", ev.Epoch, ev.Release, runbook.ErrConflict)
	case s.confirmsExpiry(ev):
		s.expired(ev.Breach, now)
		return nil
	}
	s.observeSplit(now)
	if ev.Breach.State == record.NotBreaching || !s.guessed(ev) {
		s.decide(ev, now)
	}
	return nil
}

// guessed reports whether nobody said that the trigger fires: the watcher asked unprompted,
// and the answer is not yes. Then no alert was received, and there is nothing to page about.
func (s *State) guessed(ev AlertChecked) bool {
	_, known := s.Runbook.Trigger(ev.Alert.Trigger) // the others were read in Prometheus
	return known && ev.Alert.Source == record.Watcher && ev.Breach.State != record.Breaching
}

// decide asks the policy about an alert, and does what it says where that is more than
// what is done already.
func (s *State) decide(ev AlertChecked, now time.Time) {
	in := s.input(ev.Breach)
	d := policy.Decide(in, now)
	s.Said.Decision = d
	known := s.Incident != nil && slices.Contains(s.Incident.Triggers, ev.Alert.Trigger)
	switch {
	case d.Guard == policy.GuardAlreadyActed:
		s.Said.Repeated = known
		s.join(ev, first(d.Reasons), now)
	case !s.Open():
		s.Said.Repeated = known
		s.join(ev, "", now)
	case d.Guard == policy.GuardNotConfirmed:
		s.cleared(ev, d, now)
	case d.Guard == policy.GuardUnreachable:
		s.unconfirmed(ev, d, now)
	case s.Incident != nil && !(policy.Reopens(*s.Incident, ev.Breach) && policy.Replaces(in, d)):
		if policy.Reopens(*s.Incident, ev.Breach) && d.Action == record.Freeze && s.Release.Frozen == "" {
			s.Release.Frozen = first(d.Reasons)
		}
		s.Said.Repeated = known
		s.join(ev, "", now)
	default:
		inputs := policy.Recorded(in)
		s.take(ev, now)
		s.Incident.Breach, s.Incident.Inputs = ev.Breach, inputs
		s.apply(d, now)
	}
}

// take opens the incident with an alert, or adds the alert to it.
func (s *State) take(ev AlertChecked, now time.Time) {
	if s.Incident == nil {
		s.open(ev, now)
	} else {
		s.join(ev, "", now)
	}
}

// cleared ends an incident that was never confirmed, once its own trigger turns out
// not to be true and no other one waits to be asked about.
func (s *State) cleared(ev AlertChecked, d record.Decision, now time.Time) {
	i := s.Incident
	if i == nil || i.Phase != record.Unconfirmed || i.Breach.Trigger != ev.Breach.Trigger {
		return
	}
	if next, ok := after(i.Triggers, i.Breach.Trigger); ok {
		s.note(now, "cleared", "", "Checked again: "+i.Breach.Trigger+" is no longer true; "+next+" is checked next")
		i.Breach = record.Breach{Trigger: next, State: record.Unreachable, AskedAt: now, Problem: "not asked again yet"}
		return
	}
	i.Inputs = policy.Recorded(s.input(ev.Breach))
	i.Decision = d
	s.note(now, "cleared", "", "Checked again: the trigger is no longer true. Nothing was done")
	s.close(now)
}

// after is what follows one of the list.
func after(all []string, one string) (string, bool) {
	n := slices.Index(all, one) + 1
	if n == 0 || n >= len(all) {
		return "", false
	}
	return all[n], true
}

// unconfirmed keeps an alert that Prometheus could not be asked about, or of which this
// replica does not know yet whether it is more than chance, and pages. One that comes
// back within minutes pages nobody twice, and one more waits for its turn to be asked about.
func (s *State) unconfirmed(ev AlertChecked, d record.Decision, now time.Time) {
	i := s.Incident
	if i != nil && i.Phase == record.Unconfirmed {
		s.join(ev, "", now)
	}
	if i != nil && (i.Phase != record.Done || !policy.Reopens(*i, ev.Breach)) {
		return
	}
	tell := i == nil || now.Sub(i.ClosedAt) > policy.Quiet
	inputs := policy.Recorded(s.input(ev.Breach))
	s.take(ev, now)
	i = s.Incident
	i.Phase, i.ClosedAt, i.Breach, i.Decision = record.Unconfirmed, time.Time{}, ev.Breach, d
	i.Inputs = inputs
	s.note(now, "unconfirmed", "", "Not confirmed yet: "+ev.Breach.Problem)
	if tell {
		s.tell(report.Opened, now)
	}
}

// input is what the policy decides on, as things stand.
func (s *State) input(b record.Breach) policy.Input {
	return policy.Input{
		Runbook: s.Runbook, Breach: b, Release: *s.Release, Incident: s.Incident, Control: s.Control, Budget: s.Budget,
		Elsewhere: s.Elsewhere, ExternalChange: s.ExternalChange(), StableQuarantined: s.isQuarantined(s.Release.Stable.Bundle), Router: s.PlanProblem,
		WentBack: s.heldBack(),
	}
}

// apply carries a decision into the records.
func (s *State) apply(d record.Decision, now time.Time) {
	i := s.Incident
	i.Decision, i.ClosedAt = d, time.Time{}
	i.Verdict, i.EvidenceAt, i.EvidenceLacks = nil, time.Time{}, nil
	s.countSoFar()
	if i.Breach.State == record.Breaching {
		s.Release.BreachedAt = now
	}
	s.note(now, "decided", "", fmt.Sprintf("%s (%s): %s", d.Action, d.Guard, first(d.Reasons)))
	switch d.Action {
	case record.RollBack:
		s.shift("", now)
	case record.Ask:
		s.ask(now)
	case record.Freeze:
		s.freeze(now)
	case record.Hold:
		s.supersede(now)
		i.Phase = record.HeldPhase
		s.tell(heldMessage, now)
	}
}

// countSoFar has the incident say what users lost so far.
func (s *State) countSoFar() {
	if s.Impact != nil {
		s.Incident.Impact = s.Impact
	}
}

// heldMessage pages only if the guard says so: an observed release is news, not an alarm.
func heldMessage(i record.Incident, rb *runbook.Runbook, now time.Time) record.Message {
	m := report.HeldMsg(i, rb, now)
	m.Page = i.Decision.Page
	return m
}

// freeze leaves traffic alone and stops promotion. A stable version that is unhealthy as
// well is a verdict: whatever is wrong, the candidate is not its cause.
func (s *State) freeze(now time.Time) {
	d := s.Incident.Decision
	s.supersede(now)
	s.Incident.Phase = record.Frozen
	s.Release.Frozen = first(d.Reasons)
	if s.Incident.Breach.StableUnhealthy {
		s.Incident.Verdict = &record.Verdict{Outcome: record.WrongCause, At: now, Reason: first(d.Reasons)}
		s.note(now, "verdict", "", string(record.WrongCause)+": "+first(d.Reasons))
	}
	s.tell(report.FrozenMsg, now)
}

// open begins the incident of the release's present epoch.
func (s *State) open(ev AlertChecked, now time.Time) {
	r := s.Release
	s.Incident = &record.Incident{
		Schema: runbook.Schema, ID: record.IncidentID(r.Service, r.Region, r.ID, r.Epoch),
		Service: r.Service, Region: r.Region, Release: r.ID, Epoch: r.Epoch,
		Source: ev.Alert.Source, Stable: r.Stable, Candidate: r.Candidate, Breach: ev.Breach, OpenedAt: now,
	}
	r.Incident = s.Incident.ID
	s.Approval = nil
	s.join(ev, "", now)
	if ev.Breach.State == record.Breaching {
		s.note(now, "confirmed", "", confirmedText(ev.Breach))
	}
}

// join adds a trigger or a source that the incident does not have yet, in one line of the
// timeline, which says as well what is not done about it.
func (s *State) join(ev AlertChecked, why string, now time.Time) {
	i, a := s.Incident, ev.Alert
	if i == nil || i.Phase == record.Done && i.Change == nil && !s.Open() {
		return
	}
	newTrigger := a.Trigger != "" && !slices.Contains(i.Triggers, a.Trigger) && s.keeps(a.Trigger)
	newSource := !slices.Contains(i.Sources, a.Source)
	if !newTrigger && !newSource {
		return
	}
	if newTrigger {
		i.Triggers = append(i.Triggers, a.Trigger)
	}
	if newSource {
		i.Sources = append(i.Sources, a.Source)
	}
	if len(i.Alerts) < maxAlerts {
		i.Alerts = append(i.Alerts, small(a))
	}
	if a.Trigger == "" {
		return // no alert: somebody's order, or a check; its own line follows
	}
	line := fmt.Sprintf("Alert %s received by %s, firing since %s", a.Trigger, a.Source, a.StartsAt.UTC().Format(time.RFC3339))
	if a.Source == record.Watcher {
		line = fmt.Sprintf("Breach of %s found by the watcher, as of %s", a.Trigger, a.StartsAt.UTC().Format(time.RFC3339))
	}
	if why != "" {
		line += ". " + why
	}
	s.note(now, "alert", "", line)
}

// keeps reports whether the incident has room for a trigger's name: for every one of the
// runbook, and for few that a webhook made up.
func (s *State) keeps(trigger string) bool {
	_, known := s.Runbook.Trigger(trigger)
	return known || trigger == rules.BlindTrigger || len(s.Incident.Triggers) < maxAlerts
}

func confirmedText(b record.Breach) string {
	t := fmt.Sprintf("Prometheus confirms %s: value %.4g", b.Trigger, b.Value)
	if s := b.Significance; !s.At.IsZero() {
		t += fmt.Sprintf(", significance %.3g (1 is proved)", s.Value)
	}
	if h := b.Significance.Onset; !h.At.IsZero() {
		t += fmt.Sprintf("; harm began between %s and %s, most likely %s (estimated)",
			h.From.UTC().Format(time.RFC3339), h.To.UTC().Format(time.RFC3339), h.At.UTC().Format(time.RFC3339))
	}
	return t
}
