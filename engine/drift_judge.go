package engine

import (
	"fmt"
	"time"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// driftKept is how long a drift is believed while Prometheus cannot be asked again.
const driftKept = 10 * time.Minute

// compared is what a service's check becomes by one more comparison. A difference
// counts once it is seen by two comparisons in a row that are at least two rule
// intervals apart: a reload and a restart are no drift. One that is on record already,
// by another replica or before a restart of ours, counts at once. No answer is neither:
// a drift that was seen is believed for ten minutes, and then nothing is known.
func compared(before runbook.RulesCheck, rb *runbook.Runbook, found []rules.Drift, problem error, onRecord bool, now time.Time) runbook.RulesCheck {
	if before.Digest != rb.Digest {
		before = runbook.RulesCheck{State: runbook.RulesUnknown}
	}
	c := runbook.RulesCheck{Schema: runbook.Schema, Service: rb.Service, Digest: rb.Digest, State: runbook.RulesUnknown, At: now}
	if problem != nil {
		c.At, c.Problem = before.At, clip(problem.Error(), maxValue)
		if before.State == runbook.RulesDrifted && now.Sub(before.At) < driftKept {
			c.State, c.Since, c.Drift = before.State, before.Since, before.Drift
		}
		return c
	}
	if c.Drift = differences(rb, found); len(c.Drift) == 0 {
		c.State = runbook.RulesOneToOne
		return c
	}
	c.State, c.Since = runbook.RulesSuspected, now
	if before.State == runbook.RulesDrifted || before.State == runbook.RulesSuspected {
		c.Since = before.Since
	}
	if before.State == runbook.RulesDrifted || onRecord || before.State == runbook.RulesSuspected && now.Sub(before.Since) >= 2*rb.Metrics.Interval.Std() {
		c.State = runbook.RulesDrifted
	}
	return c
}

// differences are those of one service, and of the watchdog, which is everybody's.
// Rules of services that have no runbook here are another installation's.
func differences(rb *runbook.Runbook, found []rules.Drift) []runbook.RuleDiff {
	var out []runbook.RuleDiff
	more := 0
	for _, d := range found {
		if d.Service != rb.Service && d.Trigger != watchdog {
			continue
		}
		if len(out) == runbook.MaxRuleDiffs {
			more++
			continue
		}
		out = append(out, runbook.RuleDiff{Kind: string(d.Kind), Trigger: d.Trigger, Text: clip(d.What, maxValue)})
	}
	if more > 0 {
		out = append(out, runbook.RuleDiff{Kind: string(rules.Edited), Text: fmt.Sprintf("%d more differences", more)})
	}
	return out
}
