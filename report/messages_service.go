package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// The kinds of messages about a ramp. They belong to a release and to no incident.
const (
	KindStarted  = "started"
	KindPromote  = "promote"
	KindPromoted = "promoted"
	KindProved   = "proved"
	KindChecked  = "checked"
)

// StartedMsg says that a release began, with how much of the traffic, and when more may come.
func StartedMsg(rel record.Release, rb *runbook.Runbook, by record.Caller, now time.Time) record.Message {
	m := rampMessage(rel, KindStarted, "", now,
		fmt.Sprintf("%s: release of %s began at %v %%", rel.Service, word(rel.Candidate.Version), rel.Weight),
		fmt.Sprintf("%s has %v %%, %s %v %%. Started by %s.", word(rel.Candidate.Version), rel.Weight, word(rel.Stable.Version), rel.Weight.Rest(), whom(by)),
		nextStep(cmp.Or(rel.Rollout, rb.Rollout), rel.Weight), owner(rb))
	m.EndsAt = now
	return m
}

func nextStep(ramp *runbook.Rollout, weight runbook.Weight) string {
	step, ok := ramp.Next(weight)
	switch stay := ramp.Stay(weight); {
	case !ok:
		return "No further step is planned."
	case stay == 0:
		return fmt.Sprintf("Next step: %v %%.", step.Weight)
	default:
		return fmt.Sprintf("Next step: %v %%, after %s at the earliest.", step.Weight, runbook.Span(stay))
	}
}

// PromoteMsg asks an approver for the next step of the ramp. It is no alarm.
func PromoteMsg(rel record.Release, rb *runbook.Runbook, a record.Approval, now time.Time) record.Message {
	next, _ := rb.Rollout.Next(rel.Weight)
	m := rampMessage(rel, KindPromote, "-"+a.ID[:min(8, len(a.ID))], now,
		fmt.Sprintf("%s: take %s from %v %% to %v %%?", rel.Service, word(rel.Candidate.Version), rel.Weight, next.Weight),
		fmt.Sprintf("Its time at %v %% is over, a rollback is possible right now, and nothing objects.", rel.Weight),
		todo(fmt.Sprintf("approve or reject by %s. Without an answer nothing is moved.", clock(a.ExpiresAt))), owner(rb))
	m.Approval = a.ID
	return m
}

// PromotedMsg says that a step was taken.
func PromotedMsg(rel record.Release, rb *runbook.Runbook, now time.Time) record.Message {
	by, from, how := "the daemon", runbook.Weight(0), (*record.Change)(nil).How()
	if n := len(rel.Moves); n > 0 {
		from = rel.Moves[n-1].From
		if rel.Moves[n-1].By != "" {
			by = rel.Moves[n-1].By
		}
	}
	if w := rel.Unwritten(); w != nil {
		how = (&record.Change{Keys: w.Keys}).How()
	}
	return rampMessage(rel, KindPromoted, "", now,
		fmt.Sprintf("%s: %s has %v %%", rel.Service, word(rel.Candidate.Version), rel.Weight),
		fmt.Sprintf("From %v %% to %v %% by %s, %s.", from, rel.Weight, word(by), how), owner(rb))
}

// ProvedMsg says that a release is closed and its candidate is the last known good.
func ProvedMsg(rel record.Release, rb *runbook.Runbook, by string, now time.Time) record.Message {
	m := rampMessage(rel, KindProved, "", now,
		fmt.Sprintf("%s: %s is proved", rel.Service, word(rel.Candidate.Version)),
		fmt.Sprintf("It has all traffic and its bake time is over: it is the last known good, and %s was the one before. The release is closed.", word(rel.Stable.Version)), owner(rb))
	m.EndsAt = now
	return m
}

// ProofMsg says what came of the checks after a flip, or after the step to all traffic.
// It pages unless all is good.
func ProofMsg(rel record.Release, rb *runbook.Runbook, now time.Time) record.Message {
	p := rel.Proof
	lines := []string{upper(sentence(p.Reason))}
	if p.Health != record.Good {
		lines = append(lines, "Nothing was moved, and promotion is frozen.",
			todo("check the service; then autorollback release resume "+rel.Service+" --region "+rel.Region+" --reason WHY, or autorollback rollback "+rel.Service+" --region "+rel.Region+" --reason WHY."))
	}
	m := rampMessage(rel, KindChecked, "", now,
		fmt.Sprintf("%s: the checks of %s at %v %% are %s", rel.Service, word(rel.Candidate.Version), rel.Weight, p.Health), append(lines, owner(rb))...)
	if m.Page = p.Health != record.Good; !m.Page {
		m.EndsAt = now
	}
	return m
}

func rampMessage(rel record.Release, kind, of string, now time.Time, title string, lines ...string) record.Message {
	id := fmt.Sprintf("%s-%s%s-%d", rel.ID, kind, of, rel.Epoch)
	return newMessage(id, kind, rel.Service, rel.Region, now, title, lines)
}

// The kinds of messages about a service's rules in Prometheus. They belong to no release.
const (
	KindRuleDrift      = "rule_drift"
	KindRuleDriftEnded = "rule_drift_ended"
)

// DriftMsg says that the rules which judge a service are not those of its runbook. It
// pages if a release is open.
func DriftMsg(c record.RulesCheck, rb *runbook.Runbook, open bool, now time.Time) record.Message {
	var lines []string
	for n, d := range c.Drift {
		if n == 8 {
			lines = append(lines, fmt.Sprintf("… and %d more", len(c.Drift)-n))
			break
		}
		line := "- " + d.Kind + ": "
		if d.Trigger != "" {
			line += word(d.Trigger) + ": "
		}
		line += word(d.Text)
		if d.Fix != "" {
			line += ". Fix: " + word(d.Fix)
		}
		lines = append(lines, line)
	}
	m := rulesMessage(c, rb, KindRuleDrift, now, unarmedTitle(c, rb), strings.Join(lines, "\n"),
		"Until this is fixed, nothing is promoted, and rollbacks based on rules that somebody edited need approval. A trigger that is off raises no alert at all.",
		todo("autorollback rules verify runbooks/ --prometheus.url http://PROMETHEUS:9090; autorollback runbook check runbooks/ --prometheus.url http://PROMETHEUS:9090."), owner(rb))
	m.Page = open
	return m
}

// unarmedTitle names the triggers that are off, or else degraded.
func unarmedTitle(c record.RulesCheck, rb *runbook.Runbook) string {
	named := map[record.ArmState][]string{}
	for _, t := range rb.Triggers {
		state, _ := c.Armed(t.Name)
		named[state] = append(named[state], t.Name)
	}
	for _, state := range []record.ArmState{record.Off, record.Degraded} {
		switch n := len(named[state]); {
		case n == len(rb.Triggers):
			return fmt.Sprintf("%s: every trigger is %s", c.Service, state)
		case n > 0:
			return fmt.Sprintf("%s: not armed: %s %s", c.Service, strings.Join(named[state], ", "), map[bool]string{true: "is ", false: "are "}[n == 1]+string(state))
		}
	}
	return fmt.Sprintf("%s: the rules in Prometheus are not those of the runbook", c.Service)
}

// DriftEndedMsg says that the rules are those of the runbook again, and every trigger armed.
func DriftEndedMsg(c record.RulesCheck, rb *runbook.Runbook, now time.Time) record.Message {
	m := rulesMessage(c, rb, KindRuleDriftEnded, now,
		fmt.Sprintf("%s: every trigger is armed again", c.Service),
		fmt.Sprintf("They were not since %s. Promotion continues where nothing else objects.", clock(c.Since)), owner(rb))
	m.EndsAt, m.Ends = now, []string{KindRuleDrift}
	return m
}

func rulesMessage(c record.RulesCheck, rb *runbook.Runbook, kind string, now time.Time, title string, lines ...string) record.Message {
	id := fmt.Sprintf("rules-%s-%s-%d", strings.TrimSuffix(c.Service+"-"+rb.Region, "-"), kind, c.Since.Unix())
	m := newMessage(id, kind, c.Service, rb.Regions[0], now, title, lines)
	m.StartsAt = c.Since
	return m
}

// The kinds of messages about a mirror. They belong to no incident.
const (
	KindMirrorEnded = "mirror_ended"
	KindMirrorHeld  = "mirror_held"
	KindMirrorWaits = "mirror_waits"
)

// MirrorEndedMsg says that no requests are copied any more, and why.
func MirrorEndedMsg(m record.Mirror, rb *runbook.Runbook, now time.Time) record.Message {
	msg := mirrorMessage(m, KindMirrorEnded, now,
		fmt.Sprintf("%s: nothing is mirrored to %s any more", m.Service, word(m.Backend)),
		fmt.Sprintf("%s: %d %% of the requests were copied to it since %s.", sentence(m.Ended), m.Percent, clock(m.StartedAt)),
		"Compare the two logs: autorollback shadow join --stable-log stable.jsonl --candidate-log candidate.jsonl.", owner(rb))
	msg.EndsAt, msg.Ends = now, []string{KindMirrorHeld, KindMirrorWaits}
	return msg
}

// MirrorHeldMsg pages because somebody else changed the router's percent.
func MirrorHeldMsg(m record.Mirror, rb *runbook.Runbook, now time.Time) record.Message {
	title := fmt.Sprintf("%s: somebody changed what is mirrored to %s", m.Service, word(m.Backend))
	if m.Held.Due {
		title = fmt.Sprintf("%s: requests are still mirrored to %s, and the planned end is over", m.Service, word(m.Backend))
	}
	msg := mirrorMessage(m, KindMirrorHeld, now, title,
		fmt.Sprintf("We wrote %d %%, and the router's keys say: %s. It is left as it is, now and at the planned end (%s).", m.Percent, plain(m.Held.Found, 300), clock(m.Until)),
		todo(fmt.Sprintf("set it to 0, or back to %d; or keep it, and end our plan with autorollback shadow stop --service %s --reason WHY.", m.Percent, m.Service)), owner(rb))
	msg.Page = true
	return msg
}

// MirrorWaitsMsg pages because the end that is due cannot be written.
func MirrorWaitsMsg(m record.Mirror, rb *runbook.Runbook, now time.Time) record.Message {
	msg := mirrorMessage(m, KindMirrorWaits, now,
		fmt.Sprintf("%s: requests are still mirrored to %s", m.Service, word(m.Backend)),
		plain(m.Waiting, 500)+". It is tried again every few seconds.",
		todo("remove what stands in the way, or set the router's percent to 0 by hand."), owner(rb))
	msg.Page = true
	return msg
}

func mirrorMessage(m record.Mirror, kind string, now time.Time, title string, lines ...string) record.Message {
	id := fmt.Sprintf("mirror-%s-%s-%.8s-%d", m.Service, m.Region, m.Op, m.Notified)
	msg := newMessage(id, kind, m.Service, m.Region, now, title, lines)
	msg.StartsAt = m.StartedAt
	return msg
}

// KindFlagsOn is the kind of the message about a quarantined bundle's flags.
const KindFlagsOn = "flags_on"

// FlagsOnMsg pages because somebody switched on the flags of a quarantined bundle; left says why
// they are left so, and is empty if they were switched off again.
func FlagsOnMsg(q record.Quarantine, key record.KeyChange, left string, rb *runbook.Runbook, region string, now time.Time) record.Message {
	did, do := "They were switched off again.", "find out who wrote the key"
	if left != "" {
		did, do = "They are left as they are. "+sentence(left), "switch them off, or find out who wrote the key"
	}
	m := newMessage(fmt.Sprintf("flags-%s-%s-%.12s-%d", q.Service, region, strings.TrimPrefix(q.Bundle, "sha256:"), key.Index), KindFlagsOn, q.Service, region, now,
		fmt.Sprintf("%s: somebody switched on the flags of %s, whose bundle is quarantined", q.Service, word(q.Version)),
		[]string{
			fmt.Sprintf("%s was %s.", word(key.Key), plain(key.From, 300)), did,
			fmt.Sprintf("The bundle is quarantined by incident %s: %s", word(q.Incident), sentence(q.Reason)),
			todo(do + "; to serve the bundle again, lift its quarantine first: autorollback release lift " + q.Bundle + " --reason WHY."), owner(rb),
		})
	m.Page, m.EndsAt = true, now.Add(15*time.Minute)
	return m
}

// The kinds of messages about the last known good of an open release.
const (
	KindNoRollback      = "no_rollback"
	KindNoRollbackEnded = "no_rollback_ended"
)

// NoRollbackMsg pages: the last known good could not take all traffic right now.
func NoRollbackMsg(rel record.Release, rb *runbook.Runbook, now time.Time) record.Message {
	stable := word(rel.Stable.Version)
	m := standbyMessage(rel, KindNoRollback, now,
		fmt.Sprintf("%s: no rollback to %s is possible right now: it is %s", rel.Service, stable, rel.Standby.State),
		stable+": "+sentence(rel.Standby.Why),
		fmt.Sprintf("%s has %v %%. Until %s is warm again nothing is promoted, and a breach asks a human "+
			"or is held: traffic never moves to a cold standby automatically.",
			word(rel.Candidate.Version), rel.Weight, stable),
		todo("bring the pods of "+stable+" back."), owner(rb))
	m.Page = true
	return m
}

// NoRollbackEndedMsg says that the last known good is warm again, or that the release is over.
func NoRollbackEndedMsg(rel record.Release, rb *runbook.Runbook, now time.Time) record.Message {
	stable, since := word(rel.Stable.Version), clock(rel.Standby.ToldAt)
	title := fmt.Sprintf("%s: a rollback to %s is possible again", rel.Service, stable)
	text := fmt.Sprintf("It was not since %s. Promotion continues where nothing else objects.", since)
	if rel.Phase != record.Open {
		title = fmt.Sprintf("%s: the release of %s is over", rel.Service, word(rel.Candidate.Version))
		text = fmt.Sprintf("A rollback to %s was not possible since %s.", stable, since)
	}
	m := standbyMessage(rel, KindNoRollbackEnded, now, title, text, owner(rb))
	m.EndsAt, m.Ends = now, []string{KindNoRollback}
	return m
}

func standbyMessage(rel record.Release, kind string, now time.Time, title string,
	lines ...string) record.Message {
	id := fmt.Sprintf("%s-%s-%d", rel.ID, kind, rel.Standby.ToldAt.Unix())
	m := newMessage(id, kind, rel.Service, rel.Region, now, title, lines)
	m.StartsAt = rel.Standby.ToldAt
	return m
}

// Answered adds to a question that comes late what became of it.
func Answered(m record.Message, a record.Approval) record.Message {
	by := ""
	if a.By != "" {
		by = " by " + word(a.By)
	}
	return Caution(m, fmt.Sprintf("This question is over: %s%s.", a.Status, by))
}

// Caution adds to a message what people must know whatever else it says, such as that no rollback
// is possible right now. It is not cut off.
func Caution(m record.Message, text string) record.Message {
	text = plain(text, 400)
	m.Text = cut(m.Text, maxText-len(text)-1) + "\n" + text
	return m
}
