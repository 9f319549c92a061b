package policy

import (
	"fmt"
	"slices"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// What a recorded decision was about, beside a breach.
const (
	aboutChecks   = "checks"
	aboutExpiry   = "expired"
	aboutExternal = "external_change"
)

// Recorded is what is kept of the input of [Decide].
func Recorded(in Input) *record.Inputs {
	rb, rel, b := in.Runbook, in.Release, in.Breach
	b.Queries, b.Problem = nil, record.Truncate(b.Problem, record.MaxLine)
	b.Significance.Problem = record.Truncate(b.Significance.Problem, record.MaxLine)
	b.RulesDrift = record.Truncate(b.RulesDrift, record.MaxLine)
	r := &record.Inputs{
		Runbook: &runbook.Runbook{Schema: rb.Schema, Service: rb.Service, Triggers: rb.Triggers, Policy: rb.Policy,
			LastKnownGood: runbook.LastKnownGood{MinPods: rb.LastKnownGood.MinPods, Catalog: rb.LastKnownGood.Catalog}},
		Release: record.Release{Schema: rel.Schema, ID: rel.ID, Service: rel.Service, Region: rel.Region,
			Stable: rel.Stable, Candidate: rel.Candidate, Weight: rel.Weight, Phase: rel.Phase, Epoch: rel.Epoch,
			StartedAt: rel.StartedAt, Rollbacks: slices.Clone(rel.Rollbacks)},
		Breach: b, Control: in.Control,
		Budget:         record.Budget{Schema: in.Budget.Schema, Recent: slices.Clone(in.Budget.Recent)},
		Elsewhere:      slices.Clone(in.Elsewhere),
		ExternalChange: in.ExternalChange, StableQuarantined: in.StableQuarantined, ByHuman: in.ByHuman,
		Router: record.Truncate(in.Router, record.MaxLine), WentBack: record.Truncate(in.WentBack, record.MaxLine),
	}
	if s := rel.Standby; s != nil {
		r.Release.Standby = &record.Standby{State: s.State, Since: s.Since, Why: s.Why}
	}
	if h := rel.Held; h != nil {
		held := *h
		r.Release.Held = &held
	}
	if i := in.Incident; i != nil {
		r.Incident = &record.Incident{ID: i.ID, Phase: i.Phase, ActedAt: i.ActedAt,
			Decision: record.Decision{Guard: i.Decision.Guard}}
		if d := i.Decision; d.Would != "" { // what was only observed is told afterwards as well
			r.Incident.Decision.Would, r.Incident.Decision.At = d.Would, d.At
		}
	}
	return r
}

// RecordedChecks is what is kept of the input of [Checks].
func RecordedChecks(in Input, why string) *record.Inputs {
	r := Recorded(in)
	r.Question, r.Why = aboutChecks, record.Truncate(why, record.MaxLine)
	return r
}

// RecordedExpiry is what is kept of the input of [Expired].
func RecordedExpiry(in Input, until time.Time) *record.Inputs {
	r := Recorded(in)
	r.Question, r.Until = aboutExpiry, until
	return r
}

// RecordedExternal is what is kept of the input of [ExternalChange].
func RecordedExternal(in Input) *record.Inputs {
	r := Recorded(in)
	r.Question = aboutExternal
	return r
}

// Again makes the decision that rested on recorded inputs once more, and says whether it comes
// out as it was made.
func Again(r *record.Inputs, was record.Decision) view.Recheck {
	out := view.Recheck{What: "decision"}
	if r == nil || r.Runbook == nil {
		out.Text = "What the decision rested on was not recorded: an older version made it, or the incident grew too large."
		return out
	}
	d, problem := again(r, was.At)
	if problem != "" {
		out.Text = problem
		return out
	}
	out.Known = true
	if d.Action == was.Action && d.Would == was.Would && d.Guard == was.Guard && d.Page == was.Page {
		out.Agrees = true
		out.Text = fmt.Sprintf("The same inputs give the same decision again: %s (%s).", d.Action, d.Guard)
		return out
	}
	out.Text = fmt.Sprintf("It was decided %s (%s), and the same inputs now give %s (%s).", was.Action, was.Guard, d.Action, d.Guard)
	return out
}

func again(r *record.Inputs, at time.Time) (d record.Decision, problem string) {
	in := Input{Runbook: r.Runbook, Breach: r.Breach, Release: r.Release, Incident: r.Incident, Control: r.Control,
		Budget: r.Budget, Elsewhere: r.Elsewhere, ExternalChange: r.ExternalChange, StableQuarantined: r.StableQuarantined,
		ByHuman: r.ByHuman, Router: r.Router, WentBack: r.WentBack}
	switch r.Question {
	case "":
		return Decide(in, at), ""
	case aboutChecks:
		return Checks(in, r.Why, at), ""
	case aboutExternal:
		if in.ExternalChange {
			return ExternalChange(in, at), ""
		}
	case aboutExpiry:
		if in.Incident != nil {
			d, _ = Expired(in, r.Until, at)
			return d, ""
		}
	}
	return d, fmt.Sprintf("The recorded inputs belong to a question that this program does not know: %q.", r.Question)
}
