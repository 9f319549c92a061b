package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// The kinds of messages, each sent at most once for an incident: a message's id is
// <incident>-<kind>.
const (
	KindOpened    = "opened"
	KindApproval  = "approval"
	KindActed     = "acted"
	KindVerifying = "verifying"
	KindHeld      = "held"
	KindFrozen    = "frozen"
	KindVerdict   = "verdict"
	KindBusiness  = "business"
	KindEvidence  = "evidence" // the incident's last: its evidence is sealed
)

const (
	maxTitle = 80 // a phone shows it whole
	maxText  = 2000
)

// Opened says that an incident exists. It pages only while it is not confirmed, because
// Prometheus cannot be asked or the significance is not known: otherwise a decision, with a
// message of its own, is close behind.
func Opened(inc record.Incident, rb *runbook.Runbook, now time.Time) record.Message {
	if inc.Phase == record.Unconfirmed && inc.Breach.Unjudged() {
		return message(inc, KindOpened, true, now,
			fmt.Sprintf("%s: alert %s, but its significance is not known yet", subject(inc), word(inc.Breach.Trigger)),
			"Prometheus answers, but whether the effect is more than chance is not known yet: "+sentence(inc.Breach.Problem),
			"Nothing was moved: an alert is acted on only once it is confirmed. autorollback asks again every few seconds.",
			todo("wait a few minutes; roll back by hand if users are hurt."), owner(rb))
	}
	if inc.Phase == record.Unconfirmed {
		return message(inc, KindOpened, true, now,
			fmt.Sprintf("%s: alert %s, but Prometheus is unreachable", subject(inc), word(inc.Breach.Trigger)),
			problem(inc),
			"Nothing was moved: an alert is acted on only once Prometheus confirms it. autorollback asks again every few seconds.",
			todo("see whether Prometheus is up; roll back by hand if users are hurt."), owner(rb))
	}
	return message(inc, KindOpened, false, now,
		fmt.Sprintf("%s: %s", subject(inc), upper(short(inc, rb))),
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
		fmt.Sprintf("%s: roll back %s to %s? %s", subject(inc), word(inc.Candidate.Version), word(inc.Stable.Version), upper(short(inc, rb))),
		what(inc, rb), ImpactLine(inc), why(inc), "Planned: "+moved(inc)+".",
		todo("approve or reject"+until+". "+onExpiry(rb)), owner(rb))
	m.Approval = inc.Approval
	return m
}

// Acted says that the traffic was moved. It does not page: the verdict does, if it
// is not "recovered".
func Acted(inc record.Incident, rb *runbook.Runbook, now time.Time) record.Message {
	sentence := "All traffic was moved " + inc.Change.How()
	if !inc.ActedAt.IsZero() {
		sentence += ", " + afterOrigin(inc, inc.ActedAt)
	}
	return message(inc, KindActed, false, now,
		fmt.Sprintf("%s: rolled back %s to %s%s", subject(inc), word(inc.Candidate.Version), word(inc.Stable.Version), comma(cmp.Or(since(inc, inc.ActedAt), short(inc, rb)))),
		what(inc, rb), why(inc), sentence+": "+moved(inc)+".", ImpactLine(inc),
		todo("nothing yet. Checking recovery"+verdictBy(inc)+"."), owner(rb))
}

// VerifyingMsg says that the router obeyed, and that users' recovery is measured now.
func VerifyingMsg(inc record.Incident, rb *runbook.Runbook, now time.Time) record.Message {
	return message(inc, KindVerifying, false, now,
		fmt.Sprintf("%s: %s gets no requests%s", subject(inc), word(inc.Candidate.Version), comma(since(inc, inc.DrainedAt))),
		timing(inc, record.Verdict{}), ImpactLine(inc), todo("nothing yet. Checking recovery"+verdictBy(inc)+"."), owner(rb))
}

// HeldMsg pages with choices: a guard stopped the automation.
func HeldMsg(inc record.Incident, rb *runbook.Runbook, now time.Time) record.Message {
	title := fmt.Sprintf("%s: nothing was done; %s", subject(inc), short(inc, rb))
	would := ""
	if inc.Decision.Would != "" {
		would = "Observe mode: armed, it would have chosen to " + verb(inc.Decision.Would) + "."
	}
	return message(inc, KindHeld, true, now, title,
		what(inc, rb), ImpactLine(inc), why(inc), would, todo(choices(inc, "check the service, and decide by hand.")), owner(rb))
}

// FrozenMsg pages: traffic is left alone and promotion is stopped.
func FrozenMsg(inc record.Incident, rb *runbook.Runbook, now time.Time) record.Message {
	return message(inc, KindFrozen, true, now,
		fmt.Sprintf("%s: promotion frozen; %s", subject(inc), short(inc, rb)),
		what(inc, rb), ImpactLine(inc), why(inc), "Traffic is left alone.", todo(choices(inc, "look for a cause outside the release.")), owner(rb))
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
		do = doNow(inc, rb)
	}
	m := message(inc, kind, v.Outcome != record.Recovered, now,
		fmt.Sprintf("%s: %s%s%s", subject(inc), of, outcome(v.Outcome), comma(since(inc, v.At))),
		upper(sentence(v.Reason)), upper(badAnswers(*v)), timing(inc, *v), ImpactLine(inc), todo(do), owner(rb))
	if v.Outcome == record.Recovered {
		m.EndsAt = v.At
	}
	return m
}

// EvidenceMsg carries the digest of the sealed evidence away, to where whoever can write the folder
// cannot write. It ends what the verdict ended.
func EvidenceMsg(inc record.Incident, rb *runbook.Runbook, now time.Time) record.Message {
	title, kept, do := "closed; the evidence is sealed", "Manifest: "+inc.EvidenceDigest, "nothing; to compare the folder with this digest: autorollback incident check incidents/"+inc.ID+"."
	if inc.EvidenceDigest == "" {
		title, kept, do = "closed; the evidence is not complete", "", "copy what is in the folder, and see the daemon's log."
	}
	m := message(inc, KindEvidence, false, now, subject(inc)+": "+title, ImpactLine(inc), "Evidence: "+plain(inc.Evidence, maxCell), kept,
		todo(do), owner(rb))
	if inc.Verdict != nil && inc.Verdict.Outcome == record.Recovered {
		m.EndsAt = inc.Verdict.At
	}
	return m
}

func message(inc record.Incident, kind string, page bool, now time.Time, title string, lines ...string) record.Message {
	m := newMessage(inc.ID+"-"+kind, kind, inc.Service, inc.Region, now, title, lines)
	m.Incident, m.Page, m.StartsAt, m.Thread = inc.ID, page, alerted(inc), inc.Thread
	return m
}

// newMessage says the lines that are not empty. It does not page, and begins now.
func newMessage(id, kind, service, region string, now time.Time, title string, lines []string) record.Message {
	lines = slices.DeleteFunc(lines, func(line string) bool { return line == "" })
	return record.Message{
		Schema: runbook.Schema, ID: id, Kind: kind, Service: service, Region: region, Title: cut(title, maxTitle),
		Text: cut(strings.Join(lines, "\n"), maxText), StartsAt: now, CreatedAt: now,
	}
}

// More kinds of messages, about what stands between a decision and its effect.
const (
	KindExternalChange = "external_change"
	KindNotApplied     = "not_applied"
	KindRejected       = "rejected"
	KindHazard         = "hazard"
)

// ExternalChangeMsg pages: somebody else changed the split. It carries the link with which a
// human lets the release go on, if one was made.
func ExternalChangeMsg(inc record.Incident, rb *runbook.Runbook, now time.Time) record.Message {
	m := message(inc, KindExternalChange, true, now,
		fmt.Sprintf("%s: somebody changed the split", subject(inc)),
		why(inc), "The split is left as it is: nothing is written to it automatically.",
		todo(choices(inc, "put the split back, or continue the release with it as it is.")), owner(rb))
	if inc.Change == nil {
		m.Approval = inc.Approval
	}
	return m
}

// NotAppliedMsg pages: the change is written, and the candidate still gets traffic.
func NotAppliedMsg(inc record.Incident, rb *runbook.Runbook, now time.Time) record.Message {
	return message(inc, KindNotApplied, true, now,
		fmt.Sprintf("%s: weights written, but the router still sends %s traffic", subject(inc), word(inc.Candidate.Version)),
		"Written: "+moved(inc)+".", "The measured request rate of the candidate did not fall to zero.",
		todo("look whether the router follows the store; take the candidate out of the router by hand."), owner(rb))
}

// HazardMsg pages: the change is written, and something in the router's keys makes it
// likely that the router ignores it. Whether it did is measured next.
func HazardMsg(inc record.Incident, rb *runbook.Runbook, hazards []string, now time.Time) record.Message {
	return message(inc, KindHazard, true, now,
		fmt.Sprintf("%s: the router may ignore the rollback", subject(inc)),
		"Written: "+moved(inc)+".", "In the router's keys: "+sentence(strings.Join(hazards, "; ")),
		todo("fix those keys; check what the router serves."), owner(rb))
}

// RejectedMsg says that a human said no.
func RejectedMsg(inc record.Incident, rb *runbook.Runbook, a record.Approval, now time.Time) record.Message {
	return message(inc, KindRejected, false, now,
		fmt.Sprintf("%s: %s rejected the rollback", subject(inc), word(a.By)),
		whoRejected(a), "Reason: "+sentence(a.Reason), "The release continues; a severe breach still rolls it back.", owner(rb))
}
