package rules

import "github.com/prometheus/prometheus/model/labels"

// A Measure is which of a service's own series the daemon counts under one name, pod by
// pod and interval by interval. The name is that of analysis.MeasureOf. Matchers hold the
// metric's name and the runbook's selector, and no version, region or pod.
type Measure struct {
	Name      string
	All, Bad  []*labels.Matcher // counters of opportunities and events
	Squares   []*labels.Matcher // of a KPI that is a mean: the counter of squared values
	Histogram []*labels.Matcher // instead of All and Bad: the _bucket series of a classic histogram, or a native one
	Native    bool
	Bounds    []float64 // finite bounds of a classic histogram, ascending
	Part      string    // the label of Bad that tells parts apart, and of All unless SharedAll; empty: no parts
	SharedAll bool      // every part has the same opportunities: All has no label Part
}
