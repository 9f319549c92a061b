package rules

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"
)

// A held series is kept in memory: one sample for each step that has one. A series that
// ends has a stale mark, as Prometheus would write.
type held struct {
	lset   labels.Labels
	times  []int64 // milliseconds, ascending
	values []float64
	packed *chunkenc.XORChunk
	growth chunkenc.Appender // of a series that is read while it grows
}

func (h *held) add(at int64, v float64) {
	h.times, h.values = append(h.times, at), append(h.values, v)
}

// grow adds a sample to a series that is read before it is complete.
func (h *held) grow(at int64, v float64) error {
	if h.packed == nil {
		if err := h.pack(); err != nil {
			return err
		}
	}
	h.add(at, v)
	h.growth.Append(0, at, v)
	return nil
}

func staleMark() float64 { return math.Float64frombits(value.StaleNaN) }

func isStale(v float64) bool { return value.IsStaleNaN(v) }

// same reports whether two series hold the same, to the bit.
func (h *held) same(o *held) bool {
	return labels.Equal(h.lset, o.lset) && slices.Equal(h.times, o.times) &&
		slices.EqualFunc(h.values, o.values, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })
}

func (h *held) Labels() labels.Labels { return h.lset }

func (h *held) Iterator(it chunkenc.Iterator) chunkenc.Iterator { return h.packed.Iterator(it) }

// pack makes the series ready to be read, when it is complete.
func (h *held) pack() error {
	h.packed = chunkenc.NewXORChunk()
	var err error
	if h.growth, err = h.packed.Appender(); err != nil {
		return fmt.Errorf("pack %s: %w", h.lset, err)
	}
	for i, t := range h.times {
		h.growth.Append(0, t, h.values[i])
	}
	return nil
}

// A shelf holds series by metric name. What was put there first stays where two series
// have one name and labels.
type shelf map[string][]*held

func (s shelf) put(all []*held) {
	for _, h := range all {
		name := h.lset.Get(labels.MetricName)
		if !slices.ContainsFunc(s[name], func(o *held) bool { return labels.Equal(o.lset, h.lset) }) {
			s[name] = append(s[name], h)
		}
	}
}

// Querier makes the shelf a storage.Queryable.
func (s shelf) Querier(int64, int64) (storage.Querier, error) { return s, nil }

func (s shelf) Close() error { return nil }

func (s shelf) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

func (s shelf) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, nil
}

func (s shelf) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	found := &picked{at: -1}
	look := func(all []*held) {
		for _, h := range all {
			if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(h.lset.Get(m.Name)) }) {
				found.series = append(found.series, h)
			}
		}
	}
	for _, m := range matchers {
		if m.Name == labels.MetricName && m.Type == labels.MatchEqual {
			look(s[m.Value])
			return found.sorted()
		}
	}
	for _, all := range s {
		look(all)
	}
	return found.sorted()
}

// picked is a storage.SeriesSet.
type picked struct {
	series []*held
	at     int
}

func (p *picked) sorted() *picked {
	slices.SortFunc(p.series, func(a, b *held) int { return labels.Compare(a.lset, b.lset) })
	return p
}

func (p *picked) Next() bool {
	p.at++
	return p.at < len(p.series)
}

func (p *picked) At() storage.Series { return p.series[p.at] }

func (p *picked) Err() error { return nil }

func (p *picked) Warnings() annotations.Annotations { return nil }
