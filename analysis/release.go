package analysis

import "github.com/autorollback/autorollback/runbook"

// A Release holds the tests of all comparative triggers of one release of a service in one
// region. It is not safe for concurrent use.
type Release struct{ tests []*Test }

// A Weight is what the candidate should get in an interval.
type Weight struct {
	Share  float64 // of the requests, 0 to 1
	Steady bool    // it has stood still, and every pod was seen, long enough to hold the traffic to it
}

// NewRelease prepares the tests, in the runbook's order. An error means that a trigger
// measures what the runbook does not declare.
func NewRelease(rb *runbook.Runbook) (*Release, error) {
	r := &Release{}
	for _, t := range rb.Triggers {
		if !Comparative(t) {
			continue
		}
		test, err := New(rb, t.Name)
		if err != nil {
			return nil, err
		}
		r.tests = append(r.tests, test)
	}
	return r, nil
}

// Before takes an interval before the release got traffic.
func (r *Release) Before(c Counts) {
	for _, t := range r.tests {
		counts := c[MeasureOf(t.trigger)]
		t.Warm(counts)
		t.Before(counts)
	}
}

// Warm takes an interval of the warm-up.
func (r *Release) Warm(c Counts) {
	for _, t := range r.tests {
		t.Warm(c[MeasureOf(t.trigger)])
	}
}

// Observe takes the next judged interval, and returns the results by trigger.
func (r *Release) Observe(c Counts, w Weight) map[string]Result {
	out := make(map[string]Result, len(r.tests))
	for _, t := range r.tests {
		t.Weigh(w.Share, w.Steady)
		out[t.trigger.Name] = t.Observe(c[MeasureOf(t.trigger)])
	}
	return out
}

// Smallest is [Test.Smallest] of every trigger.
func (r *Release) Smallest() map[string]float64 {
	out := make(map[string]float64, len(r.tests))
	for _, t := range r.tests {
		out[t.trigger.Name] = t.Smallest()
	}
	return out
}
