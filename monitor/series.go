package monitor

import (
	"cmp"
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

// take keeps samples that are new: later than what is counted.
func (s *series) take(x sample) {
	if math.IsNaN(x.v) || math.IsInf(x.v, 0) || x.v < 0 || x.at <= s.last.at {
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

// digest keeps of a native histogram the buckets that have observations, ascending. None
// of what is counted is negative: bounds below 0 are taken for 0.
func digest(h *model.SampleHistogram) *[]analysis.Bucket {
	raw := make([]analysis.Bucket, 0, len(h.Buckets))
	for _, b := range h.Buckets {
		if b != nil && b.Count > 0 {
			raw = append(raw, analysis.Bucket{Lower: max(float64(b.Lower), 0), Upper: max(float64(b.Upper), 0), Count: float64(b.Count)})
		}
	}
	slices.SortFunc(raw, ascending)
	out := merge(raw, nil, 1)
	return &out
}

func ascending(a, b analysis.Bucket) int {
	return cmp.Or(cmp.Compare(a.Lower, b.Lower), cmp.Compare(a.Upper, b.Upper))
}

// growth is by how much each bucket grew. The resolution may have changed in between:
// where a bucket of one sample is a union of the other's, the growth is that of the union.
// Never negative.
func (s sample) growth(to sample, how step) []analysis.Bucket {
	switch {
	case how.restarted || to.v < s.v && how.since:
		return *to.buckets
	case to.v < s.v:
		return nil
	}
	return slices.DeleteFunc(merge(*to.buckets, *s.buckets, -1), func(b analysis.Bucket) bool { return b.Count <= 0 })
}

// merge adds sign times the counts of b to those of a. Buckets that overlap become one;
// both are ascending.
func merge(a, b []analysis.Bucket, sign float64) []analysis.Bucket {
	out := make([]analysis.Bucket, 0, max(len(a), len(b)))
	for len(a)+len(b) > 0 {
		var next analysis.Bucket
		if len(b) == 0 || len(a) > 0 && ascending(a[0], b[0]) <= 0 {
			next, a = a[0], a[1:]
		} else {
			next, b = b[0], b[1:]
			next.Count *= sign
		}
		if n := len(out); n > 0 && overlap(out[n-1], next) {
			out[n-1].Upper = max(out[n-1].Upper, next.Upper)
			out[n-1].Count += next.Count
			continue
		}
		out = append(out, next)
	}
	return out
}

// overlap reports whether two buckets, the lower one first, share more than a rounding
// error.
func overlap(a, b analysis.Bucket) bool {
	return b.Lower < a.Upper*(1-1e-9) || a.Lower == b.Lower && a.Upper == b.Upper
}
