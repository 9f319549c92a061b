package monitor

import (
	"time"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// An Observer takes the raw samples of one release, whoever brings them, and says at the
// end of each interval what they come to. It is the whole way from samples to significance,
// for the daemon as for a backtest. It is not safe for concurrent use.
type Observer struct {
	*Counter
	every    time.Duration
	analysis *analysis.Release
}

// NewObserver prepares to observe the release of the target.
func NewObserver(t Target) (*Observer, error) {
	measures, err := rules.Measures(t.Runbook)
	if err != nil {
		return nil, err
	}
	for _, trigger := range t.Runbook.Triggers {
		if trigger.Type == runbook.CanaryStarved {
			measures = append(measures, rules.Measure{Name: analysis.Traffic, All: measures[0].All, More: measures[0].More})
			break
		}
	}
	a, err := analysis.NewRelease(t.Runbook)
	if err != nil {
		return nil, err
	}
	return &Observer{Counter: NewCounter(t.Runbook, measures, t.Release), every: t.Runbook.Metrics.Step().Std(), analysis: a}, nil
}

// End ends the interval (end - the runbook's interval, end] of a target whose weights are
// known up to then. The results are by trigger, and nil while the release is not judged.
func (o *Observer) End(t Target, end time.Time) (Step, map[string]analysis.Result) {
	s := stepOf(t, o.Close(end), o.every)
	return s, s.Judge(o.analysis)
}

// Smallest is the smallest effect that could be proved now, by trigger.
func (o *Observer) Smallest() map[string]float64 { return o.analysis.Smallest() }

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

// Judge lets an analysis have the interval; nil while it is not judged.
func (s Step) Judge(r *analysis.Release) map[string]analysis.Result {
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
