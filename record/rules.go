package record

import (
	"fmt"
	"time"
)

// RulesState says how the rules that Prometheus has loaded compare with a runbook.
type RulesState string

const (
	RulesUnknown   RulesState = "unknown"    // not compared yet, or Prometheus cannot be asked: neither good nor bad
	RulesOneToOne  RulesState = "one_to_one" // each rule is as the runbook asks
	RulesSuspected RulesState = "suspected"  // something differs for the first time: it may be a reload
	RulesDrifted   RulesState = "drifted"    // something differs again: not the runbook's rules judge this service
)

// A RulesCheck is what the newest comparison of one service's rules found, and, while a
// release is open, what else keeps its triggers from firing or from being right.
type RulesCheck struct {
	Schema  int        `json:"schema"`
	Service string     `json:"service"`
	Digest  string     `json:"digest"` // of the runbook that was compared
	State   RulesState `json:"state"`
	At      time.Time  `json:"at,omitzero"`       // when Prometheus last answered; zero: never
	Since   time.Time  `json:"since,omitzero"`    // when the present difference was first seen
	Drift   []RuleDiff `json:"drift,omitempty"`   // the differences, at most [MaxRuleDiffs]
	Problem string     `json:"problem,omitempty"` // why Prometheus could not be asked the last time
}

// A RuleDiff is one difference. Trigger is empty where it concerns every trigger of
// the service: a supporting rule, or how it is scraped.
type RuleDiff struct {
	Kind    string `json:"kind"`
	Trigger string `json:"trigger,omitempty"`
	Text    string `json:"text"`
	Fix     string `json:"fix,omitempty"` // what to do about it
}

// MaxRuleDiffs is how many differences are kept; the last of more says how many.
const MaxRuleDiffs = 50

// Drifted says what differs in the rules of the service, in one line; empty: nothing
// is known to differ.
func (c RulesCheck) Drifted() string { return c.drifted(func(RuleDiff) bool { return true }) }

// Holds says what of it keeps the ramp from its next step. A blunted trigger fires, later than
// its window: the ramp waits for what the plan says it needs, and a greater weight sharpens it.
func (c RulesCheck) Holds() string {
	return c.drifted(func(d RuleDiff) bool { return d.Kind != "blunted" }) // as in package rules
}

// Concerns says what differs in the rules of one trigger so that a human may have meant
// something by it: its alert, and what all triggers share. What is [RuleDiff.Harmless]
// concerns none.
func (c RulesCheck) Concerns(trigger string) string {
	return c.drifted(func(d RuleDiff) bool { return !d.Harmless() && (d.Trigger == trigger || d.Trigger == "") })
}

// Harmless reports whether a difference says nothing against a breach that the daemon has
// confirmed by its own questions: it is not about rules that somebody may have edited on
// purpose.
func (d RuleDiff) Harmless() bool {
	switch d.Kind {
	case "edited", "duplicate", "failing", "stale", "scrape": // as in package rules
		return false
	}
	return true
}

// An ArmState is whether a trigger can fire.
type ArmState string

const (
	Armed    ArmState = "armed"
	Degraded ArmState = "degraded" // it can fire, late or by one way only, or its numbers are doubtful
	Off      ArmState = "off"      // it cannot fire
)

// Arms is what a difference makes of the triggers that it concerns.
func (d RuleDiff) Arms() ArmState {
	switch d.Kind {
	case "series", "matcher", "version", "bounds", "unit", "share", "rewritten", "unscraped": // as in package arming
		return Off
	}
	return Degraded
}

// Armed is the state of a trigger, and the first reason if it is not armed. What was seen only
// once may be a reload, and says nothing yet.
func (c RulesCheck) Armed(trigger string) (ArmState, RuleDiff) {
	state, why := Armed, RuleDiff{}
	if c.State != RulesDrifted {
		return state, why
	}
	for _, d := range c.Drift {
		if d.Trigger != "" && d.Trigger != trigger {
			continue
		}
		if arms := d.Arms(); state == Armed || state == Degraded && arms == Off {
			state, why = arms, d
		}
	}
	return state, why
}

func (c RulesCheck) drifted(concerns func(RuleDiff) bool) string {
	if c.State != RulesDrifted {
		return ""
	}
	var text string
	more := -1
	for _, d := range c.Drift {
		if !concerns(d) {
			continue
		}
		if more++; more == 0 {
			text = d.Text
		}
	}
	if more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}
