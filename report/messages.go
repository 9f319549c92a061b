package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// The kinds of messages, each sent at most once for an incident: a message's id is
// <incident>-<kind>.
const (
	KindOpened   = "opened"
	KindApproval = "approval"
	KindActed    = "acted"
	KindHeld     = "held"
	KindFrozen   = "frozen"
	KindVerdict  = "verdict"
	KindBusiness = "business"
)

const (
	maxTitle = 200
	maxText  = 2000
)

// Opened says that an incident exists. It pages only while it is not confirmed, because
// Prometheus cannot be asked or the significance is not known: otherwise a decision, with a
// message of its own, is close behind.
func Opened(inc record.Incident, rb *runbook.Runbook, now time.Time) record.Message {
	if inc.Phase == record.Unconfirmed && inc.Breach.Unjudged() {
		return message(inc, KindOpened, true, now,
			fmt.Sprintf("%s: alert %s, and its significance is not known yet", subject(inc), word(inc.Breach.Trigger)),
			"Prometheus answers. Whether it is more than chance is not known yet: "+sentence(inc.Breach.Problem),
			"Nothing was moved: an alert is acted on only once it is confirmed. It is being asked again every few seconds.",
			todo("wait a few minutes; roll back by hand if users are hurt."), owner(rb))
	}
	if inc.Phase == record.Unconfirmed {
		return message(inc, KindOpened, true, now,
			fmt.Sprintf("%s: alert %s, and Prometheus cannot be asked", subject(inc), word(inc.Breach.Trigger)),
			problem(inc),
			"Nothing was moved: an alert is acted on only once Prometheus confirms it. It is being asked again every few seconds.",
			todo("see whether Prometheus is up; roll back by hand if users are hurt."), owner(rb))
	}
	return message(inc, KindOpened, false, now,
		fmt.Sprintf("%s: %s breached", subject(inc), word(inc.Breach.Trigger)),
		what(inc, rb), why(inc), owner(rb))
}

// Asking asks a human to approve or reject. The sender adds the signed link of the
// incident's newest approval.
func Asking(inc record.Incident, rb *runbook.Runbook, now time.Time) record.Message {
	until := ""
	if rb != nil && rb.Policy.ApprovalTTL > 0 {
		until = fmt.Sprintf(" by %s", clock(now.Add(rb.Policy.ApprovalTTL.Std())))
	}
	m := message(inc, KindApproval, true, now,
		fmt.Sprintf("%s: roll back %s to %s?", subject(inc), word(inc.Candidate.Version), word(inc.Stable.Version)),
		what(inc, rb), why(inc), "Planned: "+moved(inc)+".",
		todo("approve or reject"+until+". "+onExpiry(rb)), owner(rb))
	m.Approval = inc.Approval
	return m
}

// Acted says that the traffic was moved. It does not page: the verdict does, if it
// is not "recovered".
func Acted(inc record.Incident, rb *runbook.Runbook, now time.Time) record.Message {
	doing := "All traffic was moved in one transaction"
	if !inc.ActedAt.IsZero() {
		doing += ", " + span(inc.ActedAt.Sub(breachBegan(inc))) + " after the breach began"
	}
	return message(inc, KindActed, false, now,
		fmt.Sprintf("%s: rolled back %s to %s", subject(inc), word(inc.Candidate.Version), word(inc.Stable.Version)),
		what(inc, rb), why(inc), doing+": "+moved(inc)+".",
		todo("nothing yet; recovery is being proved"+untilDeadline(inc)+"."), owner(rb))
}

// HeldMsg pages with choices: a guard stopped the automation.
func HeldMsg(inc record.Incident, rb *runbook.Runbook, now time.Time) record.Message {
	title := fmt.Sprintf("%s: %s breached, and nothing was done", subject(inc), word(inc.Breach.Trigger))
	would := ""
	if inc.Decision.Would != "" {
		would = "Observe mode: armed, it would have chosen to " + verb(inc.Decision.Would) + "."
	}
	return message(inc, KindHeld, true, now, title,
		what(inc, rb), why(inc), would, todo(choices(inc, "look, and decide by hand.")), owner(rb))
}

// FrozenMsg pages: traffic is left alone and promotion is stopped.
func FrozenMsg(inc record.Incident, rb *runbook.Runbook, now time.Time) record.Message {
	return message(inc, KindFrozen, true, now,
		fmt.Sprintf("%s: %s breached; promotion is frozen, traffic left alone", subject(inc), word(inc.Breach.Trigger)),
		what(inc, rb), why(inc), todo(choices(inc, "look for a cause outside the release.")), owner(rb))
}

// VerdictMsg says what users get now. It pages unless they recovered. Only a
// recovered incident is over: the message's EndsAt is the verdict's time.
func VerdictMsg(inc record.Incident, rb *runbook.Runbook, now time.Time) record.Message {
	return verdictMessage(inc, inc.Verdict, KindVerdict, "", rb, now)
}

// BusinessMsg is VerdictMsg for a KPI that needed longer than the deadline.
func BusinessMsg(inc record.Incident, rb *runbook.Runbook, now time.Time) record.Message {
	return verdictMessage(inc, inc.Business, KindBusiness, "business metrics ", rb, now)
}

func verdictMessage(inc record.Incident, v *record.Verdict, kind, of string, rb *runbook.Runbook, now time.Time) record.Message {
	if v == nil {
		v = &record.Verdict{Outcome: record.CannotTell, Reason: "no verdict was recorded"}
	}
	do := "nothing; the follow-up is drafted in the incident page."
	if v.Outcome != record.Recovered {
		do = choices(inc, verdictChoice(v.Outcome))
	}
	m := message(inc, kind, v.Outcome != record.Recovered, now,
		fmt.Sprintf("%s: %s%s", subject(inc), of, outcome(v.Outcome)),
		upper(sentence(v.Reason)), upper(badAnswers(*v)), timing(inc, *v), todo(do), owner(rb))
	if v.Outcome == record.Recovered {
		m.EndsAt = v.At
	}
	return m
}

func message(inc record.Incident, kind string, page bool, now time.Time, title string, lines ...string) record.Message {
	var text []string
	for _, line := range lines {
		if line != "" {
			text = append(text, line)
		}
	}
	return record.Message{
		Schema: runbook.Schema, ID: inc.ID + "-" + kind, Service: inc.Service, Region: inc.Region,
		Incident: inc.ID, Kind: kind, Page: page, Title: cut(title, maxTitle),
		Text: cut(strings.Join(text, "\n"), maxText), StartsAt: breachBegan(inc), CreatedAt: now,
	}
}
