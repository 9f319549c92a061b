package view

import (
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// A RampPlan says what a release's ramp will take at the traffic there is, for people.
type RampPlan struct {
	Service  string         `json:"service"`
	Region   string         `json:"region"`
	Strategy string         `json:"strategy"`
	Promote  string         `json:"promote"`
	Rate     float64        `json:"rate"` // requests per second that it was made for; 0: not known
	Problem  string         `json:"problem,omitempty"`
	Steps    []PlannedStep  `json:"steps"`
	Weight   runbook.Weight `json:"weight"`            // of the open release
	Since    time.Time      `json:"since,omitzero"`    // since when; zero: no release is open
	Waiting  string         `json:"waiting,omitempty"` // why the next step is not taken now
}

// A PlannedStep is one share of the ramp.
type PlannedStep struct {
	Weight  runbook.Weight   `json:"weight"`
	For     runbook.Duration `json:"for"`  // the least time, as the runbook says; at the end the bake time
	Need    runbook.Duration `json:"need"` // the least time that those triggers need which can decide here
	Decide  []string         `json:"decide"`
	Cannot  []Cannot         `json:"cannot"`
	Through runbook.Duration `json:"through"` // from the ramp's first traffic to this step's end, at the earliest
}

// Cannot is a trigger that cannot decide at a step, and why.
type Cannot struct {
	Trigger string `json:"trigger"`
	Why     string `json:"why"`
}
