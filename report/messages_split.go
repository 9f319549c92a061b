package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// More kinds of messages, about what stands between a decision and its effect.
const (
	KindForeign    = "foreign"
	KindNotApplied = "not_applied"
	KindRejected   = "rejected"
	KindHazard     = "hazard"
)

// ForeignMsg pages: somebody else changed the split. It carries the link with which a
// human lets the release go on, if one was made.
func ForeignMsg(inc record.Incident, rb *runbook.Runbook, now time.Time) record.Message {
	m := message(inc, KindForeign, true, now,
		fmt.Sprintf("%s: somebody changed the split", subject(inc)),
		why(inc), "It is left as it is: a human wins, and nothing is written to it automatically.",
		todo(choices(inc, "put the split back, or let the release go on with it as it is.")), owner(rb))
	if inc.Change == nil {
		m.Approval = inc.Approval
	}
	return m
}

// NotAppliedMsg pages: the change is written, and the candidate still gets traffic.
func NotAppliedMsg(inc record.Incident, rb *runbook.Runbook, now time.Time) record.Message {
	return message(inc, KindNotApplied, true, now,
		fmt.Sprintf("%s: written is not applied: %s still gets traffic", subject(inc), word(inc.Candidate.Version)),
		"Written: "+moved(inc)+".", "The measured request rate of the candidate did not fall to zero.",
		todo("look whether the router follows the store; take the candidate out of the router by hand."), owner(rb))
}

// HazardMsg pages: the change is written, and something in the router's keys makes it
// likely that the router ignores it. Whether it did is measured next.
func HazardMsg(inc record.Incident, rb *runbook.Runbook, hazards []string, now time.Time) record.Message {
	return message(inc, KindHazard, true, now,
		fmt.Sprintf("%s: the router may ignore the rollback", subject(inc)),
		"Written: "+moved(inc)+".", "In the router's keys: "+sentence(strings.Join(hazards, "; ")),
		todo("mend those keys; look at what the router serves."), owner(rb))
}

// RejectedMsg says that a human said no.
func RejectedMsg(inc record.Incident, rb *runbook.Runbook, a record.Approval, now time.Time) record.Message {
	return message(inc, KindRejected, false, now,
		fmt.Sprintf("%s: %s rejected the rollback", subject(inc), word(a.By)),
		"Reason: "+sentence(a.Reason), "The release goes on; a severe breach still rolls it back.", owner(rb))
}
