package policy

import (
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// SecondWithin is how long an order waits for its second person.
const SecondWithin = time.Hour

// Protected is what an order takes away, or lets go, read at the moment it is given.
type Protected struct {
	Action   record.OrderAction
	Rejected bool // a human said no to rolling back these weights before
	Frozen   bool // a breach froze or held the ramp, and nobody has looked at it yet
}

// Frozen reports whether a breach froze or held an open release's ramp, and nobody has looked at it
// yet. The incident is its newest, and zero where it has none.
func Frozen(rel record.Release, i record.Incident) bool {
	stopped := i.Phase == record.Frozen || i.Phase == record.HeldPhase
	return rel.Phase == record.Open && (rel.Frozen != "" || stopped && i.Change == nil && i.Breach.Trigger != "")
}

// TwoPeople reports whether a runbook asks for two people. Rolling back takes one, whatever it says.
func TwoPeople(rb *runbook.Runbook, in Protected) bool {
	asked := func(what runbook.TwoPeople) bool { return rb != nil && slices.Contains(rb.Policy.TwoPeople, what) }
	switch in.Action {
	case record.OrderReject:
		return in.Rejected && asked(runbook.RejectTwice)
	case record.OrderResume:
		return in.Frozen && asked(runbook.PromoteAfterFreeze)
	case record.OrderAcceptSplit:
		return asked(runbook.AcceptSplit) || in.Frozen && asked(runbook.PromoteAfterFreeze)
	case record.OrderLift:
		return asked(runbook.LiftQuarantine)
	}
	return false
}

// Second says whether an order that takes two people is carried out now, because somebody else gave
// it before, or waits for somebody else. waiting is the first one; nil: there is none. Both people
// must have signed in, and differ.
func Second(o record.Order, waiting *record.WaitingOrder, now time.Time) (carryOut bool, err error) {
	switch {
	case !o.Verified():
		return false, runbook.Refuse("this takes two people who have signed in, and nobody knows who asks now")
	case waiting == nil || !waiting.In(now) || !waiting.Verified():
		return false, nil
	case strings.EqualFold(waiting.Name, o.Name):
		return false, runbook.AwaitSecond("you ordered this already: it waits for somebody else to order it as well, until %s", clock(waiting.Waits))
	}
	return true, nil
}
