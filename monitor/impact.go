package monitor

import (
	"context"
	"fmt"
	"time"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/record"
)

// Impact counts a release's past anew and says what its candidate did to users beyond stable's rate,
// from when harm began until a moment at which it was drained. The bounds reach from the lower one
// with the latest onset that is possible to the upper one with the earliest.
func (m *Monitor) Impact(
	ctx context.Context, t Target, harm record.Onset, until time.Time,
) (record.Impact, error) {
	likely := stretch{from: harm.At}
	late := stretch{from: harm.To.Add(-1)} // the interval that ends then is one of them
	early := stretch{from: harm.From}
	all := []*stretch{&likely, &late, &early}
	for _, s := range all {
		var err error
		if s.losses, err = analysis.NewLosses(t.Runbook); err != nil {
			return record.Impact{}, fmt.Errorf("impact of %s: %w", t.Release.ID, err)
		}
	}
	var newest map[string]analysis.Result
	err := m.History(ctx, t, until, func(step Step, results map[string]analysis.Result) {
		if results != nil {
			newest = results
		}
		for _, s := range all {
			s.take(step)
		}
	})
	if err != nil {
		return record.Impact{}, fmt.Errorf("impact of %s: %w", t.Release.ID, err)
	}
	phi := func(trigger string) float64 { return newest[trigger].Dispersion }
	losses := bounded95(likely.losses.Sum(phi), late.losses.Sum(phi), early.losses.Sum(phi))
	return record.Impact{From: harm.At, Until: until, Losses: losses, Method: record.ImpactMethod}, nil
}

// A stretch is the intervals that end after a moment.
type stretch struct {
	from   time.Time
	losses *analysis.Losses
}

func (s *stretch) take(step Step) {
	if step.Phase != Before && step.End.After(s.from) {
		s.losses.Add(step.Counts)
	}
}

// bounded95 widens the bounds of losses by those with other onsets.
func bounded95(likely []record.Loss, others ...[]record.Loss) []record.Loss {
	for i := range likely {
		x := &likely[i]
		for _, other := range others {
			for _, y := range other {
				if y.Kind == x.Kind && y.Name == x.Name {
					x.Low, x.High = min(x.Low, y.Low), max(x.High, y.High)
				}
			}
		}
	}
	return likely
}
