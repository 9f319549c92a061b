package monitor

import (
	"math"
	"slices"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/analysis"
)

// A sample is what a series held when it was scraped: a counter's value, or how many
// observations of a native histogram there were and its buckets.
type sample struct {
	at      model.Time
	v       float64
	buckets *[]analysis.Bucket // nil: a counter
}

// A series is what is kept of one raw series.
type series struct {
	key     uint64
	uses    []use
	request bool       // it is the pod's request counter, or some part of it
	born    bool       // some of it may appear only with the first event
	known   bool       // last is from Know: that is not when it was scraped
	last    sample     // the newest one that was counted; at 0: none
	before  model.Time // when it was scraped before that; 0: never
	grew    float64    // in between, for the pace
	waiting []sample   // not counted yet, ascending
}

// none reports whether nothing was counted yet.
func (s *series) none() bool { return s.last.at == 0 }

// away reports whether the newest sample is too old, or none at all, for a step from it.
func (s *series) away(oldest model.Time) bool { return s.none() || s.known || s.last.at <= oldest }

// take keeps samples that are new: neither counted yet nor, of a series that has a sample,
// within an interval that is closed. Their growth is not lost, it counts with the next one.
func (s *series) take(x sample, closed model.Time) {
	if math.IsNaN(x.v) || math.IsInf(x.v, 0) || x.v < 0 || x.at <= s.last.at || x.at <= closed && !s.none() && !s.known {
		return
	}
	if n := len(s.waiting); n == 0 || s.waiting[n-1].at < x.at {
		s.waiting = append(s.waiting, x)
		return
	}
	if i, found := slices.BinarySearchFunc(s.waiting, x.at, func(w sample, t model.Time) int { return int(w.at - t) }); !found {
		s.waiting = slices.Insert(s.waiting, i, x)
	}
}

// mostIdle is how much room for waiting samples a series keeps.
const mostIdle = 4

// drop takes the oldest n samples away.
func (s *series) drop(n int) {
	switch rest := s.waiting[n:]; {
	case len(rest) > mostIdle:
		s.waiting = rest
	case cap(s.waiting) > mostIdle:
		s.waiting = slices.Clip(slices.Clone(rest))
	default:
		s.waiting = slices.Delete(s.waiting, 0, n)
	}
}

// fell reports by how much at least a counter must fall to have been reset. A fall by less
// is the scrape of another replica.
func fell(from, to float64) bool { return to < 0.9*from }

// A step is from one sample of a series to the next.
type step struct {
	restarted bool // the pod restarted, as this very scrape tells
	since     bool // it did since the series' last sample, as another scrape told
}

// grown is by how much the counter grew.
func (s *series) grown(x sample, how step) float64 {
	switch {
	case how.restarted:
		return x.v
	case x.v >= s.last.v:
		return x.v - s.last.v
	case how.since:
		return x.v
	}
	return 0
}

// move makes x the newest sample.
func (s *series) move(x sample, how step) {
	s.before, s.grew = 0, 0
	if !s.none() && !s.known {
		s.before, s.grew = s.last.at, x.v-s.last.v
	}
	early := !how.restarted && !how.since && x.v < s.last.v && !fell(s.last.v, x.v)
	switch {
	case early:
		s.grew = 0
		x.v, x.buckets = s.last.v, s.last.buckets
	case s.grew < 0:
		s.grew = x.v
	}
	s.last, s.known = x, false
}
