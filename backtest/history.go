package backtest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

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
