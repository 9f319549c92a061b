package analysis

import (
	"math"
	"slices"
)

// A scale is the bounds that counts are kept by: those of the runbook for a classic
// histogram, or those seen so far for a native one.
type scale struct {
	bounds      []float64 // ascending, finite
	exponential bool      // how values lie within a bucket
}

// within is the share of a bucket's values that lie at or below a limit inside it.
func (s scale) within(limit, from, to float64) float64 {
	if s.exponential && from > 0 {
		return math.Log(limit/from) / math.Log(to/from)
	}
	return (limit - from) / (to - from)
}

// quantile reads a quantile as Prometheus does: interpolated within a bucket, and never
// above the highest bound. NaN without observations.
func (s scale) quantile(q float64, counts []float64) float64 {
	all := sumOf(counts)
	if !(all > 0) {
		return math.NaN()
	}
	rank, below, from := q*all, 0.0, 0.0
	for i, to := range s.bounds {
		if below+counts[i] >= rank && counts[i] > 0 {
			part := (rank - below) / counts[i]
			if s.exponential && from > 0 {
				return from * math.Pow(to/from, part)
			}
			return from + (to-from)*part
		}
		below, from = below+counts[i], to
	}
	return s.top()
}

// above is the share of observations above a limit. NaN without observations or limit.
func (s scale) above(limit float64, counts []float64) float64 {
	all, above, from := 0.0, 0.0, 0.0
	for i, v := range counts {
		all += v
		to := math.Inf(1)
		if i < len(s.bounds) {
			to = s.bounds[i]
		}
		switch {
		case limit <= from:
			above += v
		case limit < to && !math.IsInf(to, 1):
			above += v * (1 - s.within(limit, from, to))
		}
		from = to
	}
	if !(all > 0) || math.IsNaN(limit) {
		return math.NaN()
	}
	return above / all
}

func (s scale) top() float64 {
	if len(s.bounds) == 0 {
		return math.NaN()
	}
	return s.bounds[len(s.bounds)-1]
}

func sumOf(counts []float64) float64 {
	sum := 0.0
	for _, v := range counts {
		sum += v
	}
	return sum
}

// A window of histograms is a side's counts of the newest intervals.
type histograms struct {
	keep   int
	past   [][]float64 // a ring
	seen   int
	unused []float64
}

func (h *histograms) add(now []float64) {
	if len(h.past) < h.keep {
		h.past = append(h.past, append([]float64(nil), now...))
	} else {
		h.past[h.seen%h.keep] = append(h.past[h.seen%h.keep][:0], now...)
	}
	h.seen++
}

// last adds up the newest n intervals; nil without any. The answer is good until the next
// call.
func (h *histograms) last(n int) []float64 {
	n = min(n, len(h.past))
	if n <= 0 {
		return nil
	}
	sum := append(h.unused[:0], h.past[(h.seen-1)%h.keep]...)
	for i := 2; i <= n; i++ {
		for k, v := range h.past[(h.seen-i)%h.keep] {
			sum[k] += v
		}
	}
	h.unused = sum
	return sum
}

// mostBounds keeps a native histogram whose pods change their resolution without end
// from growing; a value beyond goes into the next greater bucket.
const mostBounds = 1000

// nativeTop is the bound above which a native histogram's values are all alike.
var nativeTop = math.MaxFloat64

// learn makes sure that the bounds of a pod's native buckets are among ours, and moves
// what has been counted so far to the finer bounds.
func (f *latency) learn(buckets []Bucket) {
	if len(buckets) == 0 {
		return
	}
	fresh := slices.Clone(f.scale.bounds)
	for _, b := range buckets {
		for _, bound := range [2]float64{b.Lower, b.Upper} {
			if i, found := slices.BinarySearch(fresh, bound); !found && bound > 0 && bound < nativeTop && len(fresh) < mostBounds {
				fresh = slices.Insert(fresh, i, bound)
			}
		}
	}
	if len(fresh) == len(f.scale.bounds) {
		return
	}
	old := f.scale
	f.scale.bounds = fresh
	for side := range f.hist {
		for i, counts := range f.hist[side].past {
			f.hist[side].past[i] = f.scale.spread(old, counts)
		}
	}
}

// spread divides counts by other bounds among ours, of which theirs are a part.
func (s scale) spread(old scale, counts []float64) []float64 {
	out := make([]float64, len(s.bounds)+1)
	from := 0.0
	for i, v := range counts {
		to := nativeTop
		if i < len(old.bounds) {
			to = old.bounds[i]
		}
		s.put(out, Bucket{from, to, v})
		from = to
	}
	return out
}

// put adds a bucket's count to ours, by how they lie in each other.
func (s scale) put(out []float64, b Bucket) {
	if b.Count <= 0 {
		return
	}
	lower, before := max(b.Lower, 0), 0.0
	for i := range s.bounds {
		to := s.bounds[i]
		if to <= lower {
			continue
		}
		share := 1.0
		if to < b.Upper && !math.IsInf(b.Upper, 1) && b.Upper < nativeTop {
			share = s.within(to, lower, b.Upper)
		} else if to < b.Upper {
			share = 0
		}
		out[i] += b.Count * (share - before)
		if before = share; to >= b.Upper {
			return
		}
	}
	out[len(s.bounds)] += b.Count * (1 - before)
}

// dense writes a pod's native buckets by our bounds.
func (f *latency) dense(buckets []Bucket) []float64 {
	f.learn(buckets)
	out := make([]float64, len(f.scale.bounds)+1)
	for _, b := range buckets {
		f.scale.put(out, b)
	}
	return out
}
