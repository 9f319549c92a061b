// Package question says in words what a question to a human asks: what a yes does, what users get
// meanwhile, who may answer until when, what happens if nobody does, and what became of it.
//
// It has no I/O and no clock, and never decides anything.
package question

import (
	"cmp"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// A Question is an approval with everything a person must see before answering.
type Question struct {
	Approval record.Approval
	Incident record.Incident // zero: a step has none
	Live     view.Live
	Runbook  *runbook.Runbook // nil: none is in force
	At       time.Time        // when all of this was looked up
	Who      record.Caller    // without a name: nobody has signed in
	MaySign  bool             // there is a way to sign in
}

// A kind is what a question asks, in words.
type kind struct {
	heading func(Question) string
	yes     func(Question) string // what a yes does, on a button
	no      func(Question) string // what a no does
	silence func(Question) string // what happens if nobody answers
	does    string                // what a yes does, in full
}

var kinds = map[string]kind{record.RollbackApproval: rollback, record.Promotion: step, record.AcceptSplit: split}

// Rollback reports whether yes means moving traffic back.
func (q Question) Rollback() bool { return q.Approval.Kind == record.RollbackApproval }

// Promotion reports whether yes means the next step of the ramp.
func (q Question) Promotion() bool { return q.Approval.Kind == record.Promotion }

// Quiet reports whether a rollback needs to be wanted anyway.
func (q Question) Quiet() bool { return policy.NeedsAnyway(q.Approval.Kind, q.Live.Breach) }

// Stale reports whether a yes would write something else than what was asked about.
func (q Question) Stale() bool {
	return (q.Rollback() || q.Promotion()) && q.Live.Plan.Digest != q.Approval.Change
}

// Subject names the service, and its region where there are several.
func (q Question) Subject() string { return subject(q.Approval) }

func subject(a record.Approval) string {
	if a.Region == "" || a.Region == runbook.DefaultRegion {
		return a.Service
	}
	return a.Service + " in " + a.Region
}

// Title is the question in a list of windows.
func (q Question) Title() string { return q.Subject() + ": " + q.Heading() }

// Heading asks the question.
func (q Question) Heading() string { return kinds[q.Approval.Kind].heading(q) }

// Yes says in few words what a yes does.
func (q Question) Yes() string { return kinds[q.Approval.Kind].yes(q) }

// No says in few words what a no does.
func (q Question) No() string { return kinds[q.Approval.Kind].no(q) }

// Sure is the last word before a yes is carried out.
func (q Question) Sure() string {
	if q.Quiet() {
		return q.Yes() + " anyway"
	}
	return q.Yes() + " now"
}

// Does says in full what a yes does.
func (q Question) Does() string { return kinds[q.Approval.Kind].does }

// sides are the two that the question is about, the incident's before the release's.
func (q Question) sides() (stable, candidate record.Side) {
	stable, candidate = q.Incident.Stable, q.Incident.Candidate
	if stable.Version == "" {
		stable, candidate = q.Live.Release.Stable, q.Live.Release.Candidate
	}
	stable.Backend = cmp.Or(stable.Backend, stable.Version)
	candidate.Backend = cmp.Or(candidate.Backend, candidate.Version)
	stable.Version, candidate.Version = cmp.Or(stable.Version, "stable"), cmp.Or(candidate.Version, "the candidate")
	return stable, candidate
}

// Stable is the side that has proved itself.
func (q Question) Stable() record.Side { stable, _ := q.sides(); return stable }

// Candidate is the side that is on its way.
func (q Question) Candidate() record.Side { _, candidate := q.sides(); return candidate }
