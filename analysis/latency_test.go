package analysis

import (
	"math"
	"testing"

	"github.com/autorollback/autorollback/runbook"
)

// Latency from the definitions: what was slow is read from stable's last five minutes, one
// interval ago, and tolerated by the margin; the effect is that of the trigger's window.
func TestLatencyAgainstTheDefinitions(t *testing.T) {
	for _, window := range []int{2, 5, 15} {
		x := begin(t, shop(), "latency-p95", func(t *runbook.Trigger) { t.For = minutes(window) })
		f := feed{rnd: seeded(21), rate: 40, share: 0.3, pods: [2]int{3, 5}, level: [2]float64{0.13, 0.1}}
		var h history
		side := func(from, to int, role runbook.Role) []float64 {
			sum := make([]float64, len(latencyBounds)+1)
			for _, counts := range h[max(0, from):to] {
				for _, c := range counts {
					for k, v := range c.Buckets {
						if c.Role == role {
							sum[k] += v
						}
					}
				}
			}
			return sum
		}
		s, total := scale{bounds: latencyBounds}, [2]float64{}
		const warm = 4
		for i := range 120 {
			counts := f.counts(Latency)
			h = append(h, counts)
			if i < warm {
				x.Warm(counts)
				continue
			}
			r := x.Observe(counts)
			// Rings hold as much as the longer of the two windows.
			from := i + 1 - (x.gate - 1)
			want := [2]float64{s.quantile(0.95, side(from, i+1, runbook.Candidate)), s.quantile(0.95, side(from, i+1, runbook.Stable))}
			if !like(r.Level[0], want[0], 1e-9) || !like(r.Level[1], want[1], 1e-9) || !like(r.Effect, want[0]/want[1], 1e-9) {
				t.Fatalf("window %d m, interval %d: levels %v, want %v", window, i, r.Level, want)
			}
			if i == warm {
				if !math.IsNaN(r.LogE[0]) {
					t.Fatalf("the first judged interval says %g", r.LogE[0])
				}
				continue
			}
			limit := min(2.5, 1.15*s.quantile(0.95, side(i-(x.level-1), i, runbook.Stable)))
			c, st := side(i, i+1, runbook.Candidate), side(i, i+1, runbook.Stable)
			bad := [2]float64{sumOf(c) * s.above(limit, c), 0}
			for _, pod := range counts[3:] {
				bad[1] += sumOf(pod.Buckets) * s.above(limit/1.15, pod.Buckets)
			}
			logE := 0.0
			for k, theta := range x.signal.Thetas {
				total[k] += x.signal.Ratio(theta, sumOf(c)/(sumOf(c)+sumOf(st)), bad[0], bad[0]+bad[1])
				logE += math.Exp(total[k] / r.Dispersion)
			}
			if want := math.Log(logE / 2); !like(r.LogE[0], want, 1e-6) {
				t.Fatalf("window %d m, interval %d: log e %g, want %g", window, i, r.LogE[0], want)
			}
		}
	}
}

// A trigger that wants less than 30 % tolerates half of that; a ceiling alone 15 %.
func TestMargin(t *testing.T) {
	for increase, want := range map[runbook.Ratio]float64{0.1: 0.05, 0.3: 0.15, 1: 0.15, 0: 0.15} {
		x := begin(t, shop(), "latency-p95", func(t *runbook.Trigger) { t.Increase = increase })
		if got := latencyOf(x).margin; !like(got, want, 1e-12) {
			t.Errorf("+%v: %g, want %g", increase, got, want)
		}
	}
}

// A pod counts for five minutes after it last did something, whatever the trigger's window.
func TestActivePods(t *testing.T) {
	for _, window := range []int{2, 5, 15} {
		x := begin(t, shop(), "error-rate", func(t *runbook.Trigger) { t.For = minutes(window) })
		x.Observe(even([2]int{2, 4}, [2]float64{2, 4}, [2]float64{}))
		for i := range 2 * x.level {
			counts := even([2]int{1, 2}, [2]float64{2, 4}, [2]float64{})
			want := [2]int{1, 2}
			if i+1 < x.level {
				want = [2]int{2, 4}
			}
			if r := x.Observe(counts); r.Pods != want {
				t.Fatalf("window %d m: after %d intervals pods %v, want %v", window, i+1, r.Pods, want)
			}
		}
	}
}

// latencyOf is what is kept for latency.
func latencyOf(x *Test) *latency { return x.signal.family.(*latency) }
