package analysis

import (
	"math"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Losses remember what the newest intervals counted, so that it can be told what users lost since any
// of them: failed and slow requests, and what else the runbook's triggers compare that users feel.
// Their memory is bounded. They are not safe for concurrent use.
type Losses struct {
	all  []*loss
	hour int           // in intervals
	step time.Duration // the interval
}

// A loss is one kind of it.
type loss struct {
	record.Loss        // without numbers
	trigger     string // whose dispersion it has; empty: nobody measures it
	measure     string
	fewer       bool     // harm is fewer events
	slow        *latency // nil: the events are counted; else they are what is slower than a limit
	pooled      *parts   // nil: there are no parts
	past        ring
}

// LossesReach is how far back they remember while a release is open.
const LossesReach = 3 * time.Hour

// NewLosses prepares to remember so many intervals of a release of the runbook's service. An error
// means that a trigger measures what the runbook does not declare.
func NewLosses(rb *runbook.Runbook, intervals int) (*Losses, error) {
	every := rb.Metrics.Step().Std()
	failed := &loss{Loss: record.Loss{Kind: record.Failures}, measure: Requests}
	out := &Losses{all: []*loss{failed}, hour: max(1, int(BeforeSpan/every)), step: every}
	seen := map[string]bool{"": true}
	for _, t := range rb.Triggers {
		measure := MeasureOf(t)
		if measure == Requests && failed.trigger == "" {
			failed.trigger = t.Name
		}
		if seen[measure] || measure == Requests {
			continue
		}
		x, err := lossOf(rb, t)
		if err != nil {
			return nil, err
		}
		if seen[measure] = true; x != nil {
			x.trigger, x.measure = t.Name, measure
			out.all = append(out.all, x)
		}
	}
	for _, x := range out.all {
		x.keep(max(1, intervals))
	}
	return out, nil
}

// lossOf is what a comparative trigger says of users; nil: nothing that can be added up.
func lossOf(rb *runbook.Runbook, t runbook.Trigger) (*loss, error) {
	s, err := signalOf(rb, t)
	if err != nil {
		return nil, err
	}
	switch t.Type {
	case runbook.LatencyQuantile:
		f, _ := s.family.(*latency)
		return &loss{Loss: record.Loss{Kind: record.Slow, Name: t.Latency, Quantile: t.Quantile}, slow: f}, nil
	case runbook.KPIDrop:
		kpi, _ := rb.KPI(t.KPI) // signalOf has found it
		if kpi.IsMean() {
			return &loss{Loss: record.Loss{Kind: record.Value, Name: kpi.Name, Unit: kpi.Unit}, fewer: true}, nil
		}
		return &loss{Loss: record.Loss{Kind: record.Missed, Name: kpi.Name}, fewer: true}, nil
	case runbook.SchemaMismatch:
		return &loss{Loss: record.Loss{Kind: record.Misfits}}, nil
	case runbook.NullSpike:
		f, _ := s.family.(*parts)
		return &loss{Loss: record.Loss{Kind: record.Nulls}, pooled: f}, nil
	case runbook.Compare:
		return &loss{Loss: record.Loss{Kind: record.Other, Name: t.Bad}}, nil
	}
	return nil, nil
}

// Add takes the next interval, of whatever phase of the release.
func (l *Losses) Add(c Counts) {
	for _, x := range l.all {
		x.add(c[x.measure])
	}
}

// Beside is what the candidate did in the newest n intervals beyond stable's rate of the same interval.
// Where there was no stable, its rate in the other intervals is taken; was it in none of them, that of
// the hour before, and concurrent is false. What nobody can tell is left out.
func (l *Losses) Beside(n int, dispersion func(trigger string) float64) (losses []record.Loss, concurrent bool) {
	for _, x := range l.all {
		base := x.besides(n, l.hour)
		concurrent = concurrent || x.stableIn(0, n)
		losses = l.with(losses, x, n, dispersion, func(from, to int) excess { return x.beside(from, to, base) }, base.limit)
	}
	return losses, concurrent
}

// Whole is what all traffic did in the newest n intervals beyond its rate in the hour before.
func (l *Losses) Whole(n int, dispersion func(trigger string) float64) (losses []record.Loss) {
	for _, x := range l.all {
		base := x.befores(n, l.hour)
		losses = l.with(losses, x, n, dispersion, func(from, to int) excess { return x.whole(from, to, base) }, base.limit)
	}
	return losses
}

// with appends a loss with its bounds and rate, if somebody can tell.
func (l *Losses) with(
	losses []record.Loss, x *loss, n int, dispersion func(string) float64, count func(from, to int) excess, limit float64,
) []record.Loss {
	of, phi := x.Loss, 1.0
	if x.slow != nil && !math.IsNaN(limit) {
		of.Limit = x.slow.seconds(limit)
	}
	if x.trigger != "" {
		phi = max(1, dispersion(x.trigger))
	}
	if !count(0, n).into(&of, x.fewer, phi) {
		return losses
	}
	newest := min(n, max(4, int(time.Minute/l.step)))
	var now record.Loss
	if count(0, newest).into(&now, x.fewer, phi) {
		of.Rate = now.Excess / (float64(newest) * l.step.Seconds())
	}
	return append(losses, of)
}
