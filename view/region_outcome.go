package view

import "github.com/autorollback/autorollback/record"

// A RegionOutcome is what came of an order in one region: one of its fields beside the region's.
type RegionOutcome struct {
	Region   string           `json:"region"`
	Incident *record.Incident `json:"incident,omitempty"` // it was carried out
	Refused  string           `json:"refused,omitempty"`  // it was not, and why
	Pending  string           `json:"pending,omitempty"`  // its store does not answer: id of the [record.PendingRollback]
	Problem  string           `json:"problem,omitempty"`  // why it does not, or why the order could not be kept
}
