package report

import (
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Numbers says what a trigger does, as it was found, and what the runbook allows. It is one
// sentence, and empty where there is no trigger.
func Numbers(inc record.Incident, found record.Breach, rb *runbook.Runbook) string {
	found.Trigger = inc.Breach.Trigger
	inc.Breach = found
	return what(inc, rb)
}

// Span writes a duration for people, in whole seconds: 4 s, 14 m 30 s, 1 h 03 m.
func Span(d time.Duration) string { return span(d.Truncate(time.Second)) }

// ByHand is the command that does what a question of this kind asks about.
func ByHand(kind, service, region string) string {
	where := service
	if region != "" && region != runbook.DefaultRegion {
		where += " --region " + region
	}
	switch kind {
	case record.Promotion:
		return "autorollback release promote " + where
	case record.AcceptSplit:
		return "autorollback release accept-split " + where + ` --reason "WHY"`
	}
	return "autorollback rollback " + where + ` --reason "WHY"`
}

// Stands says in a few words how far an incident has come.
func Stands(inc record.Incident) string {
	text := map[record.Phase]string{
		record.Unconfirmed: "open: not confirmed yet",
		record.Awaiting:    "open: a human is asked",
		record.HeldPhase:   "open: held, nothing is moved automatically",
		record.Frozen:      "open: the traffic is left alone, the ramp is stopped",
		record.Acted:       "traffic was moved, and the candidate drains",
		record.Verifying:   "traffic was moved, and recovery is being verified",
		record.Settled:     "the verdict is given",
		record.Done:        "closed",
	}[inc.Phase]
	if inc.Verdict != nil {
		text += "; " + outcome(inc.Verdict.Outcome)
	}
	return text
}
