package analysis

import (
	"math"
	"testing"
)

// Where both sides have the same mean, exp of the log likelihood ratio has a mean of 1 at
// most, whatever the distribution of the values: here of two points, one of them rare.
func TestCatoniIsAnEValue(t *testing.T) {
	for _, rare := range []float64{0.5, 0.1, 0.01, 0.0001} {
		high, low := math.Sqrt((1-rare)/rare), -math.Sqrt(rare/(1-rare)) // mean 0, variance 1
		for _, drop := range []float64{0.03, 0.08, 0.25} {
			for _, n := range []float64{1, 30, 1000} {
				for _, way := range []float64{1, -1} {
					ratio := func(v float64) float64 { // the candidate's mean is 10, stable's 10 + v
						return math.Exp(Catoni(drop, 10, [2]float64{0, n}, [2]float64{n, n}, [2]float64{10 * n, 10*n + way*v*n}))
					}
					if mean := rare*ratio(high) + (1-rare)*ratio(low); mean > 1+1e-9 {
						t.Errorf("rare %g, drop %g, %g trials: the mean is %g", rare, drop, n, mean)
					}
				}
			}
		}
	}
}

// The formula by hand: with 100 and 400 trials of variance 4 and 9 the difference has the
// variance 0.0625; a mean of 9 instead of 10 is four standard deviations.
func TestCatoni(t *testing.T) {
	got := Catoni(0.1, 10, [2]float64{4, 9}, [2]float64{100, 400}, [2]float64{900, 4000})
	if y, w := 16.0, 16.0; !like(got, math.Log(1+y+y*y/2)-math.Log(1+w/2), 1e-12) {
		t.Errorf("%g", got)
	}
	if got = Catoni(0.1, 10, [2]float64{4, 9}, [2]float64{100, 400}, [2]float64{1100, 4000}); !like(got, -math.Log(1+16.+128)-math.Log(9), 1e-12) {
		t.Errorf("the other way: %g", got)
	}
}

func TestCatoniWithoutData(t *testing.T) {
	for _, all := range [][2]float64{{0, 10}, {10, 0}, {0, 0}} {
		if got := Catoni(0.1, 5, [2]float64{1, 1}, all, [2]float64{3, 3}); got != 0 {
			t.Errorf("of %v trials: %g", all, got)
		}
	}
	if got := Catoni(0.1, 0, [2]float64{1, 1}, [2]float64{10, 10}, [2]float64{3, 3}); got != 0 {
		t.Errorf("of no mean: %g", got)
	}
}

// Nothing is said before the values seen are worth thirty of equal size.
func TestMeanWaitsForItsVariance(t *testing.T) {
	x := begin(t, shop("revenue-drop"), "revenue-drop")
	value := func(bad, squares float64) []PodCount {
		counts := even([2]int{2, 4}, [2]float64{100, 400}, [2]float64{bad / 5, bad * 4 / 5})
		for i := range counts {
			counts[i].Squares = squares / 6
		}
		return counts
	}
	for i := range 40 { // one order in each interval
		r := x.Observe(value(10, 100))
		if i+1 == leastTrials { // to the last bit
			continue
		}
		if known := x.signal.family.(*mean).moments.level > 0; known != (i+1 > leastTrials) || math.IsNaN(r.LogE[0]) == known {
			t.Fatalf("interval %d: mean %g, log e %g", i, x.signal.family.(*mean).moments.level, r.LogE[0])
		}
	}
}
