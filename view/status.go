package view

import "github.com/autorollback/autorollback/record"

// Status is the whole installation at one moment, for people.
type Status struct {
	Control    record.Control         `json:"control"`
	Budget     record.Budget          `json:"budget"`
	Releases   []record.Release       `json:"releases"`
	Incidents  []record.Incident      `json:"incidents"` // newest first, at most 100
	Approvals  []record.Approval      `json:"approvals"` // pending ones
	Waiting    []record.WaitingOrder  `json:"waiting"`   // orders that wait for a second person
	Quarantine []record.Quarantine    `json:"quarantine"`
	Shadow     []record.ShadowVerdict `json:"shadow"`             // the newest recorded verdict of each candidate bundle
	Rules      []record.RulesCheck    `json:"rules"`              // of each service, as the process that answers saw them last
	Mirrors    []record.Mirror        `json:"mirrors"`            // the newest of each service and region
	Alerts     []record.AlertResult   `json:"alerts"`             // the newest, as the process that answers saw them; at most 50
	Replica    string                 `json:"replica"`            // whose journal the process that answers writes
	Anchors    []record.Anchor        `json:"anchors"`            // the newest heads of all replicas' journals
	Behind     []record.Behind        `json:"behind,omitempty"`   // targets whose store went back in time
	Lost       []LostRegion           `json:"lost,omitempty"`     // regions of which nothing here is new: their stores do not answer
	Progress   []Progress             `json:"progress,omitempty"` // of releases through several regions
	Archive    Archive                `json:"archive"`
	Holds      Holds                  `json:"holds"`
}

// A LostRegion is one of which nothing could be read.
type LostRegion struct {
	Region  string `json:"region"`
	Problem string `json:"problem"`
}
