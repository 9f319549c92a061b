package monitor

import (
	"cmp"
	"slices"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/analysis"
)

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
