package cards

import (
	"slices"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// A Button leads to the page on which an order is confirmed.
type Button struct {
	Order   record.OrderAction
	Name    string
	Refused string // why the order would be refused now; empty: nothing is known against it
}

// Orders are those that a page gives of one release, by the name they have in an address.
var Orders = []record.OrderAction{record.OrderPromote, record.OrderFlip, record.OrderHold, record.OrderResume, record.OrderRollback}

// Known reports whether an address names an order of a release.
func Known(a record.OrderAction) bool { return slices.Contains(Orders, a) }

// Name is what an order is called on a button.
func Name(a record.OrderAction) string {
	switch a {
	case record.OrderPromote:
		return "Promote"
	case record.OrderFlip:
		return "Flip"
	case record.OrderHold:
		return "Hold"
	case record.OrderResume:
		return "Resume"
	case record.OrderRollback:
		return "Roll back"
	case record.OrderControl:
		return "Pause"
	}
	return string(a)
}

// NeedsReason reports whether an order takes a reason. A step of the ramp needs none: it is the plan.
func NeedsReason(a record.OrderAction) bool {
	return a != record.OrderPromote && a != record.OrderFlip
}

// buttons are of an open release. One of promote and flip is shown: the first step of blue and green is a
// flip, every other one a promotion.
func buttons(t view.Standing) []Button {
	if !t.Open() {
		return nil
	}
	flips := t.Runbook != nil && t.Runbook.Rollout != nil && t.Runbook.Rollout.Strategy == runbook.BlueGreen && t.Release.Weight == 0
	var all []Button
	for _, a := range Orders {
		if a == record.OrderFlip && !flips || a == record.OrderPromote && flips {
			continue
		}
		all = append(all, Button{a, Name(a), t.Refused[a]})
	}
	return all
}
