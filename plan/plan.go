package plan

import (
	"fmt"
	"time"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// A Plan tells, before a release, what its triggers will be able to see: for each
// trigger and step the time to proof of the effect that the runbook names, and what
// stands in the way. It is arithmetic about the tests of package analysis; nothing was
// measured but the traffic that it was given.
type Plan struct {
	Service  string        `json:"service"`
	Traffic  Traffic       `json:"traffic"`
	Steps    []Step        `json:"steps"`
	Warmup   string        `json:"warmup"`
	Triggers []TriggerPlan `json:"triggers"`
	Lints    []Lint        `json:"lints"`

	rb                *runbook.Runbook
	window            runbook.Duration         // of verification
	harms             map[string]analysis.Harm // what the triggers look for, by name; levels and traffic are open
	release, trailing float64                  // bars of the log e-value
}

// A TriggerPlan is what one trigger can do in the planned rollout.
type TriggerPlan struct {
	Trigger  string `json:"trigger"`
	Type     string `json:"type"`
	Says     string `json:"says"`            // the runbook's sentence
	Effect   string `json:"effect"`          // what is told from what, e.g. "5% errors from 0.5%"
	Lag      Lag    `json:"lag"`             // from breach to alert, but for the proof
	Cells    []Cell `json:"cells"`           // one for each step
	Decided  *Point `json:"decided"`         // by when, if harm is there from the start; null: not within the plan
	Smallest string `json:"smallest"`        // the smallest effect that would be decided within the plan; empty: none, or the named one is
	Error    string `json:"error,omitempty"` // why it can never fire under the plan
	Fix      string `json:"fix,omitempty"`   // how to fix that
}

// A Point is a moment of the rollout.
type Point struct {
	Weight runbook.Weight   `json:"weight"`
	After  runbook.Duration `json:"after"` // since the release's start, warm-up included
}

// State says what a trigger can do at a step.
type State string

const (
	Decides State = "decides" // the named effect is proved within the step
	NotYet  State = "not yet" // it would be, in a longer step
	Never   State = "never"   // not in a release of 26 hours, or not at all
	Unknown State = "unknown" // there is no planning formula for this type
)

// A Cell is one trigger at one step, by itself: without the evidence of earlier steps.
type Cell struct {
	Step
	State State `json:"state"`
	// Need is the median time to proof of harm that is there from the step's first
	// judged moment; Late is that of harm that begins at any later time, the effect's
	// window included, and rather too long than too short. Zero means never.
	Need runbook.Duration `json:"need,omitempty"`
	Late runbook.Duration `json:"late,omitempty"`
	Why  string           `json:"why,omitempty"` // what keeps it from deciding
}

// New works out the plan. Steps must ascend, each weight above 0 and held
// for a positive time (at 100 it may be 0: that is where the rollout ends); the rate
// must be positive. What the traffic leaves open is
// filled in by [Assume].
func New(rb *runbook.Runbook, traffic Traffic, steps []Step) (Plan, error) {
	if _, err := rules.Compile(rb); err != nil {
		return Plan{}, err
	}
	ask, err := rules.Ask(rb)
	if err != nil {
		return Plan{}, err
	}
	if err := checkSteps(steps); err != nil {
		return Plan{}, fmt.Errorf("plan %s: %w", rb.Service, err)
	}
	if traffic = traffic.or(Assume(rb)); !(traffic.Rate > 0) {
		return Plan{}, fmt.Errorf("plan %s: the request rate must be above 0", rb.Service)
	}
	p := Plan{Service: rb.Service, Traffic: traffic, Steps: steps, Warmup: rb.Metrics.Warmup.String(), rb: rb, window: runbook.Duration(ask.Window())}
	if p.harms, err = harms(rb); err != nil {
		return Plan{}, fmt.Errorf("plan %s: %w", rb.Service, err)
	}
	p.release, p.trailing = analysis.Bars(analysis.Proved(rb), rb.Metrics.Step().Std())
	for _, t := range rb.Triggers {
		p.Triggers = append(p.Triggers, p.trigger(t))
	}
	p.Lints = p.lint()
	return p, nil
}

// Decides reports how long the trigger needs at a weight, from its first judged moment
// there and without the evidence of earlier steps, until it would have proved the
// effect that the runbook names; and whether the plan gives it that long. A weight that
// is not planned is given the time of the step before it. So "not enough data yet" of a
// trigger blocks a promotion if and only if can is true: a trigger that cannot decide
// at this weight must not hold the ramp. An unknown trigger cannot.
func (p Plan) Decides(trigger string, weight runbook.Weight) (need time.Duration, can bool) {
	if p.rb == nil || weight <= 0 || weight > runbook.All {
		return 0, false
	}
	t, ok := p.rb.Trigger(trigger)
	if !ok {
		return 0, false
	}
	at := 0
	for i, s := range p.Steps {
		if s.Weight <= weight {
			at = i
		}
	}
	c := p.cell(t, at, weight)
	return c.Need.Std(), c.State == Decides
}

// Errors counts the triggers that can never fire under the plan, and the lints that
// are errors.
func (p Plan) Errors() int {
	n := 0
	for _, t := range p.Triggers {
		if t.Error != "" {
			n++
		}
	}
	for _, l := range p.Lints {
		if l.Severity == LintError {
			n++
		}
	}
	return n
}
