package analysis

import (
	"math"
	"testing"
)

// A starved candidate is held against its weight only while that stood still.
func TestStarvedWhileTheWeightStands(t *testing.T) {
	got := func(c, s float64) []PodCount { return even([2]int{2, 4}, [2]float64{c, s}, [2]float64{}) }
	x := begin(t, shop("starved"), "starved")
	for range 40 {
		x.Weigh(0.25, false)
		if r := x.Observe(got(0, 1000)); !math.IsNaN(r.Significance) || r.Gate || !math.IsNaN(r.LogE[0]) {
			t.Fatalf("the weight moves: %+v", r)
		}
	}
	for _, share := range []float64{0, math.NaN()} {
		x.Weigh(share, true)
		if r := x.Observe(got(0, 1000)); !math.IsNaN(r.Significance) || r.Gate {
			t.Fatalf("the weight is %g: %+v", share, r)
		}
	}
	fired := 0
	for i := range 40 {
		x.Weigh(0.25, true)
		if r := x.Observe(got(50, 950)); r.Fires() && fired == 0 {
			fired = i + 1
			if !like(r.Effect, 50./250, 1e-9) || r.Level != [2]float64{50 * float64(fired), 250 * float64(fired)} {
				t.Errorf("%+v", r)
			}
		}
	}
	if fired == 0 || fired > 12 {
		t.Errorf("fires after %d intervals", fired)
	}
}

// Intervals that are not held against the weight are no part of the effect.
func TestStarvedEffectLeavesOutWhatIsNotKnown(t *testing.T) {
	x := begin(t, shop("starved"), "starved")
	x.Weigh(0.25, true)
	x.Observe(even([2]int{2, 4}, [2]float64{250, 750}, [2]float64{}))
	x.Weigh(0.25, false)
	x.Observe(even([2]int{2, 4}, [2]float64{0, 1000}, [2]float64{}))
	x.Weigh(0.25, true)
	if r := x.Observe(even([2]int{2, 4}, [2]float64{250, 750}, [2]float64{})); !like(r.Effect, 1, 1e-9) {
		t.Errorf("gets %g of its due, want all", r.Effect)
	}
}
