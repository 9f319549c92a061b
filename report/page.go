package report

import (
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// Options are what a page shows beyond the incident itself. The zero value is fine.
type Options struct {
	// Now is the moment the page is made; the page of an open incident says so.
	Now time.Time
	// External is the daemon's own address and Prometheus that of Prometheus as a
	// browser reaches it, both from configuration; empty: no links.
	External   string
	Prometheus string
	// Approval is the incident's newest approval, if there is one.
	Approval *runbook.Approval
	// Evidence are the captured stages of the evidence folder.
	Evidence []Stage
}

// IncidentPath is where the page of an incident lives below the external URL: the
// incident's id is the rest of the path.
const IncidentPath = "/incidents/"
