package analysis

import (
	"math"
	"slices"
)

// mostBounds keeps a native histogram whose pods change their resolution without end
// from growing; a value beyond goes into the next greater bucket.
const mostBounds = 1000

// nativeTop is the bound above which a native histogram's values are all alike.
var nativeTop = math.MaxFloat64

// learn makes sure that the bounds of a pod's native buckets are among ours, and moves
// what has been counted so far to the finer bounds.
func (t *Test) learn(buckets []Bucket) {
	fresh := slices.Clone(t.scale.bounds)
	for _, b := range buckets {
		for _, bound := range [2]float64{b.Lower, b.Upper} {
			if i, found := slices.BinarySearch(fresh, bound); !found && bound > 0 && bound < nativeTop && len(fresh) < mostBounds {
				fresh = slices.Insert(fresh, i, bound)
			}
		}
	}
	if len(fresh) == len(t.scale.bounds) {
		return
	}
	old := t.scale
	t.scale.bounds = fresh
	for side := range t.hist {
		for i, counts := range t.hist[side].past {
			t.hist[side].past[i] = t.scale.spread(old, counts)
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
func (t *Test) dense(buckets []Bucket) []float64 {
	t.learn(buckets)
	out := make([]float64, len(t.scale.bounds)+1)
	for _, b := range buckets {
		t.scale.put(out, b)
	}
	return out
}
