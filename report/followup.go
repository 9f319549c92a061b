package report

import (
	"cmp"
	"fmt"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// An Action is one thing to be done after an incident.
type Action struct {
	Do    string
	Owner string // empty: nobody is named
	Due   time.Time
}

// Actions are what is to be done after an incident: what its runbook names, and what the incident
// itself asks for. rb may be nil.
func Actions(inc record.Incident, rb *runbook.Runbook) (all []Action) {
	if rb == nil {
		rb = &runbook.Runbook{Service: inc.Service}
	}
	due := ended(inc).Add(cmp.Or(rb.FollowUp.Due.Std(), 48*time.Hour)).UTC()
	for _, do := range append(each(rb.FollowUp.Actions), ownActions(inc)...) {
		all = append(all, Action{Do: do, Owner: rb.Owner.Team, Due: due})
	}
	return all
}

// ended is when an incident was over, as far as it is.
func ended(inc record.Incident) time.Time {
	switch {
	case !inc.ClosedAt.IsZero():
		return inc.ClosedAt
	case inc.Verdict != nil:
		return inc.Verdict.At
	}
	return inc.OpenedAt
}

// followUp is the draft that a human edits: owner, date, and what to do.
func followUp(inc record.Incident, rb *runbook.Runbook) section {
	s := section{Title: "Follow-up (draft)", Boxes: true}
	for _, a := range Actions(inc, rb) {
		s.Items = append(s.Items, a.Do)
		s.Text = fmt.Sprintf("Owner: %s. Due: %s.", cmp.Or(a.Owner, "nobody is named: find an owner"), a.due())
	}
	if tracker := rb.FollowUp.Tracker; tracker != "" && webAddress(tracker) == "" { // else it is among the links
		s.Text += " Tracker: " + tracker
	}
	s.Text = visible(s.Text, maxCell)
	return s
}

func (a Action) due() string { return a.Due.UTC().Format("Mon 2006-01-02 15:04 UTC") }

func ownActions(inc record.Incident) []string {
	var out []string
	if inc.Breach.Trigger != "" {
		out = append(out, visible(fmt.Sprintf("Find the cause of %s in %s, and why it was not seen before the release.", inc.Breach.Trigger, inc.Candidate.Version), maxCell))
	}
	if !inc.ActedAt.IsZero() {
		out = append(out, visible(fmt.Sprintf("Bundle %s is quarantined: fix it and release a new one, or lift the quarantine by name with a reason.", inc.Candidate.Bundle), maxCell))
	}
	if inc.Verdict != nil && inc.Verdict.Outcome == record.CannotTell {
		out = append(out, "Find out why data were missing: until then no recovery of this service can be proved.")
	}
	return append(out, lasted(inc)+"Write down what would have made this shorter.")
}

// lasted says how long harm lasted, and how much of that passed until it was noticed.
func lasted(inc record.Incident) string {
	began, seen := inc.Harm().At, noticed(inc).at
	if began.IsZero() || seen.IsZero() || inc.ActedAt.IsZero() {
		return ""
	}
	return fmt.Sprintf("Harm lasted about %s until the traffic was moved; %s of that passed until it was detected. ",
		runbook.Span(inc.ActedAt.Sub(began)), runbook.Span(seen.Sub(began)))
}
