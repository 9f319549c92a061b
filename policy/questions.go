package policy

import (
	"fmt"
	"slices"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Quiet is how long the same thing is not told again.
const Quiet = 10 * time.Minute

// Checks says what to do about checks that are bad after a step, where promotion is
// frozen already: a human is asked whether to roll back, unless an incident is there,
// automation is not active, or nothing could be moved.
func Checks(in Input, why string, now time.Time) record.Decision {
	d := record.Decision{Action: record.Freeze, Guard: GuardChecks, At: now, Page: true,
		Reasons: []string{fmt.Sprintf("The checks after the step to %v %% are bad: %s.", in.Release.Weight, why)}}
	d = cautioned(in, d)
	active := !observing(in) && (in.Control.Mode == "" || in.Control.Mode == runbook.Active)
	if in.Incident != nil || !active || in.ExternalChange || in.Release.Held != nil || in.Router != "" {
		return d
	}
	d.Action = record.Ask
	d.Choices = []string{"approve the rollback",
		"reject it and keep the split; promotion stays frozen until: autorollback release resume " + target(in) + " --reason WHY"}
	return d
}

// Expired decides about a question that nobody answered until a moment. It never
// approves: where the runbook asks for a rollback then, the trigger is asked once more
// first, since what was true may be over, and limits and stop switches count as they are
// now. again means that the answer is still to be had; a breach without a State was not
// asked yet. Checks have no trigger that could be asked.
func Expired(in Input, until, now time.Time) (d record.Decision, again bool) {
	b := in.Breach
	switch {
	case !RollsBackUnanswered(in.Runbook, in.Incident.Decision):
		return unanswered(in, now, []string{byHand(in)}), false
	case b.State == "" || b.Unjudged() && now.Sub(until) < Quiet: // it will be known in a moment, or to another replica
		return d, true
	case b.State == record.NotBreaching:
		return unanswered(in, now, []string{"let the release continue: autorollback release resume " + target(in) + " --reason WHY", byHand(in)},
			"the trigger is no longer true"), false
	case b.State != record.Breaching:
		return unanswered(in, now, []string{byHand(in)}, "it cannot be confirmed now: "+b.Problem), false
	}
	in.asked = true // what the question was about counts no more; holds and limits do
	d = decide(in, now)
	if d.Action != record.RollBack && (d.Action != record.Ask || d.Guard != GuardMild && d.Guard != GuardSchedule) {
		choices := d.Choices
		if d.Action == record.Ask { // the question is over
			choices = []string{byHand(in)}
		}
		return unanswered(in, now, choices, d.Reasons[:1]...), false
	}
	d.Action, d.Choices, d.At = record.RollBack, afterwards(in), now
	d.Reasons = append([]string{"nobody answered, the trigger is still true, and policy.on_expiry is rollback"}, d.Reasons...)
	return d, false
}

// RollsBackUnanswered reports whether silence may end in a rollback: once the question that a
// decision put is over, its trigger is asked once more. Otherwise nothing moves.
func RollsBackUnanswered(rb *runbook.Runbook, asked record.Decision) bool {
	return rb.Policy.OnExpiry == "rollback" && asked.Guard != GuardChecks
}

func unanswered(in Input, now time.Time, choices []string, why ...string) record.Decision {
	return cautioned(in, record.Decision{Action: record.Hold, Guard: GuardExpired, At: now, Page: true,
		Reasons: append([]string{"nobody answered within " + in.Runbook.Policy.ApprovalTTL.String()}, why...),
		Choices: choices})
}

// Reopens says whether a breach may still change what is done: traffic was not moved,
// and a human's "no" silences all but another, severe breach.
func Reopens(i record.Incident, b record.Breach) bool {
	switch i.Phase {
	case record.Unconfirmed, record.Awaiting, record.HeldPhase, record.Frozen:
		return true
	case record.Done:
		another := b.Severity == runbook.Severe && !slices.Contains(i.Triggers, b.Trigger)
		return i.Change == nil && (i.RejectedAt.IsZero() || another)
	}
	return false
}

// Replaces says whether a decision takes the place of the incident's present one: only a
// stronger one does, so that two triggers which fire at once, or one at its limit, do
// not take turns and page at each. What holds us may change its reason now and then. An
// external change is replaced by nothing: it is accepted, or put back.
func Replaces(in Input, d record.Decision) bool {
	i, b := *in.Incident, in.Breach
	switch external := i.Decision.Guard == GuardManualOverride; {
	case external && in.ExternalChange && i.Phase == record.HeldPhase:
		return false
	case i.Phase == record.Unconfirmed: // a name that nobody knows does not end the asking about one that is known
		return d.Guard != GuardUnknownTrigger || b.Trigger == i.Breach.Trigger
	case i.Phase == record.Done:
		return true
	case i.Decision.Guard == GuardExpired && d.Action != record.RollBack && slices.Contains(i.Triggers, b.Trigger):
		return false
	case strength(i.Decision, i.Breach) != strength(d, b):
		return strength(d, b) > strength(i.Decision, i.Breach)
	case d.Action != record.Hold || d.Guard == i.Decision.Guard || b.Trigger != i.Breach.Trigger:
		return false
	default:
		return external || d.At.Sub(i.Decision.At) >= Quiet
	}
}

// strength orders decisions. In observe mode what would have been done counts.
func strength(d record.Decision, b record.Breach) int {
	order := map[record.Action]int{record.Hold: 1, record.Freeze: 2, record.Ask: 4, record.RollBack: 5}
	n := 10*order[d.Action] + order[d.Would]
	if d.Action == record.Freeze && b.StableUnhealthy {
		n += 10
	}
	return n
}
