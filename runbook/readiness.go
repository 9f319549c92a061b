package runbook

import "time"

// Readiness is what Prometheus answers to "is a rollback possible right now, and does
// anything speak against the next step?".
type Readiness struct {
	AskedAt       time.Time     `json:"asked_at"`
	StablePods    int           `json:"stable_pods"`       // fresh and ready
	CandidatePods int           `json:"candidate_pods"`    // fresh and ready, whether or not they get traffic
	CandidateRate float64       `json:"candidate_rate"`    // requests per second
	StableSick    bool          `json:"stable_sick"`       // the stable side breaks an absolute limit
	Breaching     []string      `json:"breaching"`         // triggers that are true now
	Undecided     []string      `json:"undecided"`         // triggers that can decide at this weight and have no data
	Need          time.Duration `json:"need"`              // at this weight, until the triggers that can decide could have fired
	Answers       []Answer      `json:"answers,omitempty"` // of both sides: their pairs, and stored predictions where they can be asked
	RulesDrift    string        `json:"rules_drift"`       // how the service's rules in Prometheus differ from the runbook's; empty: nothing is known to differ
	Problem       string        `json:"problem"`           // why there is no answer; empty: there is one
}
