package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// The kinds of messages about a ramp. They belong to a release and to no incident.
const (
	KindPromote  = "promote"
	KindPromoted = "promoted"
	KindProved   = "proved"
	KindChecked  = "checked"
)

// PromoteMsg asks an approver for the next step of the ramp. It is no alarm.
func PromoteMsg(rel record.Release, rb *runbook.Runbook, a record.Approval, now time.Time) record.Message {
	next, _ := rb.Rollout.Next(rel.Weight)
	m := rampMessage(rel, KindPromote+"-"+a.ID[:min(8, len(a.ID))], now,
		fmt.Sprintf("%s: take %s from %d %% to %d %%?", rel.Service, word(rel.Candidate.Version), rel.Weight, next.Weight),
		fmt.Sprintf("Its time at %d %% is over, a rollback is possible right now, and nothing objects.", rel.Weight),
		todo(fmt.Sprintf("approve or reject by %s. Without an answer nothing is moved.", clock(a.ExpiresAt))), owner(rb))
	m.Kind, m.Approval = KindPromote, a.ID
	return m
}

// PromotedMsg says that a step was taken.
func PromotedMsg(rel record.Release, rb *runbook.Runbook, now time.Time) record.Message {
	by, from := "the daemon", 0
	if n := len(rel.Moves); n > 0 {
		from = rel.Moves[n-1].From
		if rel.Moves[n-1].By != "" {
			by = rel.Moves[n-1].By
		}
	}
	m := rampMessage(rel, KindPromoted, now,
		fmt.Sprintf("%s: %s has %d %%", rel.Service, word(rel.Candidate.Version), rel.Weight),
		fmt.Sprintf("From %d %% to %d %% by %s, in one transaction.", from, rel.Weight, word(by)), owner(rb))
	m.Kind = KindPromoted
	return m
}

// ProvedMsg says that a release is closed and its candidate is the last known good.
func ProvedMsg(rel record.Release, rb *runbook.Runbook, by string, now time.Time) record.Message {
	m := rampMessage(rel, KindProved, now,
		fmt.Sprintf("%s: %s is proved", rel.Service, word(rel.Candidate.Version)),
		fmt.Sprintf("It has all traffic and its bake time is over: it is the last known good, and %s was the one before. The release is closed.", word(rel.Stable.Version)), owner(rb))
	m.Kind, m.EndsAt = KindProved, now
	return m
}

// ProofMsg says what came of the checks after a flip, or after the step to all traffic.
// It pages unless all is good.
func ProofMsg(rel record.Release, rb *runbook.Runbook, now time.Time) record.Message {
	p := rel.Proof
	lines := []string{upper(sentence(p.Reason))}
	if p.Health != record.Good {
		lines = append(lines, "Nothing was moved, and promotion is frozen.",
			todo("look; then autorollback release resume "+rel.Service+", or autorollback release rollback "+rel.Service+"."))
	}
	m := rampMessage(rel, KindChecked, now, fmt.Sprintf("%s: the checks of %s at %d %% are %s", rel.Service, word(rel.Candidate.Version), rel.Weight, p.Health), append(lines, owner(rb))...)
	m.Kind, m.Page = KindChecked, p.Health != record.Good
	if !m.Page {
		m.EndsAt = now
	}
	return m
}

func rampMessage(rel record.Release, what string, now time.Time, title string, lines ...string) record.Message {
	var text []string
	for _, line := range lines {
		if line != "" {
			text = append(text, line)
		}
	}
	return record.Message{
		Schema: runbook.Schema, ID: fmt.Sprintf("%s-%s-%d", rel.ID, what, rel.Epoch), Service: rel.Service, Region: rel.Region,
		Title: cut(title, maxTitle), Text: cut(strings.Join(text, "\n"), maxText), StartsAt: now, CreatedAt: now,
	}
}
