package record

import "time"

// An Impact is what the candidate did to users beyond stable's rate at the same time, from when harm
// began until the candidate was drained: an estimate from the counts that the decision rests on.
type Impact struct {
	From    time.Time `json:"from,omitzero"` // the most likely moment at which harm began
	Until   time.Time `json:"until,omitzero"`
	Losses  []Loss    `json:"losses,omitempty"`
	Method  string    `json:"method,omitempty"`
	Problem string    `json:"problem,omitempty"` // why nothing is known; empty: it is
}

// ImpactMethod names how an impact is estimated. It changes whenever the same counts would give
// another one.
const ImpactMethod = "candidate less stable's rate of the same interval, 2026-11"

// A LossKind is what users lost.
type LossKind string

const (
	Failures LossKind = "failures" // requests that failed
	Slow     LossKind = "slow"     // requests slower than the Loss's limit
	Missed   LossKind = "missed"   // successes of a KPI that did not come
	Value    LossKind = "value"    // of a KPI that is a mean: the sum that did not come, in its unit
)

// A Loss is one kind of it. Low and High hold the truth with 95 %, when harm began taken into
// account. Excess below 0 means that the candidate did better.
type Loss struct {
	Kind   LossKind `json:"kind"`
	Name   string   `json:"name,omitempty"` // of the KPI, or of one latency of several
	Unit   string   `json:"unit,omitempty"` // of a value
	All    float64  `json:"all"`            // requests or trials of the candidate
	Excess float64  `json:"excess"`         // beyond stable's rate
	Low    float64  `json:"low"`
	High   float64  `json:"high"`
	Limit  float64  `json:"limit,omitempty"` // of slow: stable's quantile of that time, in seconds
	// Quantile is which quantile that is.
	Quantile float64 `json:"quantile,omitempty"`
}
