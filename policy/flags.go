package policy

import (
	"fmt"
	"slices"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Flags is what it rests on whether the flags of a quarantined bundle, which somebody switched
// on, are switched off again.
type Flags struct {
	Runbook        *runbook.Runbook // never nil
	Control        record.Control
	ExternalChange bool // somebody else changed the split
	Quarantine     record.Quarantine
}

// maxSwitchOffs is how often within an hour the flags of one bundle are switched off again.
const maxSwitchOffs = 3

// LeaveFlags says why flags that somebody switched on are left so; empty: they are switched off
// again. A split that somebody else wrote is left, since who serves users is a human's to say. A
// flag of a quarantined bundle is not: that nobody serves it is an order on record, with a name,
// and whoever means otherwise lifts it by name. Where traffic was moved by hand as well,
// somebody may be serving that bundle, and a flag written under it would part the pair.
func LeaveFlags(in Flags, now time.Time) string {
	stop := paused(Input{Control: in.Control}, now)
	switch {
	case stop != nil:
		return stop.why
	case in.Control.Mode == runbook.Observe || in.Runbook.Policy.Mode == runbook.Observe:
		return "Observe mode: nothing is written."
	case in.ExternalChange:
		return "Somebody else changed the split as well, and may be serving this bundle."
	}
	if n := len(LastHour(in.Quarantine.SwitchedOff, now)); n >= maxSwitchOffs {
		return fmt.Sprintf("They were switched off %d times within an hour: something keeps writing them.", n)
	}
	return ""
}

// LastHour keeps the moments of the last hour.
func LastHour(times []time.Time, now time.Time) []time.Time {
	return slices.DeleteFunc(slices.Clone(times), func(t time.Time) bool { return now.Sub(t) > time.Hour })
}
