package quality

import (
	"context"
	"fmt"
	"io"
	"time"

	"golang.org/x/sync/errgroup"
)

// An Agreement is one trace on which the real engine and the reference both ran: when
// each trigger fired first, by each. Zero: never.
type Agreement struct {
	Scenario          string
	Seed              uint64
	Interval          time.Duration
	Engine, Reference map[string]time.Duration
}

// Differs lists the triggers whose first firings are more than an evaluation apart.
func (a Agreement) Differs() []string {
	var out []string
	names := map[string]bool{}
	for name := range a.Engine {
		names[name] = true
	}
	for name := range a.Reference {
		names[name] = true
	}
	for name := range names {
		e, here := a.Engine[name]
		r, there := a.Reference[name]
		if here != there || (e-r).Abs() > a.Interval {
			out = append(out, fmt.Sprintf("%s, seed %d, %s: the engine fires at %s, the reference at %s", a.Scenario, a.Seed, name, never(e, here), never(r, there)))
		}
	}
	return out
}

func never(d time.Duration, ever bool) string {
	if !ever {
		return "no time"
	}
	return d.String()
}

// Agree runs a generated trace through both to its end, for every trigger's first firing.
func Agree(ctx context.Context, s Scenario, seed uint64, interval, length time.Duration) (Agreement, error) {
	shape := GeneratedShape(interval)
	trace, _ := Generate(s, shape, seed, length)
	return agree(ctx, s.Name, seed, shape, trace)
}

// AgreeOn does it for a recorded release.
func AgreeOn(ctx context.Context, file string, rec *Recording) (Agreement, error) {
	return agree(ctx, file, 0, rec.Shape, rec)
}

func agree(ctx context.Context, name string, seed uint64, shape Shape, trace Trace) (Agreement, error) {
	rb := Runbook(shape)
	a := Agreement{Scenario: name, Seed: seed, Interval: shape.Interval, Engine: map[string]time.Duration{}, Reference: map[string]time.Duration{}}
	engine, err := NewEngine(rb, shape)
	if err != nil {
		return a, err
	}
	defer engine.Close()
	bench, err := newBench(rb, shape, true)
	if err != nil {
		return a, err
	}
	t := newTracker(shape)
	for tick, ok := trace.Next(); ok; tick, ok = trace.Next() {
		fired, err := engine.Take(ctx, tick)
		if err != nil {
			return a, fmt.Errorf("%s, seed %d: %w", name, seed, err)
		}
		note(a.Engine, fired, tick.Now)
		f := t.take(tick)
		bench.take(f)
		if f.Judged {
			note(a.Reference, bench.firing(), tick.Now)
		}
	}
	return a, nil
}

func note(first map[string]time.Duration, fired []string, now time.Duration) {
	for _, name := range fired {
		if _, before := first[name]; !before {
			first[name] = now
		}
	}
}

// AgreeAll does it for all traces of a plan, several at a time.
func AgreeAll(ctx context.Context, p Plan, progress io.Writer) ([]Agreement, error) {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, p.Workers))
	out := make([]Agreement, len(p.Scenarios)*p.Seeds)
	meter := &meter{to: progress, all: len(out), began: time.Now()}
	for i := range out {
		s, seed := p.Scenarios[i%len(p.Scenarios)], p.First+uint64(i/len(p.Scenarios))
		g.Go(func() (err error) {
			if err = ctx.Err(); err == nil {
				out[i], err = Agree(ctx, s, seed, p.Interval, p.Length)
				meter.step("real engine: " + s.Name)
			}
			return err
		})
	}
	return out, g.Wait()
}
