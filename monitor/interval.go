package monitor

import (
	"time"

	"github.com/autorollback/autorollback/analysis"
)

// An Interval is what the pods of both sides did in (End - the runbook's interval, End].
type Interval struct {
	End time.Time
	// Counts are by measure, pods by role and name. A pod is in a measure's counts if the
	// growth of its opportunities (or its histogram) is known in this interval, be it 0.
	// Events of an interval without that are left out; and they are never more than
	// opportunities, but for the values of a mean. A measure with parts has neither All nor
	// Bad of the whole pod.
	//
	// Under [analysis.Traffic] stand the pods that have a pace: All is the growth between
	// the last two scrapes of the pod's request counter, both at most 4 intervals old,
	// scaled to one interval.
	Counts analysis.Counts
	// Paced: each pod that was scraped in the last 10 minutes has a pace, or none of the
	// candidate's has. Otherwise nobody knows what some pod serves, and traffic must not
	// be held against the weight.
	Paced bool
}
