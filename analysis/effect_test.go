package analysis

import (
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// The effect and its gate closely above and closely below what the runbook says.
func TestGates(t *testing.T) {
	for _, c := range []struct {
		name, trigger string
		bad           [2]float64 // events of 1000 opportunities of candidate and stable
		effect        float64
		gate          bool
	}{
		{"error rate above", "error-rate", [2]float64{51, 10}, 0.051, true},
		{"error rate at", "error-rate", [2]float64{50, 10}, 0.05, false},
		{"error rate that stable nearly has", "error-rate", [2]float64{60, 40}, 0.06, false},
		{"error rate well above stable's", "error-rate", [2]float64{61, 40}, 0.061, true},
		{"no errors of stable", "error-rate", [2]float64{51, 0}, 0.051, true},
		{"increase above", "error-increase", [2]float64{15.1, 10}, 0.0051, true},
		{"increase at", "error-increase", [2]float64{15, 10}, 0.005, false},
		{"increase of less than half", "error-increase", [2]float64{59, 40}, 0.019, false},
		{"compare above", "compare", [2]float64{15.1, 10}, 0.0051, true},
		{"compare below", "compare", [2]float64{14.9, 10}, 0.0049, false},
		{"schema above", "schema", [2]float64{1.1, 0.1}, 0.0011, true},
		{"schema below", "schema", [2]float64{0.9, 0.1}, 0.0009, false},
		{"conversion below", "conversion-drop", [2]float64{97.9, 100}, 0.979, true},
		{"conversion above", "conversion-drop", [2]float64{98.1, 100}, 0.981, false},
		{"revenue below", "revenue-drop", [2]float64{97.9, 100}, 0.979, true},
		{"revenue above", "revenue-drop", [2]float64{98.1, 100}, 0.981, false},
		{"conversions of stable are missing", "conversion-drop", [2]float64{97.9, 0}, math.Inf(1), false},
	} {
		x := begin(t, shop(c.trigger), c.trigger)
		r := x.Observe(even([2]int{2, 4}, [2]float64{1000, 1000}, c.bad))
		if !like(r.Effect, c.effect, 1e-9) || r.Gate != c.gate {
			t.Errorf("%s: effect %g, gate %v, want %g and %v", c.name, r.Effect, r.Gate, c.effect, c.gate)
		}
	}
}

// Without data there is no effect, and no gate is passed.
func TestNoDataPassesNoGate(t *testing.T) {
	for name := range triggers() {
		for _, counts := range [][]PodCount{nil, even([2]int{2, 0}, [2]float64{}, [2]float64{}), even([2]int{2, 4}, [2]float64{}, [2]float64{})} {
			for i := range counts {
				counts[i].Buckets = make([]float64, len(latencyBounds)+1)
			}
			x := begin(t, shop(name), name)
			for range 3 {
				r := x.Observe(counts)
				if !math.IsNaN(r.Effect) || r.Gate || r.Proved || r.Fires() || r.Significance >= 1 || r.Pods != [2]int{} {
					t.Errorf("%s of %d idle pods: %+v", name, len(counts), r)
				}
			}
		}
	}
}

// The effect forgets what is older than the trigger's window.
func TestEffectIsThatOfTheWindow(t *testing.T) {
	x := begin(t, shop("error-rate"), "error-rate")
	var r Result
	for range 12 { // three minutes
		r = x.Observe(even([2]int{2, 4}, [2]float64{1000, 1000}, [2]float64{100, 10}))
	}
	for i := range 12 {
		if want := 0.1 - 0.09*float64(i)/12; !like(r.Effect, want, 1e-9) {
			t.Fatalf("%d good intervals: effect %g, want %g", i, r.Effect, want)
		}
		r = x.Observe(even([2]int{2, 4}, [2]float64{1000, 1000}, [2]float64{10, 10}))
	}
	if !like(r.Effect, 0.01, 1e-9) {
		t.Errorf("effect %g, want 0.01", r.Effect)
	}
}

// lasting gives each pod of a side values in one bucket, named by its upper bound, or in the
// highest.
func lasting(bounds [2]float64) []PodCount {
	var out []PodCount
	for i, side := range []int{0, 0, 1, 1, 1} {
		c := PodCount{Pod: strconv.Itoa(i), Role: []runbook.Role{runbook.Candidate, runbook.Stable}[side], Buckets: make([]float64, len(latencyBounds)+1)}
		k := len(latencyBounds)
		if at := slices.Index(latencyBounds, bounds[side]); at >= 0 {
			k = at
		}
		c.Buckets[0], c.Buckets[k] = c.Buckets[0]+90, c.Buckets[k]+10
		out = append(out, c)
	}
	return out
}

func TestLatencyGate(t *testing.T) {
	ceiling := func(d time.Duration) func(*runbook.Trigger) {
		return func(t *runbook.Trigger) { t.Ceiling = runbook.Duration(d) }
	}
	alone := func(t *runbook.Trigger) { t.Increase = 0 }
	for _, c := range []struct {
		name    string
		bounds  [2]float64 // of the bucket that holds the P95: the upper tenth of the values
		changes []func(*runbook.Trigger)
		effect  float64
		gate    bool
	}{
		{"as fast", [2]float64{0.3, 0.3}, nil, 1, false},
		{"a little slower", [2]float64{0.35, 0.3}, nil, 0.325 / 0.275, false},
		{"half slower", [2]float64{0.5, 0.35}, nil, 0.45 / 0.325, true},
		{"beyond the highest bound", [2]float64{-1, 2.5}, nil, 2.5 / 2, true},
		{"both beyond the highest bound", [2]float64{-1, -1}, nil, 1, false},
		{"under the ceiling", [2]float64{0.35, 0.3}, []func(*runbook.Trigger){ceiling(time.Second)}, 0.325 / 0.275, false},
		{"over the ceiling and slower", [2]float64{0.35, 0.3}, []func(*runbook.Trigger){ceiling(300 * time.Millisecond)}, 0.325 / 0.275, true},
		{"over the ceiling as stable is", [2]float64{0.35, 0.35}, []func(*runbook.Trigger){ceiling(300 * time.Millisecond)}, 1, false},
		{"over the ceiling, no increase wanted", [2]float64{0.35, 0.3}, []func(*runbook.Trigger){ceiling(300 * time.Millisecond), alone}, 0.325, true},
		{"under it, no increase wanted", [2]float64{0.35, 0.3}, []func(*runbook.Trigger){ceiling(400 * time.Millisecond), alone}, 0.325, false},
	} {
		x := begin(t, shop(), "latency-p95", c.changes...)
		var r Result
		for range 5 {
			r = x.Observe(lasting(c.bounds))
		}
		if !like(r.Effect, c.effect, 1e-9) || r.Gate != c.gate {
			t.Errorf("%s: effect %g, gate %v, want %g and %v (levels %v)", c.name, r.Effect, r.Gate, c.effect, c.gate, r.Level)
		}
	}
}
