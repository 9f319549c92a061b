package cards

import (
	"fmt"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// A Card is one target, as a page shows it. Nothing in it changes while only time passes.
type Card struct {
	Service string
	Region  string
	Team    string
	State   State

	Shares   []Share // of the traffic, the candidate's first; empty: no release is known
	Since    time.Time
	By       string // who started the release
	Release  string
	Incident string
	Closed   bool // that incident is over
	Open     bool // the release is under way
	Approval string
	Standby  string // whether all traffic could go back now, of an open release
	Ladder   []Rung
	Triggers []Trigger // of an open release all, of others those that could not fire
	Arming   string    // how those stand that are not listed; empty: all are
	Warnings []string
	Buttons  []Button
}

// ID is the card's in its page.
func (c Card) ID() string { return "card-" + c.Service + "-" + c.Region }

// A Share is one version's part of the traffic.
type Share struct {
	Role    runbook.Role
	Version string
	Weight  runbook.Weight
}

// A Trigger is one of the runbook's, and whether it can fire.
type Trigger struct {
	Name  string
	Limit string
	Arms  record.ArmState
	Why   string // it is not armed
	Fix   string
}

// Armed reports whether nothing is known against it.
func (t Trigger) Armed() bool { return t.Arms == record.Armed }

// Known reports whether somebody looked whether it can fire.
func (t Trigger) Known() bool { return t.Arms != notChecked }

// Of makes the card of a target. you: whoever reads it may answer its questions.
func Of(t view.Standing, you bool) Card {
	c := Card{Service: t.Service, Region: t.Region, Team: t.Team(), State: StateOf(t, you), Open: t.Open()}
	if t.Release != nil {
		c.traffic(*t.Release)
	}
	if t.Incident != nil {
		c.Incident, c.Closed = t.Incident.ID, t.Incident.Phase == record.Done
	}
	if t.Question != nil {
		c.Approval = t.Question.ID
	}
	if t.Open() && t.Runbook != nil {
		c.Ladder = ladder(*t.Release, t.Runbook.Rollout)
	}
	if t.Runbook != nil {
		c.Triggers, c.Arming = triggers(t)
	}
	c.Warnings = warnings(t, c.State)
	c.Buttons = buttons(t)
	return c
}

func (c *Card) traffic(r record.Release) {
	c.Release, c.Since, c.By = r.ID, r.StartedAt, r.StartedBy
	if r.Phase != record.Open {
		good, role := r.Stable, runbook.Stable
		if r.Phase == record.Closed {
			good = r.Candidate
		}
		c.Shares = []Share{{role, good.Version, 100}}
		return
	}
	c.Standby = r.Standby.Words()
	c.Shares = []Share{{runbook.Candidate, r.Candidate.Version, r.Weight}, {runbook.Stable, r.Stable.Version, r.Weight.Rest()}}
}

// notChecked is the state of a trigger of which nobody knows yet whether it can fire.
const notChecked record.ArmState = "not checked"

// triggers are all of an open release. Of others they are those that could not fire, and a word on the rest.
func triggers(t view.Standing) (all []Trigger, rest string) {
	known := t.Rules.State != "" && t.Rules.State != record.RulesUnknown
	left := 0
	for _, one := range t.Runbook.Triggers {
		arms, diff := t.Rules.Armed(one.Name)
		_, limit := one.Reading(0)
		trigger := Trigger{Name: one.Name, Limit: limit, Arms: arms, Why: diff.Text, Fix: diff.Fix}
		if !known {
			trigger.Arms, trigger.Why = notChecked, t.Rules.Problem
		}
		if t.Open() || known && !trigger.Armed() {
			all = append(all, trigger)
			continue
		}
		left++
	}
	switch {
	case left == 0:
		return all, ""
	case !known:
		return all, strings.TrimSuffix(fmt.Sprintf("%s not checked yet: %s", plural(left, "trigger"), t.Rules.Problem), ": ")
	}
	return all, plural(left, "trigger") + " armed"
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// warnings are what a human must know beside the state.
func warnings(t view.Standing, s State) []string {
	var all []string
	if in := subjectOf(&t, false); isOff(in) && s.Kind != Off {
		all = append(all, switchedOff(in).Words)
	}
	if s.Kind != Unknown && t.Lost != "" {
		all = append(all, "the store does not answer: "+t.Lost)
	}
	if r := t.Release; r != nil {
		if why := r.NoRollback(); why != "" {
			all = append(all, why)
		}
		for _, w := range r.Pending {
			all = append(all, "pending: "+w.NotYet())
		}
		for _, i := range r.Applied.Late() {
			all = append(all, "router instance "+i.Address+" does not follow")
		}
		if w := r.NotProved; w != nil && r.Phase == record.Open {
			all = append(all, fmt.Sprintf("the stable version is not the last known good (%s: %s)", w.By, w.Reason))
		}
	}
	if t.Incident != nil && t.Incident.Phase != record.Done {
		for _, i := range t.Incident.Applied.Late() {
			all = append(all, "router instance "+i.Address+" does not follow")
		}
	}
	return all
}
