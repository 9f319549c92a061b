package engine

import (
	"context"
	"time"

	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// An Archive keeps the evidence of incidents. Capturing a stage twice is harmless.
type Archive interface {
	// Capture keeps the parts, by file name, of one stage: "before" or "after".
	Capture(inc record.Incident, stage string, parts map[string][]byte) error
	// Seal adds the incident page and the hash manifest and returns the folder's
	// path and the manifest's digest.
	Seal(inc record.Incident, rb *runbook.Runbook) (path, digest string, err error)
}

// A Post brings messages to people. It returns who got it, in words, or an error if
// nobody did: the message is then offered again.
type Post interface {
	Send(ctx context.Context, m record.Message) (string, error)
}

// A Monitor knows what is proved about each open release.
type Monitor interface {
	// Watch says which releases are open and get traffic, until the next call or ctx ends.
	Watch(ctx context.Context, targets []monitor.Target)
	// Significance is what is known of a trigger at a moment; if nothing is, it says why.
	Significance(release, trigger string, now time.Time) record.Significance
	// Proved says, once for each interval, that some trigger is significant.
	Proved() <-chan struct{}
	// Record returns what a release's significance was computed from, until the end of an
	// interval, compressed.
	Record(ctx context.Context, t monitor.Target, until time.Time) ([]byte, error)
}

// A Journal keeps every record that this process committed.
type Journal interface {
	Append(incident string, records ...record.Record) error
}
