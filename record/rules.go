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

// A RulesCheck is what the newest comparison of one service's rules found.
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
}

// MaxRuleDiffs is how many differences are kept; the last of more says how many.
const MaxRuleDiffs = 50

// Drifted says what differs in the rules of the service, in one line; empty: nothing
// is known to differ.
func (c RulesCheck) Drifted() string { return c.drifted(func(RuleDiff) bool { return true }) }

// Concerns says what differs in the rules of one trigger so that a human may have meant
// something by it: its alert, and what all triggers share. What is [RuleDiff.Harmless]
// concerns none.
func (c RulesCheck) Concerns(trigger string) string {
	return c.drifted(func(d RuleDiff) bool { return !d.Harmless() && (d.Trigger == trigger || d.Trigger == "") })
}

// Harmless reports whether a difference says nothing against a breach that the daemon has
// confirmed by its own questions: a rule that is not loaded, one that an older version
// generated, or one that nobody asked for.
func (d RuleDiff) Harmless() bool {
	switch d.Kind {
	case "missing", "outdated", "extra": // as in package rules
		return true
	}
	return false
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
