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
			measures = append(measures, rules.Measure{Name: analysis.Traffic, All: measures[0].All})
			break
		}
	}
	a, err := analysis.NewRelease(t.Runbook)
	if err != nil {
		return nil, err
	}
	return &Observer{Counter: NewCounter(t.Runbook, measures, t.Release), every: t.Runbook.Metrics.Interval.Std(), analysis: a}, nil
}

// End ends the interval (end - the runbook's interval, end] of a target whose weights are
// known up to then. The results are by trigger, and nil while the release is not judged.
func (o *Observer) End(t Target, end time.Time) (Step, map[string]analysis.Result) {
	s := stepOf(t, o.Close(end), o.every)
	return s, s.take(o.analysis)
}

// Smallest is the smallest effect that could be proved now, by trigger.
func (o *Observer) Smallest() map[string]float64 { return o.analysis.Smallest() }
