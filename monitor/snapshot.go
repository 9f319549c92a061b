package monitor

import (
	"fmt"
	"math"
	"time"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Fresh is for how many intervals a result counts as one of now.
const Fresh = 3

// A Snapshot is what is known of one release at the end of its newest interval.
type Snapshot struct {
	Target
	At       time.Time                  // end of that interval; zero: none yet
	Results  map[string]analysis.Result // by trigger; empty during the warm-up
	Smallest map[string]float64         // the smallest effect that could be proved now, by trigger
	Onsets   map[string]record.Onset    // since when there is harm, of triggers that are significant
	Judged   bool                       // the warm-up is over
	Building bool                       // older intervals are still to come
	Problem  string                     // why the last question was not answered; empty: it was
}

// problem says why the results are not those of now; empty: they are.
func (s Snapshot) problem(now time.Time) string {
	every := s.Runbook.Metrics.Step().Std()
	age := now.Sub(s.At)
	switch {
	case s.Building || s.At.IsZero():
		return join("the significance is being rebuilt from Prometheus' history", s.Problem)
	case age > Fresh*every+Lag(every):
		return join(fmt.Sprintf("the significance is of %s ago", age.Round(time.Second)), s.Problem)
	}
	return ""
}

// blunted says from which effect on harm could be proved, where the runbook names a smaller
// one; empty: it does not, or nothing is counted yet.
func (s Snapshot) blunted(trigger string) string {
	t, known := s.Runbook.Trigger(trigger)
	smallest, could := s.Smallest[trigger]
	r := s.Results[trigger]
	if !known || !could || math.IsNaN(r.Effect) || !analysis.Blunted(t, smallest, r.Level[1]) {
		return ""
	}
	effect, limit := t.Reading(smallest)
	if math.IsNaN(smallest) {
		return "not even the greatest harm could be proved now, the runbook says " + limit
	}
	return fmt.Sprintf("only from this on could be proved now: %s; the runbook says %s", effect, limit)
}

func join(text, problem string) string {
	if problem == "" {
		return text
	}
	return text + ": " + problem
}

// Lag is [runbook.Lag].
func Lag(interval time.Duration) time.Duration { return runbook.Lag(runbook.Duration(interval)).Std() }

// known turns what is not known into 0, which proves nothing.
func known(v float64) float64 {
	switch {
	case math.IsNaN(v), math.IsInf(v, -1):
		return 0
	case math.IsInf(v, 1):
		return math.MaxFloat64
	}
	return v
}

func greatestOf(values []float64) float64 {
	most := math.NaN()
	for _, v := range values {
		if math.IsNaN(most) || v > most {
			most = v
		}
	}
	return most
}

// steadyIntervals is how long a weight must have stood still: the newest scrape may be
// one interval old, the one before it as old as we look back, and a router follows a
// little later.
const steadyIntervals = 6

// WeightAt is the candidate's weight at a moment, and whether it had stood still by then.
func WeightAt(rel record.Release, at time.Time, interval time.Duration) analysis.Weight {
	w := analysis.Weight{Share: rel.Weight.Share(), Steady: true}
	for _, m := range rel.Moves {
		if m.At.After(at) {
			w.Share = float64(m.From) / 100
			break
		}
		w.Share = float64(m.To) / 100
		if m.From != m.To && at.Sub(m.At) < steadyIntervals*interval {
			w.Steady = false
		}
	}
	return w
}
