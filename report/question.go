package report

import (
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Span writes a duration for people, in whole seconds: 4 s, 14 m 30 s, 1 h 03 m.
func Span(d time.Duration) string { return runbook.Span(d.Truncate(time.Second)) }

// Clock writes a moment for people, in UTC and to the second; "–": there is none.
func Clock(at time.Time) string { return clock(at) }

// Upper begins a sentence. Names stay as they are written: v2, p95.
func Upper(text string) string { return upper(text) }

// ByHand is the command that does what a question of this kind asks about.
func ByHand(kind, service, region string) string {
	switch kind {
	case record.Promotion:
		return "autorollback release promote " + of(service, region)
	case record.AcceptSplit:
		return "autorollback release accept-split " + of(service, region) + ` --reason "WHY"`
	}
	return "autorollback rollback " + of(service, region) + ` --reason "WHY"`
}

// ResumeByHand is the command that lets a ramp continue that was stopped.
func ResumeByHand(service, region string) string {
	return "autorollback release resume " + of(service, region) + ` --reason "WHY"`
}

// of names a target as commands take it; the default region needs no flag.
func of(service, region string) string {
	if region == "" || region == runbook.DefaultRegion {
		return service
	}
	return service + " --region " + region
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
