package runbook

import (
	"math"
	"time"
)

// Scaled multiplies how far the trigger lets the candidate be off: a factor below 1 makes it more
// sensitive. Where the runbook names what is left of a good state (below 50 % of the wanted
// traffic), that is what is missing of it. A trigger without such a number stays as it is.
func (t Trigger) Scaled(factor float64) Trigger {
	for _, r := range []*Ratio{&t.Increase, &t.Above, &t.By, &t.Drop, &t.Distance} {
		*r *= Ratio(factor)
	}
	t.PSI *= factor
	t.Ceiling = Duration(math.Round(t.Ceiling.Std().Seconds()*factor*1000)) * Duration(time.Millisecond)
	if t.Below > 0 {
		t.Below = max(1-(1-t.Below)*Ratio(factor), 0)
	}
	return t
}

// LeastWindow is the shortest window that a trigger of this type may have.
func (r *Runbook) LeastWindow(t Trigger) Duration {
	least := Duration(leastIntervals)
	if k := kinds[t.Type]; k.intervals > 0 {
		least = k.intervals
	}
	return least * r.Metrics.Step()
}
