package report

import (
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

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
	return "autorollback release rollback " + where + ` --reason "WHY"`
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
