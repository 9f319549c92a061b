package shadow

import (
	"fmt"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// A Verdict is the answer to "may this candidate take traffic?".
type Verdict string

// The verdicts. Inconclusive blocks as well: no data is neither good nor bad.
const (
	Pass         Verdict = "pass"
	Block        Verdict = "block"
	Inconclusive Verdict = "inconclusive"
)

// SchemaGate is the form of [Gate] as JSON.
const SchemaGate = "autorollback/shadow-gate/1"

// A Gate is the verdict about one candidate bundle against one stable bundle, as a
// release's start asks for it.
type Gate struct {
	Schema    string     `json:"schema"`
	Service   string     `json:"service"`
	Candidate string     `json:"candidate"` // the bundle's digest
	Stable    string     `json:"stable"`
	Verdict   Verdict    `json:"verdict"`
	Rule      string     `json:"rule"`
	Reason    string     `json:"reason,omitempty"` // one sentence
	Window    Window     `json:"window"`
	Counts    GateCounts `json:"counts"`
	Report    string     `json:"report"`              // sha256:… of the report's JSON, as [Report.JSON] gives it
	Recording string     `json:"recording,omitempty"` // sha256:… of what was compared
	At        time.Time  `json:"at"`
}

// GateCounts say how much the verdict stands on.
type GateCounts struct {
	Pairs    int64 `json:"pairs"`
	Compared int64 `json:"compared"`
	Tests    int   `json:"tests"`
	Bad      int64 `json:"bad"`
}

// Objection says in one sentence why the candidate may not start; empty: it may. Only a
// pass opens, and only for this pair of bundles and until it is older than maxAge.
func (g Gate) Objection(service, candidate, stable string, maxAge time.Duration, now time.Time) string {
	switch {
	case g.Schema != SchemaGate:
		return fmt.Sprintf("the recorded verdict has the schema %q, not %q", g.Schema, SchemaGate)
	case candidate == "" || stable == "" || g.Candidate != candidate:
		return fmt.Sprintf("the recorded report is about candidate %q, not %s", g.Candidate, candidate)
	case g.Service != service:
		return fmt.Sprintf("the recorded report %s is about the service %q, not %s", g.Report, g.Service, service)
	case g.Verdict == Block:
		return fmt.Sprintf("the report %s blocks it by the rule %s: %s", g.Report, g.Rule, g.Reason)
	case g.Verdict == Inconclusive:
		return fmt.Sprintf("the report %s is inconclusive by the rule %s, which blocks as well: %s", g.Report, g.Rule, g.Reason)
	case g.Verdict != Pass:
		return fmt.Sprintf("the report %s has the verdict %q, which is no pass", g.Report, g.Verdict)
	case g.Stable != stable:
		return fmt.Sprintf("the report %s compared it with the stable bundle %s, not with this release's %s", g.Report, g.Stable, stable)
	case g.At.After(now):
		return fmt.Sprintf("the report %s is from the future (%s): check the clocks", g.Report, g.At.UTC().Format(time.RFC3339))
	case now.Sub(g.At) > maxAge:
		return fmt.Sprintf("the report %s of %s is older than %s, which the runbook allows", g.Report, g.At.UTC().Format(time.RFC3339), runbook.Duration(maxAge))
	}
	return ""
}

// A Window is the time of the requests; zero if the recording has no times.
type Window struct {
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

// Add widens the window to a time, if that is known.
func (w *Window) Add(at time.Time) {
	if at.IsZero() {
		return
	}
	if w.From.IsZero() || at.Before(w.From) {
		w.From = at
	}
	if at.After(w.To) {
		w.To = at
	}
}

// String returns the window's ends, or nothing.
func (w Window) String() string {
	if w.From.IsZero() {
		return ""
	}
	return w.From.UTC().Format(time.DateTime) + " to " + w.To.UTC().Format(time.DateTime) + " UTC"
}
