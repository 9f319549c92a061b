package shadow

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
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
	Window    Window     `json:"window"`
	Counts    GateCounts `json:"counts"`
	Report    string     `json:"report"` // sha256:… of the report's JSON, as [Report.JSON] gives it
	At        time.Time  `json:"at"`
}

// GateCounts say how much the verdict stands on.
type GateCounts struct {
	Pairs    int64 `json:"pairs"`
	Compared int64 `json:"compared"`
	Tests    int   `json:"tests"`
	Bad      int64 `json:"bad"`
}

// Open says whether the candidate may start: only a pass opens, and only for this pair
// of bundles and until it is older than maxAge.
func (g Gate) Open(service, candidate, stable string, maxAge time.Duration, now time.Time) bool {
	return g.Schema == SchemaGate && g.Verdict == Pass &&
		g.Service == service && g.Candidate == candidate && g.Stable == stable && candidate != "" && stable != "" &&
		!g.At.After(now) && now.Sub(g.At) <= maxAge
}

// Gate returns the report's verdict as a record that names the report by its digest.
func (r *Report) Gate() (Gate, error) {
	text, err := r.JSON()
	if err != nil {
		return Gate{}, err
	}
	sum := sha256.Sum256(text)
	return Gate{
		Schema: SchemaGate, Service: r.Service, Candidate: r.Candidate, Stable: r.Stable,
		Verdict: r.Verdict, Rule: r.Rule, Window: r.Window, At: r.At, Report: "sha256:" + hex.EncodeToString(sum[:]),
		Counts: GateCounts{Pairs: r.Counts.Pairs, Compared: r.Counts.Compared, Tests: r.Method.Tests, Bad: r.Counts.Bad.Count + r.Counts.Run.Bad},
	}, nil
}

// JSON returns the report as indented JSON with a line end, always the same bytes for
// the same report.
func (r *Report) JSON() ([]byte, error) {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(text, '\n'), nil
}
