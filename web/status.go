package web

import "github.com/autorollback/autorollback/runbook"

// Status is how the installation stands.
type Status struct {
	Control    runbook.Control      `json:"control"`
	Budget     runbook.Budget       `json:"budget"`
	Releases   []runbook.Release    `json:"releases"`
	Incidents  []runbook.Incident   `json:"incidents"` // newest first, at most 100
	Approvals  []runbook.Approval   `json:"approvals"` // pending
	Quarantine []runbook.Quarantine `json:"quarantine"`
}
