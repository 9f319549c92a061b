package quality

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/runbook"
)

// A Plan is what one run measures.
type Plan struct {
	Scenarios []Scenario
	First     uint64        // first seed
	Seeds     int           // of each scenario
	Ablations int           // so many of them with each part taken out as well
	Length    time.Duration // 0: each scenario's own
	Interval  time.Duration // of scrapes and evaluations
	Workers   int
}

// A Decision is what one judge made of one trace.
type Decision struct {
	Trigger string        `json:"trigger"` // empty: it never rolled back
	At      time.Duration `json:"at_ns"`   // since the release began
}

// An Outcome is one trace with all decisions.
type Outcome struct {
	Scenario string
	File     string // of a replayed trace
	Kind     string // good, bad; empty: unknown
	Limit    bool   // of a scenario that is a known limit
	Seed     uint64
	Rate     float64
	Truth    Truth
	Length   time.Duration
	By       map[string]Decision // by judge; who took no part is not there
}

// Run judges all traces, several at a time. The outcomes are in order, and the same for
// the same plan. It says on progress how far it is.
func Run(ctx context.Context, p Plan, progress io.Writer) ([]Outcome, error) {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(max(1, p.Workers))
	out := make([]Outcome, len(p.Scenarios)*p.Seeds)
	meter := &meter{to: progress, all: len(out), began: time.Now()}
	for i := range out {
		s, seed := p.Scenarios[i%len(p.Scenarios)], i/len(p.Scenarios)
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			var err error
			out[i], err = judge(p, s, p.First+uint64(seed), seed < p.Ablations)
			meter.step(s.Name)
			return err
		})
	}
	err := g.Wait()
	slices.SortStableFunc(out, func(a, b Outcome) int { return cmp.Compare(a.Seed, b.Seed) })
	return out, err
}

func judge(p Plan, s Scenario, seed uint64, ablations bool) (Outcome, error) {
	shape := GeneratedShape(p.Interval)
	length := p.Length
	if length == 0 {
		length = time.Duration(s.Hours * float64(time.Hour))
	}
	trace, truth := Generate(s, shape, seed, length)
	judges, err := Judges(Runbook(shape), shape, ablations)
	if err != nil {
		return Outcome{}, fmt.Errorf("%s, seed %d: %w", s.Name, seed, err)
	}
	rate := s.Rates[seed%uint64(len(s.Rates))]
	return Outcome{Scenario: s.Name, Kind: s.Kind, Limit: s.Limit != "", Seed: seed, Rate: (rate.Low + rate.High) / 2, Truth: truth, Length: length, By: Decide(trace, shape, judges)}, nil
}

// Decide lets the judges watch a trace until each has decided or it ends.
func Decide(trace Trace, shape Shape, judges []Named) map[string]Decision {
	t := newTracker(shape)
	by := map[string]Decision{}
	for _, j := range judges {
		by[j.Name] = Decision{}
	}
	for left := slices.Clone(judges); len(left) > 0; {
		tick, ok := trace.Next()
		if !ok {
			break
		}
		f := t.take(tick)
		left = slices.DeleteFunc(left, func(j Named) bool {
			fired := j.Judge.Observe(f)
			if len(fired) > 0 {
				by[j.Name] = Decision{fired[0], f.Now}
			}
			return len(fired) > 0
		})
	}
	return by
}

// A meter writes how far a run is, every ten seconds or so.
type meter struct {
	mu        sync.Mutex
	to        io.Writer
	done, all int
	began     time.Time
	said      time.Time
}

func (m *meter) step(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done++
	if m.to == nil || time.Since(m.said) < 10*time.Second && m.done < m.all {
		return
	}
	m.said = time.Now()
	left := time.Duration(float64(time.Since(m.began)) / float64(m.done) * float64(m.all-m.done))
	fmt.Fprintf(m.to, "%d of %d traces, about %s left (%s)\n", m.done, m.all, left.Round(time.Second), name)
}

// FirstFirings plays a trace to the analysis to its end, and returns when each trigger
// fired first, since the release began. seen is called with every tick.
func FirstFirings(rb *runbook.Runbook, shape Shape, trace Trace, seen func(Tick)) (map[string]time.Duration, error) {
	b, err := newBench(rb, shape, true)
	if err != nil {
		return nil, err
	}
	judge, t := view{bench: b, fires: analysis.Result.Fires}, newTracker(shape)
	fired := map[string]time.Duration{}
	for {
		tick, ok := trace.Next()
		if !ok {
			return fired, nil
		}
		seen(tick)
		f := t.take(tick)
		for _, trigger := range judge.Observe(f) {
			if _, known := fired[trigger]; !known {
				fired[trigger] = f.Now
			}
		}
	}
}
