package backtest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"golang.org/x/sync/errgroup"
)

// A history is a stretch of the past that some replays walk through side by side.
type history struct {
	source   Source
	need     need
	from, to time.Time
}

// span is the whole that is read, with what the first evaluation looks back on.
func (h history) begin() time.Time { return h.from.Add(-h.need.before) }

// walk reads the history chunk by chunk, gives each to all walkers at once, and waits
// for them: what is in memory is one chunk, and what each holds of its own.
func (h history) walk(ctx context.Context, progress func(until time.Time), walkers ...walker) error {
	for at := h.begin(); at.Before(h.to); {
		next := earlier(at.Truncate(chunkLength).Add(chunkLength), h.to)
		chunk, err := h.read(ctx, at, next)
		if err != nil {
			return err
		}
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(runtime.GOMAXPROCS(0))
		for _, w := range walkers {
			g.Go(func() error { return w(gctx, chunk, at, next) })
		}
		if err := g.Wait(); err != nil {
			return err
		}
		at = next
		progress(at)
	}
	return nil
}

// A walker takes the samples of (from, to].
type walker func(ctx context.Context, chunk []Stretch, from, to time.Time) error

func (h history) read(ctx context.Context, from, to time.Time) ([]Stretch, error) {
	var chunk []Stretch
	seen := map[string]int{}
	for i, s := range h.need.selectors {
		some, err := h.source.Read(ctx, s, from, to)
		if err != nil {
			return nil, fmt.Errorf("read history: %w", err)
		}
		for _, one := range some {
			// Selectors may overlap; each series is wanted once.
			key := one.Labels.String()
			if by, ok := seen[key]; ok && by != i {
				continue
			}
			seen[key] = i
			chunk = append(chunk, one)
		}
	}
	return chunk, nil
}

// scrapeGap is the median time between samples of a chunk; 0 if it cannot be told.
func scrapeGap(chunk []Stretch) time.Duration {
	var gaps []int64
	for _, s := range chunk {
		for i := 1; i < len(s.Samples) && len(gaps) < 10_000; i++ {
			gaps = append(gaps, s.Samples[i].At-s.Samples[i-1].At)
		}
	}
	if len(gaps) == 0 {
		return 0
	}
	slices.Sort(gaps)
	return time.Duration(gaps[len(gaps)/2]) * time.Millisecond
}

// A Source reads history. Its user reads forward, one stretch of time after another.
type Source interface {
	// Read returns every series that matches a plain PromQL selector, with its
	// samples later than from and not later than to, ascending. Series without such
	// samples may be left out.
	Read(ctx context.Context, selector string, from, to time.Time) ([]Stretch, error)
}

// A Stretch is one series over a stretch of time.
type Stretch struct {
	Labels  labels.Labels
	Samples []Sample
}

// A Sample is one scraped value: a number, or a native histogram if that is not nil.
type Sample struct {
	At        int64 // milliseconds since the epoch
	Value     float64
	Histogram *histogram.FloatHistogram
}

// clip keeps what lies in (from, to] in order; an answer may hold the edge itself.
func clip(all []Sample, from, to time.Time) []Sample {
	kept := all[:0]
	last := from.UnixMilli()
	for _, s := range all {
		if s.At > last && s.At <= to.UnixMilli() {
			kept = append(kept, s)
			last = s.At
		}
	}
	return kept
}

// Progress is told how much of the history is done, and what is being done.
type Progress func(done, of time.Duration, what string)

func (p Progress) tell(done, of time.Duration, what string) {
	if p != nil {
		p(done, of, what)
	}
}
