package analysis

import (
	"testing"

	"pgregory.net/rapid"
)

// A total answers as a slice of all values would, and holds no more than its longest
// window.
func TestTotalIsASlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keep := rapid.IntRange(0, 20).Draw(t, "keep")
		x, all, from := newTotal(keep), []float64(nil), 0
		for range rapid.IntRange(0, 120).Draw(t, "values") {
			if rapid.IntRange(0, 19).Draw(t, "forgets") == 0 {
				x.forget()
				from = len(all)
				continue
			}
			v := float64(rapid.IntRange(-1000, 1000).Draw(t, "value"))
			x.add(v)
			all = append(all, v)
			n := rapid.IntRange(since, 30).Draw(t, "window")
			want := sumOf(all[from:])
			switch remembered := len(all) - from; {
			case n == since:
				want = sumOf(all)
			case n < remembered:
				want = sumOf(all[len(all)-min(n, keep):])
			}
			if got := x.last(n); got != want {
				t.Fatalf("the last %d of %d are %g, want %g", n, len(all), got, want)
			}
			if cap(x.past) > keep {
				t.Fatalf("room for %d, want %d at most", cap(x.past), keep)
			}
		}
	})
}
