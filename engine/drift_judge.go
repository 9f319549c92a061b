package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// driftKept is how long a drift is believed while Prometheus cannot be asked again: for
// three comparisons, as often as they are made by default.
const driftKept = 30 * time.Minute

// compared is what a service's check becomes by one more comparison. A difference
// counts once it is seen by two comparisons in a row that are at least two rule
// intervals apart: a reload and a restart are no drift. One that is on record already,
// by another replica or before a restart of ours, counts at once. No answer is neither:
// a drift that was seen is believed for half an hour, and then nothing is known.
func compared(before record.RulesCheck, rb *runbook.Runbook, found []rules.Drift, problem error, onRecord bool, now time.Time) record.RulesCheck {
	if before.Digest != rb.Digest {
		before = record.RulesCheck{State: record.RulesUnknown}
	}
	c := record.RulesCheck{Schema: runbook.Schema, Service: rb.Service, Digest: rb.Digest, State: record.RulesUnknown, At: now}
	if problem != nil {
		c.At, c.Problem = before.At, record.Truncate(problem.Error(), record.MaxValue)
		if before.State == record.RulesDrifted && now.Sub(before.At) < driftKept {
			c.State, c.Since, c.Drift = before.State, before.Since, before.Drift
		}
		return c
	}
	if c.Drift = differences(rb, found); len(c.Drift) == 0 {
		c.State = record.RulesOneToOne
		return c
	}
	c.State, c.Since = record.RulesSuspected, now
	if before.State == record.RulesDrifted || before.State == record.RulesSuspected {
		c.Since = before.Since
	}
	if before.State == record.RulesDrifted || onRecord || before.State == record.RulesSuspected && now.Sub(before.Since) >= 2*rb.Metrics.Interval.Std() {
		c.State = record.RulesDrifted
	}
	return c
}

// differences are those of one service, and of the watchdog, which is everybody's.
// Rules of services that have no runbook here are another installation's.
func differences(rb *runbook.Runbook, found []rules.Drift) []record.RuleDiff {
	var out []record.RuleDiff
	for _, d := range found {
		if d.Service == rb.Service || d.Trigger == watchdog {
			out = append(out, record.RuleDiff{Kind: string(d.Kind), Trigger: d.Trigger, Text: record.Truncate(d.What, record.MaxValue)})
		}
	}
	slices.SortStableFunc(out, func(a, b record.RuleDiff) int { return gravity(b) - gravity(a) })
	if more := len(out) - record.MaxRuleDiffs; more > 0 {
		kind := out[record.MaxRuleDiffs].Kind // the gravest of those left out
		out = append(out[:record.MaxRuleDiffs:record.MaxRuleDiffs], record.RuleDiff{Kind: kind, Text: fmt.Sprintf("%d more differences", more)})
	}
	return out
}

// gravity is how soon a difference is to be said.
func gravity(d record.RuleDiff) int {
	switch {
	case !d.Harmless():
		return 2
	case d.Kind == string(rules.Outdated):
		return 1
	}
	return 0
}
