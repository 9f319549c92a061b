package backtest

import (
	"context"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
)

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
