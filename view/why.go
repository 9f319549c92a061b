package view

import (
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Why is everything that says why a service was rolled back or not: what became of its alerts,
// how each trigger stands, and what was decided.
type Why struct {
	Service   string               `json:"service"`
	Trigger   string               `json:"trigger,omitempty"` // only this one was asked about
	At        time.Time            `json:"at"`
	Replica   string               `json:"replica"`            // that answers
	Since     time.Time            `json:"since"`              // how far back its alerts are all that it received
	Mode      runbook.Mode         `json:"mode"`               // of the runbook
	Control   record.Control       `json:"control"`            // of the installation
	Releases  []record.Release     `json:"releases"`           // the newest of each region
	Triggers  []TriggerNow         `json:"triggers"`           // as they stand now
	Alerts    []record.AlertResult `json:"alerts"`             // newest first
	Incidents []record.Incident    `json:"incidents"`          // newest first, without their history; of all replicas
	Rules     record.RulesCheck    `json:"rules,omitzero"`     // what keeps triggers from firing
	Incident  *record.Incident     `json:"incident,omitempty"` // the one that was asked about
	Rechecks  []Recheck            `json:"rechecks,omitempty"` // of it
	Lost      []LostRegion         `json:"lost,omitempty"`     // regions of which nothing here is new
}

// Disagrees reports whether something that was decided on comes out differently now.
func (w Why) Disagrees() bool {
	for _, r := range w.Rechecks {
		if r.Known && !r.Agrees {
			return true
		}
	}
	return false
}

// A Recheck is something of an incident computed again, beside what was decided on.
type Recheck struct {
	What   string `json:"what"`             // significance, decision
	Known  bool   `json:"known"`            // false: it cannot be computed here, and Text says why
	Agrees bool   `json:"agrees,omitempty"` // it came out the same
	Text   string `json:"text"`
}

// A TriggerNow is a trigger as it stands now. Where no release is open nobody is asked, and its
// State is empty.
type TriggerNow struct {
	Trigger      string              `json:"trigger"`
	Region       string              `json:"region,omitempty"`
	Arms         record.ArmState     `json:"arms"`
	Unarmed      record.RuleDiff     `json:"unarmed,omitzero"` // the first reason why it is not armed
	State        record.State        `json:"state,omitempty"`
	Effect       string              `json:"effect,omitempty"` // in words, with its unit
	Limit        string              `json:"limit,omitempty"`  // that the runbook sets
	Significance record.Significance `json:"significance,omitzero"`
	Compares     bool                `json:"compares"` // it needs significance
	Problem      string              `json:"problem,omitempty"`
}
