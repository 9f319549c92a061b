package view

import (
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A Standing is how a service stands in one region, as the process that answers last read or
// committed it.
type Standing struct {
	Service string
	Region  string
	Runbook *runbook.Runbook // with the ramp that the release follows; nil: none is in force here

	Release  *record.Release               // the newest; nil: there was none
	Incident *record.Incident              // the release's newest, as [record.Incident.Brief]; nil: none
	Question *record.Approval              // that waits for an answer; nil: none
	Refused  map[record.OrderAction]string // why an order would be refused, as far as is known without asking; no entry: nothing is known against it

	Control record.Control // in force in its region
	Rules   record.RulesCheck
	Behind  *record.Behind // its store went back in time; nil: nobody has noticed that
	Lost    string         // why nothing here is new; empty: its store answers
}

// Team is the service's owner; empty: no runbook says.
func (s Standing) Team() string {
	if s.Runbook == nil {
		return ""
	}
	return s.Runbook.Owner.Team
}

// Open reports whether a release is under way.
func (s Standing) Open() bool { return s.Release != nil && s.Release.Phase == record.Open }

// A Board is how all targets stand, and what stands above them. Its standings are from memory: what it
// costs the store does not grow with their number.
type Board struct {
	At        time.Time
	Control   record.Control
	Standings []Standing // in no order
	Waiting   []record.WaitingOrder
	Anchors   []record.Anchor
	Behind    []record.Behind
	Lost      []LostRegion
	Progress  []Progress
}
