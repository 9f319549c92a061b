package report

import (
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Span writes a duration for people, in whole seconds: 4 s, 14 m 30 s, 1 h 03 m.
func Span(d time.Duration) string { return span(d.Truncate(time.Second)) }

// Upper begins a sentence. Names stay as they are written: v2, p95.
func Upper(text string) string { return upper(text) }

// ByHand is the command that does what a question of this kind asks about.
func ByHand(kind, service, region string) string {
	switch kind {
	case record.Promotion:
		return byHand("release promote", service, region)
	case record.AcceptSplit:
		return byHand("release accept-split", service, region) + withReason
	}
	return byHand("rollback", service, region) + withReason
}

// ResumeByHand is the command that lets a ramp continue that was stopped.
func ResumeByHand(service, region string) string {
	return byHand("release resume", service, region) + withReason
}

const withReason = ` --reason "WHY"`

func byHand(verb, service, region string) string {
	text := "autorollback " + verb + " " + service
	if region != "" && region != runbook.DefaultRegion {
		text += " --region " + region
	}
	return text
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
