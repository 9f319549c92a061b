package rules

import (
	"fmt"
	"maps"

	"github.com/autorollback/autorollback/runbook"
)

// A kind is what one type of trigger is in PromQL. A new type is one entry in a table of
// such; what it does not need stays empty.
type kind struct {
	read     func(b *compiler, t runbook.Trigger) error   // parses the PromQL that stands in the trigger
	levels   func(b *compiler, t runbook.Trigger) []level // what it reads of either side, its signal first; windows are set later
	effect   func(b *compiler, t runbook.Trigger, c comparison) string
	gate     func(b *compiler, t runbook.Trigger, c comparison) string // the effect, if it is as large as the runbook says
	measure  func(b *compiler, t runbook.Trigger) Measure              // nil: it is told by requests
	absolute func(b *compiler, t runbook.Trigger) bound                // of an absolute trigger
	wording  func(b *compiler, t runbook.Trigger) wording

	anyPod bool // no pod guard stands behind it
}

// kinds are all types of triggers.
var kinds = func() map[runbook.TriggerType]kind {
	all := maps.Clone(requestKinds)
	maps.Copy(all, dataKinds)
	return all
}()

// A comparison is the level of either side, as a view finds it.
type comparison struct {
	view
	candidate, stable string
}

func (b *compiler) compared(t runbook.Trigger, v view) comparison {
	if kinds[t.Type].levels == nil {
		return comparison{view: v}
	}
	l := b.level(t)
	return comparison{v, v.side(l, runbook.Candidate), v.side(l, runbook.Stable)}
}

// effect is the trigger's number whether or not it is a breach.
func (b *compiler) effect(t runbook.Trigger, v view) string {
	return kinds[t.Type].effect(b, t, b.compared(t, v))
}

// gate keeps the effect if it is as large as the runbook says, of either view.
func (b *compiler) gate(t runbook.Trigger, v view) string {
	return kinds[t.Type].gate(b, t, b.compared(t, v))
}

func (c comparison) ratio() string { return fmt.Sprintf("%s / %s %s", c.candidate, same, c.stable) }

func (c comparison) gap() string { return fmt.Sprintf("%s - %s %s", c.candidate, same, c.stable) }

// alone drops what else the candidate's level carries.
func (c comparison) alone() string { return fmt.Sprintf("max by (region, release) (%s)", c.candidate) }

func aloneEffect(_ *compiler, _ runbook.Trigger, c comparison) string { return c.alone() }

func gapEffect(_ *compiler, _ runbook.Trigger, c comparison) string { return c.gap() }

func ratioEffect(_ *compiler, _ runbook.Trigger, c comparison) string { return c.ratio() }

// shareGate is a share above a limit, and clearly above stable's.
func shareGate(_ *compiler, t runbook.Trigger, c comparison) string {
	return fmt.Sprintf("%s > %s clamp_min(%s * %s, %s)", c.candidate, same, num(runbook.MinErrorRatio), c.stable, num(float64(t.Above)))
}

// increaseGate is a share so many points and so many times above stable's.
func increaseGate(_ *compiler, t runbook.Trigger, c comparison) string {
	return fmt.Sprintf("%s > %s and %s %s > %s %s * %s", c.gap(), num(float64(t.By)), same, c.candidate, same, num(t.MinRatio), c.stable)
}
