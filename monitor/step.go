package monitor

import (
	"time"

	"github.com/autorollback/autorollback/analysis"
)

// A Phase is what an interval of a release is good for.
type Phase string

const (
	Before Phase = "before" // the release had no traffic yet: how stable pods differ
	Warm   Phase = "warm"   // the warm-up: what is slow
	Judged Phase = "judged"
)

// A Step is one interval as it is handed to the analysis: enough to compute it anew.
type Step struct {
	End    time.Time       `json:"end"`
	Phase  Phase           `json:"phase"`
	Share  float64         `json:"share,omitempty"` // of the requests that the candidate should get
	Steady bool            `json:"steady,omitempty"`
	Counts analysis.Counts `json:"counts"`
}

func stepOf(t Target, i Interval, every time.Duration) Step {
	s := Step{End: i.End, Phase: Judged, Counts: i.Counts}
	began := t.Release.Began()
	switch {
	case !i.End.After(began):
		s.Phase = Before
	case i.End.Before(began.Add(t.Runbook.Metrics.Warmup.Std())):
		s.Phase = Warm
	default:
		w := WeightAt(t.Release, i.End, every)
		s.Share, s.Steady = w.Share, w.Steady && i.Paced
	}
	return s
}

// take lets the analysis have the interval; nil while it is not judged.
func (s Step) take(r *analysis.Release) map[string]analysis.Result {
	switch s.Phase {
	case Before:
		r.Before(s.Counts)
	case Warm:
		r.Warm(s.Counts)
	default:
		return r.Observe(s.Counts, analysis.Weight{Share: s.Share, Steady: s.Steady})
	}
	return nil
}
