package analysis

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestQuantile(t *testing.T) {
	linear, native := scale{bounds: []float64{1, 2, 4}}, scale{bounds: []float64{1, 2, 4}, exponential: true}
	for _, c := range []struct {
		name   string
		scale  scale
		q      float64
		counts []float64
		want   float64
	}{
		{"middle of a bucket", linear, 0.5, []float64{10, 20, 10, 0}, 1.5},
		{"within the first, which begins at 0", linear, 0.25, []float64{20, 0, 20, 0}, 0.5},
		{"beyond the highest bound", linear, 0.95, []float64{1, 1, 1, 97}, 4},
		{"an empty bucket is passed over", linear, 0.75, []float64{10, 0, 10, 0}, 3},
		{"exponential within a bucket", native, 0.5, []float64{10, 20, 10, 0}, math.Sqrt2},
		{"linear in the zero bucket", native, 0.25, []float64{20, 0, 20, 0}, 0.5},
		{"nothing observed", linear, 0.5, []float64{0, 0, 0, 0}, math.NaN()},
		{"no bounds", scale{}, 0.5, []float64{3}, math.NaN()},
	} {
		if got := c.scale.quantile(c.q, c.counts); !like(got, c.want, 1e-12) {
			t.Errorf("%s: %g, want %g", c.name, got, c.want)
		}
	}
}

func TestAbove(t *testing.T) {
	s := scale{bounds: []float64{1, 2, 4}}
	for _, c := range []struct {
		limit float64
		want  float64
	}{{0, 1}, {1, 0.9}, {1.5, 0.8}, {4, 0.1}, {5, 0}, {math.Inf(1), 0}, {math.NaN(), math.NaN()}} {
		if got := s.above(c.limit, []float64{1, 2, 6, 1}); !like(got, c.want, 1e-12) {
			t.Errorf("above %g are %g, want %g", c.limit, got, c.want)
		}
	}
	if got := s.above(1, []float64{0, 0, 0, 0}); !math.IsNaN(got) {
		t.Errorf("of nothing %g are above", got)
	}
}

// What is above a quantile is the rest.
func TestAboveUndoesQuantile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := scale{bounds: latencyBounds, exponential: rapid.Bool().Draw(t, "exponential")}
		counts := make([]float64, len(s.bounds)+1)
		for i := range counts {
			counts[i] = float64(rapid.IntRange(1, 50).Draw(t, "count"))
		}
		q := rapid.Float64Range(0.01, 0.99).Draw(t, "q")
		limit := s.quantile(q, counts)
		if limit == s.top() {
			return
		}
		if got := s.above(limit, counts); math.Abs(got-(1-q)) > 1e-9 {
			t.Fatalf("above the quantile %g, which is %g, are %g", q, limit, got)
		}
	})
}

func TestHistogramsOfAWindow(t *testing.T) {
	h, all := histograms{keep: 3}, [][]float64(nil)
	if h.last(2) != nil {
		t.Error("there is something before anything was added")
	}
	for i := range 10 {
		now := []float64{float64(i), float64(i * i)}
		h.add(now)
		all = append(all, []float64{float64(i), float64(i * i)})
		now[0] = -1 // it is the caller's again
		for n := 0; n <= 4; n++ {
			var want [2]float64
			for _, v := range all[len(all)-min(n, 3, len(all)):] {
				want[0], want[1] = want[0]+v[0], want[1]+v[1]
			}
			if got := h.last(n); n > 0 && (got[0] != want[0] || got[1] != want[1]) || n == 0 && got != nil {
				t.Fatalf("the last %d of %d are %v, want %v", n, i+1, got, want)
			}
		}
	}
}
