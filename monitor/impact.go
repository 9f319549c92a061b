package monitor

import (
	"context"
	"fmt"
	"time"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A Harm is what an impact is counted of.
type Harm struct {
	Onset record.Onset // zero: nobody knows; all since the candidate's first request counts
	Whole bool         // of all traffic
}

// Impact counts a release's past anew, until a moment, and says what users lost.
func (m *Monitor) Impact(ctx context.Context, t Target, h Harm, until time.Time) (record.Impact, error) {
	h = h.of(t.Release)
	every := t.Runbook.Metrics.Step().Std()
	losses, err := analysis.NewLosses(t.Runbook, int((until.Sub(h.Onset.From)+analysis.BeforeSpan)/every)+2)
	if err != nil {
		return record.Impact{}, fmt.Errorf("impact of %s: %w", t.Release.ID, err)
	}
	counted := lossHistory{losses: losses, every: every}
	var newest map[string]analysis.Result
	err = m.History(ctx, t, until, func(step Step, results map[string]analysis.Result) {
		if counted.add(step); results != nil {
			newest = results
		}
	})
	if err != nil {
		return record.Impact{}, fmt.Errorf("impact of %s: %w", t.Release.ID, err)
	}
	got := counted.impact(h, newest)
	for i := range got.Losses {
		got.Losses[i].Rate = 0
	}
	return got, nil
}

// ImpactSoFar is what users of a release that is watched lost by the end of the newest interval, as far
// back as is remembered. It asks nobody.
func (m *Monitor) ImpactSoFar(release string, h Harm, now time.Time) record.Impact {
	m.mu.Lock()
	w, ok := m.watches[release]
	m.mu.Unlock()
	if !ok {
		return record.Impact{Problem: "the release is not watched"}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if problem := w.newest.problem(now); problem != "" || w.counted.losses == nil {
		return record.Impact{Problem: problem}
	}
	out := w.counted.impact(h.of(w.now.Release), w.newest.Results)
	out.Ongoing = true
	return out
}

// of has when harm began at the earliest: nothing of the candidate's is older than its first request.
func (h Harm) of(rel record.Release) Harm {
	if h.Onset.At.IsZero() {
		h.Onset = record.Onset{From: rel.Began(), To: rel.Began(), At: rel.Began(), Open: true}
	}
	return h
}

// Harmed is when all traffic turned bad, of a trigger with an absolute limit of a release that is
// watched; zero: nobody can tell.
func (m *Monitor) Harmed(release string, t runbook.Trigger) record.Onset {
	m.mu.Lock()
	w, ok := m.watches[release]
	m.mu.Unlock()
	if !ok {
		return record.Onset{}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.counted.losses == nil {
		return record.Onset{}
	}
	x, ok := w.counted.losses.Onset(t)
	if !ok {
		return record.Onset{}
	}
	return onsetOf(x, time.Time{}, w.counted.end, w.every)
}

// A lossHistory is what the newest intervals lost, and which they are.
type lossHistory struct {
	losses *analysis.Losses
	every  time.Duration
	end    time.Time // of the newest one
}

func (c *lossHistory) add(s Step) {
	c.end = s.End
	c.losses.Add(s.Counts)
}

// since is how many intervals ended after a moment.
func (c *lossHistory) since(at time.Time) int {
	if !c.end.After(at) {
		return 0
	}
	return int((c.end.Sub(at)-1)/c.every) + 1
}

// impact is what was lost since harm began. The bounds reach from the lower one with the latest onset
// that is possible to the upper one with the earliest.
func (c *lossHistory) impact(h Harm, newest map[string]analysis.Result) record.Impact {
	out := record.Impact{From: h.Onset.At, Until: c.end, Whole: h.Whole}
	late := max(1, c.since(h.Onset.To.Add(-1))) // the interval that ends then is one of them
	var losses [3][]record.Loss
	for i, n := range [3]int{c.since(h.Onset.At), late, c.since(h.Onset.From)} {
		losses[i], out.Basis = c.lost(n, h.Whole, newest)
	}
	if out.Losses = bounded95(losses[0], losses[1:]...); len(out.Losses) == 0 {
		out.Basis, out.Problem = "", "there is nothing to compare with: stable had no traffic at the same time, and none in the hour before"
		return out
	}
	out.Method = record.ImpactMethod
	return out
}

// lost is what the newest n intervals lost, and beyond what.
func (c *lossHistory) lost(n int, whole bool, newest map[string]analysis.Result) ([]record.Loss, record.ImpactBasis) {
	phi := func(trigger string) float64 { return newest[trigger].Dispersion }
	if whole {
		return c.losses.Whole(n, phi), record.BeforeHarm
	}
	losses, concurrent := c.losses.Beside(n, phi)
	if !concurrent {
		return losses, record.BeforeHarm
	}
	return losses, record.BesideStable
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
