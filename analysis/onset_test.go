package analysis

import (
	"testing"
)

// Harm that begins in a known interval: the estimate is near it, the bracket holds it as often as
// it says, and is not so wide that it says nothing.
func TestOnsetOfKnownHarm(t *testing.T) {
	for _, c := range []struct {
		trigger, measure string
		good, bad        float64
		rate, share      float64
		near, wide       int // of estimate and bracket, in intervals, nine times of ten
	}{
		{"error-rate", Requests, 0.005, 0.10, 60, 0.2, 2, 6},
		{"error-increase", Requests, 0.005, 0.03, 100, 0.3, 4, 16},
		{"latency-p95", Latency, 0.1, 0.15, 40, 0.3, 4, 16},
		{"conversion-drop", "kpi/conversion", 0.3, 0.24, 200, 0.5, 4, 20},
		{"null-spike", Features, 0.01, 0.12, 80, 0.3, 4, 24},
		{"error-rate", Requests, 0.002, 0.4, 13, 0.05, 1, 4}, // few requests, and few errors before
	} {
		t.Run(c.trigger, func(t *testing.T) {
			const runs = 60
			near, held, wide := 0, 0, 0
			for seed := range runs {
				o := harmed(t, c.trigger, c.measure, seed, c.rate, c.share, c.good, c.bad)
				if abs(o.Likely-harmFor+1) <= c.near {
					near++
				}
				if o.First >= harmFor-1 && harmFor-1 >= o.Last {
					held++
				}
				if o.First-o.Last < c.wide {
					wide++
				}
				if o.First < o.Likely || o.Likely < o.Last || o.Whole || o.Open {
					t.Fatalf("seed %d: %+v", seed, o)
				}
			}
			t.Logf("near %d, held %d, narrow %d of %d", near, held, wide, runs)
			if near < runs*9/10 || held < runs*9/10 || wide < runs*9/10 {
				t.Errorf("of %d runs %d were near, %d brackets held the truth, %d were narrow", runs, near, held, wide)
			}
		})
	}
}

// Intervals with and before the harm.
const harmFor, healthyFor = 40, 80

func harmed(t *testing.T, trigger, measure string, seed int, rate, share, good, bad float64) Onset {
	t.Helper()
	x := begin(t, shop(trigger), trigger)
	l := lossesOf(t, trigger)
	f := feed{rnd: seeded(seed), rate: rate, share: share, pods: [2]int{3, 5}, level: [2]float64{good, good}}
	phi := 1.0
	for n := range healthyFor + harmFor {
		if n == healthyFor {
			f.level[0] = bad
		}
		counts := f.counts(measure)
		phi = x.Observe(counts).Dispersion
		l.Add(Counts{measure: counts})
	}
	o, ok := x.Onset()
	if !ok {
		t.Fatalf("seed %d: no onset", seed)
	}
	return l.Sharpen(x.trigger, o, phi)
}

func abs(n int) int { return max(n, -n) }

// A release that was bad from its first interval says that nobody knows of before; one that
// told nothing yet, or is good, has no onset or a bracket that says little.
func TestOnsetAtTheEdges(t *testing.T) {
	x := begin(t, shop("error-rate"), "error-rate")
	if o, ok := x.Onset(); ok {
		t.Errorf("before the first interval: %+v", o)
	}
	f := feed{rnd: seeded(1), rate: 60, share: 0.2, pods: [2]int{3, 5}, level: [2]float64{0.2, 0.005}}
	for range 20 {
		x.Observe(f.counts(Requests))
	}
	if o, ok := x.Onset(); !ok || !o.Whole || !o.Open || o.Likely != 19 {
		t.Errorf("bad from the first of 20 intervals on: %+v, %v", o, ok)
	}
	x = begin(t, shop("error-rate"), "error-rate")
	f.level = [2]float64{0, 0.02}
	for range 20 {
		x.Observe(f.counts(Requests))
	}
	if o, ok := x.Onset(); ok {
		t.Errorf("a candidate without errors: %+v", o)
	}
}
