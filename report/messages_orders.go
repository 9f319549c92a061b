package report

import (
	"cmp"
	"fmt"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// The kinds of messages about orders that take a protection away, or let something go.
const (
	KindControl       = "control"
	KindLifted        = "lifted"
	KindSplitAccepted = "split_accepted"
	KindSplitRejected = "split_rejected"
	KindStepRejected  = "step_rejected"
	KindSecond        = "second_person"
)

// ControlMsg says that the stop switch was set, in this region or, without one, everywhere. It
// belongs to no service. It pages where nobody is known who did it.
func ControlMsg(o record.Order, c record.Control, now time.Time) record.Message {
	title, until := "automation is "+word(string(c.Mode)), ""
	if o.Region != "" {
		title += " in " + word(o.Region)
	}
	if !c.Until.IsZero() {
		until = "Until " + clock(c.Until) + "."
	}
	m := orderMessage(o, KindControl, now, title, until, "See it with: autorollback control show.")
	m.Page = !o.Known()
	return m
}

// LiftedMsg says that a bundle may be started again.
func LiftedMsg(o record.Order, q record.Quarantine, rb *runbook.Runbook, now time.Time) record.Message {
	return orderMessage(o, KindLifted, now,
		fmt.Sprintf("%s: the quarantine of %s was lifted", word(q.Service), word(cmp.Or(q.Version, q.Bundle))),
		fmt.Sprintf("Incident %s had quarantined bundle %s: %s", word(q.Incident), word(q.Bundle), sentence(q.Reason)), owner(rb))
}

// SplitAcceptedMsg says that a held release continues with a split that somebody else wrote.
func SplitAcceptedMsg(o record.Order, rel record.Release, rb *runbook.Runbook, now time.Time) record.Message {
	return orderMessage(o, KindSplitAccepted, now,
		fmt.Sprintf("%s: the split that somebody else wrote was accepted", word(rel.Service)),
		fmt.Sprintf("The release continues with %s at %v %%.", word(rel.Candidate.Version), rel.Weight), owner(rb))
}

// SplitRejectedMsg says that a held release stays held.
func SplitRejectedMsg(o record.Order, rel record.Release, rb *runbook.Runbook, now time.Time) record.Message {
	return orderMessage(o, KindSplitRejected, now,
		fmt.Sprintf("%s: the release of %s stays held", word(rel.Service), word(rel.Candidate.Version)),
		todo("put the split back, or finish by hand what was begun in the router."), owner(rb))
}

// StepRejectedMsg says that the next step of the ramp is not taken.
func StepRejectedMsg(o record.Order, rel record.Release, rb *runbook.Runbook, now time.Time) record.Message {
	return orderMessage(o, KindStepRejected, now,
		fmt.Sprintf("%s: the next step of %s was rejected", word(rel.Service), word(rel.Candidate.Version)),
		fmt.Sprintf("The ramp stays at %v %%.", rel.Weight), owner(rb))
}

// SecondMsg says that an order waits for a second person.
func SecondMsg(w record.WaitingOrder, rb *runbook.Runbook, now time.Time) record.Message {
	what := "the installation"
	if w.Service != "" {
		what = word(w.Service)
	}
	m := orderMessage(w.Order, KindSecond, now, fmt.Sprintf("%s: a second person is needed: %s", what, word(w.Text)),
		fmt.Sprintf("It takes two people, and was not carried out. Without a second person nothing happens; it expires at %s.", clock(w.Waits)),
		todo("give the same order if you agree; see it with: autorollback release status."), owner(rb))
	m.EndsAt = w.Waits
	return m
}

// orderMessage says who ordered what, and why. It is over at once.
func orderMessage(o record.Order, kind string, now time.Time, title string, lines ...string) record.Message {
	m := newMessage(o.ID+"-"+kind, kind, o.Service, o.Region, now, title,
		append([]string{"By " + whom(o.Caller) + ".", reasonOf(o)}, lines...))
	m.EndsAt = now
	return m
}

func reasonOf(o record.Order) string {
	if o.Reason == "" {
		return ""
	}
	return "Reason: " + sentence(o.Reason)
}

// whoRejected names who answered where more is known than the name; the title has that.
func whoRejected(a record.Approval) string {
	if a.How == "" {
		return ""
	}
	return "By " + whom(record.Caller{Name: a.By, How: a.How, From: a.From}) + "."
}

// whom names who ordered something, how that is known, and from where.
func whom(c record.Caller) string {
	if !c.Known() {
		return "somebody who is not known"
	}
	text := word(c.Name)
	if how := c.Seen(); how != "" {
		text += " (" + plain(how, 120) + ")"
	}
	return text
}
