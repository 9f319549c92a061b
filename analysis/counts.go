package analysis

import (
	"github.com/autorollback/autorollback/runbook"
)

// Counts is what the pods of both sides did in one interval, by measure: see [MeasureOf].
type Counts map[string][]PodCount

// PodCount is what one pod did in one interval for one measure: the growth of its
// counters. A pod that was not scraped is left out of that interval.
type PodCount struct {
	Pod  string       `json:"pod"`
	Role runbook.Role `json:"role"`
	// All and Bad are opportunities and events: requests and failed requests, or trials
	// and successes or values. A histogram has Buckets instead.
	All float64 `json:"all,omitempty"`
	Bad float64 `json:"bad,omitempty"`
	// Squares are of a KPI that is a mean, whose values in this interval are Bad.
	Squares float64 `json:"squares,omitempty"`
	// Buckets are the observations of a classic histogram in each bucket, not cumulative:
	// one for each finite bound of the runbook's histogram, and the last one for all above.
	Buckets []float64 `json:"buckets,omitempty"`
	// Native are those of a native histogram.
	Native []Bucket `json:"native,omitempty"`
	// Parts are those of a null_spike trigger: one for each feature, always in the same
	// order within one release.
	Parts []PartCount `json:"parts,omitempty"`
	// Born is what of All and Bad was counted from zero, because its series appeared in this
	// interval, and BornParts what of Parts, in their order. The effect gate sees none of it.
	Born      PartCount   `json:"born,omitzero"`
	BornParts []PartCount `json:"born_parts,omitempty"`
}

// PartCount is opportunities and events of one pod in one interval: of one part of a signal,
// the rows and missing values of a feature.
type PartCount struct {
	All float64 `json:"all,omitempty"`
	Bad float64 `json:"bad,omitempty"`
}

// A Bucket is how many observations of a native histogram lie in (Lower, Upper].
type Bucket struct {
	Lower float64 `json:"lower"`
	Upper float64 `json:"upper"`
	Count float64 `json:"count"`
}

// Names of measures that do not depend on the runbook.
const (
	Requests = "requests" // requests and failed requests
	Latency  = "latency"  // the request duration histogram; of several, latency/NAME
	Schema   = "schema"   // checks and mismatches
	Features = "features" // rows and missing values of each feature
	Traffic  = "traffic"  // requests by the pace between a pod's last two scrapes
)
