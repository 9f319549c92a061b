package record

import "time"

// An Impact is what users lost from when harm began until the candidate was drained, or until somebody
// asked: an estimate from the counts that the decision rests on.
type Impact struct {
	From  time.Time   `json:"from,omitzero"` // the most likely moment at which harm began
	Until time.Time   `json:"until,omitzero"`
	Basis ImpactBasis `json:"basis,omitempty"`
	// Whole: it is of all traffic, whose cause is not the candidate, and not of the candidate alone.
	Whole bool `json:"whole,omitempty"`
	// Ongoing: harm was not over at Until, which is so far.
	Ongoing bool   `json:"ongoing,omitempty"`
	Losses  []Loss `json:"losses,omitempty"`
	Method  string `json:"method,omitempty"`
	Problem string `json:"problem,omitempty"` // why nothing is known; empty: it is
}

// An ImpactBasis is what users got is held against.
type ImpactBasis string

const (
	BesideStable ImpactBasis = "stable" // what stable did in the same interval
	BeforeHarm   ImpactBasis = "before" // what users got in the hour before
)

// ImpactMethod names how an impact is estimated. It changes whenever the same counts would give
// another one.
const ImpactMethod = "events beyond the rate of stable or of the hour before, 2026-11"

// A LossKind is what users lost.
type LossKind string

const (
	Failures LossKind = "failures" // requests that failed
	Slow     LossKind = "slow"     // requests slower than the Loss's limit
	Missed   LossKind = "missed"   // successes of a KPI that did not come
	Value    LossKind = "value"    // of a KPI that is a mean: the sum that did not come, in its unit
	Misfits  LossKind = "misfits"  // requests that did not fit the model's schema
	Nulls    LossKind = "nulls"    // values of features that were missing
	Other    LossKind = "other"    // events that a trigger of the runbook compares, by their name
)

// A Loss is one kind of it. Low and High hold the truth with 95 %, when harm began taken into
// account. Excess below 0 means that the candidate did better.
type Loss struct {
	Kind   LossKind `json:"kind"`
	Name   string   `json:"name,omitempty"` // of the KPI, or of one latency of several
	Unit   string   `json:"unit,omitempty"` // of a value
	All    float64  `json:"all"`            // requests or trials that it is of
	Excess float64  `json:"excess"`         // beyond the rate it is held against
	Low    float64  `json:"low"`
	High   float64  `json:"high"`
	Rate   float64  `json:"rate,omitempty"`  // of an impact so far: how much more each second, in the newest minute
	Limit  float64  `json:"limit,omitempty"` // of slow: from which quantile of stable's on, in seconds
	// Quantile is which quantile that is.
	Quantile float64 `json:"quantile,omitempty"`
}
