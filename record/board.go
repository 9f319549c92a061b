package record

import (
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// A Standing is how a service stands in one region, as the process that answers last read or
// committed it.
type Standing struct {
	Service string
	Region  string
	Runbook *runbook.Runbook // with the ramp that the release follows; nil: none is in force here

	Release  *Release               // the newest; nil: there was none
	Incident *Incident              // the release's newest, as [Incident.Brief]; nil: none
	Question *Approval              // that waits for an answer; nil: none
	Refused  map[OrderAction]string // why an order would be refused, as far as is known without asking; no entry: nothing is known against it

	Control Control // in force in its region
	Rules   RulesCheck
	Behind  *Behind // its store went back in time; nil: nobody has noticed that
	Lost    string  // why nothing here is new; empty: its store answers
}

// Team is the service's owner; empty: no runbook says.
func (s Standing) Team() string {
	if s.Runbook == nil {
		return ""
	}
	return s.Runbook.Owner.Team
}

// Open reports whether a release is under way.
func (s Standing) Open() bool { return s.Release != nil && s.Release.Phase == Open }

// A Board is how all targets stand, and what stands above them. Its standings are from memory: what it
// costs the store does not grow with their number.
type Board struct {
	At        time.Time
	Control   Control
	Standings []Standing // in no order
	Waiting   []WaitingOrder
	Anchors   []Anchor
	Behind    []Behind
	Lost      []LostRegion
	Progress  []Progress
}

// Brief is an incident without its history: what a list of many says of it.
func (i Incident) Brief() Incident {
	d := i.Decision
	d.Choices = nil
	d.Reasons = d.Reasons[:min(len(d.Reasons), 1)]
	b := Incident{Schema: i.Schema, ID: i.ID, Service: i.Service, Region: i.Region, Release: i.Release, Epoch: i.Epoch, Phase: i.Phase,
		By: i.By, Triggers: i.Triggers, Decision: d, Approval: i.Approval, Stable: i.Stable, Candidate: i.Candidate, Applied: i.Applied,
		OpenedAt: i.OpenedAt, ActedAt: i.ActedAt, DrainedAt: i.DrainedAt, Deadline: i.Deadline, ClosedAt: i.ClosedAt}
	b.Breach.Trigger, b.Breach.Severity = i.Breach.Trigger, i.Breach.Severity
	if v := i.Verdict; v != nil {
		b.Verdict = &Verdict{Outcome: v.Outcome, Reason: v.Reason, At: v.At}
	}
	return b
}
