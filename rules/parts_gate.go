package rules

import (
	"fmt"

	"github.com/autorollback/autorollback/runbook"
)

// partLevel is a side's event share of each part over the trigger's window.
func (b *book) partLevel(t runbook.Trigger, s scope, role runbook.Role) string {
	signal := b.signalOf(t)
	who := []string{match("role", string(role)), match("signal", signal.name)}
	sum := func(keys, series string) string {
		return fmt.Sprintf("sum by (%s) (sum_over_time(%s[%s]))", keys, s.rec(series, who...), t.For)
	}
	const each = "region, release, part"
	if signal.parts.fixed {
		return fmt.Sprintf("(%s / on (region, release) group_left () (%s > 0))", sum(each, seriesBad), sum("region, release", seriesAll))
	}
	return fmt.Sprintf("(%s / (%s > 0))", sum(each, seriesBad), sum(each, seriesAll))
}

// partEffect is the effect in the worst part.
func (b *book) partEffect(t runbook.Trigger, s scope) string {
	if t.PSI > 0 {
		return b.stability(t, s)
	}
	gap := b.partLevel(t, s, runbook.Candidate) + " - " + b.partLevel(t, s, runbook.Stable)
	if t.Type == runbook.DistributionShift {
		gap = "abs(" + gap + ")"
	}
	return "max by (region, release) (" + gap + ")"
}

func (b *book) partGate(t runbook.Trigger, s scope) string {
	return fmt.Sprintf("%s > %s", b.partEffect(t, s), num(partLimit(t)))
}

func partLimit(t runbook.Trigger) float64 {
	switch {
	case t.Type == runbook.NullSpike:
		return float64(t.By)
	case t.PSI > 0:
		return t.PSI
	default:
		return float64(t.Distance)
	}
}

// leastGap is the distance that must remain without any one pod, for a trigger that
// is worded as PSI.
const leastGap = 0.05

// partGuard has a series where less than half of the effect remains in every part
// without some candidate pod. A pod without events need not be left out: the share would
// only grow; and without a pod that is the only one nothing is left to judge.
func (b *book) partGuard(t runbook.Trigger, s scope) string {
	p := b.signalOf(t).parts
	pod := b.Metrics.PodLabel
	grown := func(keys, series string, parted bool) string {
		expr := b.sided(fmt.Sprintf("increase(%s[%s])", series, t.For), s, match("role", string(runbook.Candidate)))
		if parted {
			expr = p.parted(expr)
		}
		return fmt.Sprintf("sum by (%s, %s) (%s)", keys, pod, expr)
	}
	rest := func(keys, grown string) string {
		return fmt.Sprintf("(sum by (%s) (%s) - on (%s) group_right () %s)", keys, grown, keys, grown)
	}
	allKeys := "region, release"
	if p.each {
		allKeys = "region, release, part"
	}
	all := grown(allKeys, p.all, p.each)
	share := fmt.Sprintf("%s / on (%s, %s) group_left () (%s > 0)", rest("region, release, part", grown("region, release, part", p.events, true)), allKeys, pod, rest(allKeys, all))
	gap := fmt.Sprintf("%s - on (region, release, part) group_left () %s", share, b.partLevel(t, s, runbook.Stable))
	limit := partLimit(t) / 2
	if t.Type == runbook.DistributionShift {
		gap = "abs(" + gap + ")"
	}
	if t.PSI > 0 {
		limit = leastGap
	}
	return fmt.Sprintf("max by (region, release) (min by (region, release, part) (%s)) <= %s", gap, num(limit))
}
