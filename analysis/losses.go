package analysis

import (
	"math"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Losses add up, over intervals that the caller picks, what the candidate did beyond stable's rate:
// failed and slow requests, and what the KPIs of the runbook's triggers lost. They are not safe for
// concurrent use.
type Losses struct{ all []loss }

// A loss is one kind of it.
type loss struct {
	record.Loss
	trigger string // whose dispersion it has; empty: nobody measures it
	measure string
	lost
}

// lost is how one kind is added up.
type lost interface {
	add(counts []PodCount)
	// sum completes the loss, and says the variance of its excess by chance; false if nobody can tell.
	sum(*record.Loss) (variance float64, ok bool)
}

// NewLosses prepares to add up the losses of a release of the runbook's service. An error means that
// a trigger measures what the runbook does not declare.
func NewLosses(rb *runbook.Runbook) (*Losses, error) {
	failed := loss{Loss: record.Loss{Kind: record.Failures}, measure: Requests, lost: &eventsLost{}}
	out := &Losses{all: []loss{failed}}
	seen := map[string]bool{}
	for _, t := range rb.Triggers {
		measure := MeasureOf(t)
		switch {
		case seen[measure]:
			continue
		case measure == Requests:
			out.all[0].trigger = t.Name
		case t.Type == runbook.LatencyQuantile || t.Type == runbook.KPIDrop:
			x, err := lossOf(rb, t)
			if err != nil {
				return nil, err
			}
			x.trigger, x.measure = t.Name, measure
			out.all = append(out.all, x)
		}
		seen[measure] = true
	}
	return out, nil
}

// lossOf is what a trigger about latency or a KPI says of users.
func lossOf(rb *runbook.Runbook, t runbook.Trigger) (loss, error) {
	s, err := signalOf(rb, t)
	if err != nil {
		return loss{}, err
	}
	if f, ok := s.family.(*latency); ok {
		slow := record.Loss{Kind: record.Slow, Name: t.Latency, Quantile: t.Quantile}
		return loss{Loss: slow, lost: newSlowLost(f)}, nil
	}
	kpi, _ := rb.KPI(t.KPI) // signalOf has found it
	if kpi.IsMean() {
		return loss{Loss: record.Loss{Kind: record.Value, Name: kpi.Name, Unit: kpi.Unit}, lost: &valueLost{}}, nil
	}
	return loss{Loss: record.Loss{Kind: record.Missed, Name: kpi.Name}, lost: &eventsLost{fewer: true}}, nil
}

// Add takes an interval.
func (l *Losses) Add(c Counts) {
	for _, x := range l.all {
		x.add(c[x.measure])
	}
}

// normal95 is the two-sided normal quantile of 95 %.
const normal95 = 1.96

// Sum is what they come to, with bounds of 95 % by the normal distribution: the variance by chance,
// times the dispersion of the trigger that measures the same; 1 where there is none. What nobody
// can tell is left out.
func (l *Losses) Sum(dispersion func(trigger string) float64) []record.Loss {
	var out []record.Loss
	for _, x := range l.all {
		phi, of := 1.0, x.Loss
		if x.trigger != "" {
			phi = max(1, dispersion(x.trigger))
		}
		variance, ok := x.sum(&of)
		if !ok || math.IsNaN(of.Excess) || math.IsNaN(variance) {
			continue
		}
		spread := normal95 * math.Sqrt(phi*variance)
		of.Low, of.High = of.Excess-spread, of.Excess+spread
		out = append(out, of)
	}
	return out
}

// totalsOf adds up what candidate and stable did.
func totalsOf(counts []PodCount) (all, bad, squares [2]float64) {
	for _, c := range counts {
		i := index(c.Role)
		all[i], bad[i], squares[i] = all[i]+c.All, bad[i]+c.Bad, squares[i]+c.Squares
	}
	return all, bad, squares
}
