package shadow

import "github.com/autorollback/autorollback/runbook"

// A Plan says how answers are compared and what must hold. [ParsePlan] fills what is
// left out from [DefaultPlan].
type Plan struct {
	// Alpha is the chance, over all tests together, that a candidate that is no
	// different is blocked by a test. Holm's correction holds it.
	Alpha runbook.Ratio `yaml:"alpha" json:"alpha"`
	// Timezone names the zone of the hours, e.g. Europe/Berlin; UTC if empty.
	Timezone string `yaml:"timezone" json:"timezone"`

	Default Tolerance   `yaml:"default" json:"default"` // of every number without a rule
	Fields  []FieldRule `yaml:"fields" json:"fields,omitempty"`
	Scores  []Score     `yaml:"scores" json:"scores,omitempty"`
	// Segments says where segments come from; without, every key of a record's segment.
	Segments    []SegmentRule `yaml:"segments" json:"segments,omitempty"`
	MaxSegments int           `yaml:"max_segments" json:"max_segments"` // further values are one: (others)
	MaxFields   int           `yaml:"max_fields" json:"max_fields"`     // further fields are one: (others)

	AllowMissing []string `yaml:"allow_missing" json:"allow_missing,omitempty"` // fields the candidate may lack
	AllowExtra   []string `yaml:"allow_extra" json:"allow_extra,omitempty"`     // fields the candidate may add
	Show         []string `yaml:"show" json:"show,omitempty"`                   // fields whose values may stand in the report

	Limits  Limits  `yaml:"limits" json:"limits"`
	Require Require `yaml:"require" json:"require"`
}

// A Tolerance lets two numbers be equal: |Δ| ≤ max(Absolute, Relative·|stable|).
type Tolerance struct {
	Absolute float64 `yaml:"absolute" json:"absolute"`
	Relative float64 `yaml:"relative" json:"relative"` // a share: 0.01 is 1 %
}

// MaxDriftSamples is how many pairs a segment in an hour keeps for its PSI.
const MaxDriftSamples = 1024

// How a field is compared.
const (
	ByTolerance = "tolerance" // numbers within a tolerance, anything else exactly; the default
	ByExact     = "exact"     // numbers exactly as well
	ByIgnore    = "ignore"    // not at all
	BySet       = "set"       // a list, in any order
	ByTopK      = "top_k"     // the set of the K first of a list, or of the K greatest numbers' places
	ByClass     = "class"     // the place of a list's greatest number, or a label
)

// A FieldRule says how the fields of a path are compared. The first that matches counts.
type FieldRule struct {
	Path     string   `yaml:"path" json:"path"`
	Compare  string   `yaml:"compare" json:"compare"`
	Absolute *float64 `yaml:"absolute" json:"absolute,omitempty"`
	Relative *float64 `yaml:"relative" json:"relative,omitempty"`
	K        int      `yaml:"k" json:"k,omitempty"`
}

// A Score is a number whose distribution is watched. Without any, the first four
// numeric fields are.
type Score struct {
	Path    string `yaml:"path" json:"path"`
	Element int    `yaml:"element" json:"element"` // which element, from 0, where the path has several
}

// A SegmentRule takes a segment from a header or from the request's body. With
// neither, it is the record's own.
type SegmentRule struct {
	Name   string `yaml:"name" json:"name"`
	Header string `yaml:"header" json:"header,omitempty"`
	Body   string `yaml:"body" json:"body,omitempty"`
}

// Limits are what blocks. Shares of requests; excess is the mismatch above the noise.
type Limits struct {
	Excess         runbook.Ratio `yaml:"excess" json:"excess"`                   // all traffic
	SegmentExcess  runbook.Ratio `yaml:"segment_excess" json:"segment_excess"`   // a segment, an hour, or both
	SegmentSamples int64         `yaml:"segment_samples" json:"segment_samples"` // fewer are not tested
	PSI            float64       `yaml:"psi" json:"psi"`
	Shift          float64       `yaml:"shift" json:"shift"` // of a score's mean, in standard deviations
	DriftSamples   int64         `yaml:"drift_samples" json:"drift_samples"`
	Errors         runbook.Ratio `yaml:"errors" json:"errors"`   // points above stable
	Latency        runbook.Ratio `yaml:"latency" json:"latency"` // p95 above stable's
	Bad            runbook.Ratio `yaml:"bad" json:"bad"`         // records that could not be read
	Unmatched      runbook.Ratio `yaml:"unmatched" json:"unmatched"`
	StableErrors   runbook.Ratio `yaml:"stable_errors" json:"stable_errors"` // a baseline more broken is none
}

// Require says what must have been seen; else the verdict is inconclusive.
type Require struct {
	Samples        int64               `yaml:"samples" json:"samples"`
	Segments       map[string][]string `yaml:"segments" json:"segments,omitempty"`
	SegmentSamples int64               `yaml:"segment_samples" json:"segment_samples"`
	Hours          []string            `yaml:"hours" json:"hours,omitempty"` // "all", "7", "22-5": both ends belong to it
	HourSamples    int64               `yaml:"hour_samples" json:"hour_samples"`
	// CellSamples are needed of every required segment in every required hour.
	CellSamples int64 `yaml:"cell_samples" json:"cell_samples"`
}

// DefaultPlan returns the plan that counts where a file says nothing.
func DefaultPlan() Plan {
	return Plan{
		Alpha: 0.01, Timezone: "UTC", MaxSegments: 50, MaxFields: 200,
		Default: Tolerance{Absolute: 1e-6, Relative: 1e-5},
		Limits: Limits{
			Excess: 0.01, SegmentExcess: 0.03, SegmentSamples: 300, PSI: 0.2, Shift: 0.1, DriftSamples: 500,
			Errors: 0.005, Latency: 0.3, Bad: 0.01, Unmatched: 0.05, StableErrors: 0.05,
		},
		Require: Require{Samples: 500, SegmentSamples: 300, HourSamples: 300, CellSamples: 300},
	}
}
