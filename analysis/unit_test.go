package analysis

import (
	"slices"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// A histogram in milliseconds says what the same one in seconds does, and in seconds.
func TestUnitsOfALatency(t *testing.T) {
	open := func(unit runbook.Unit, change func(*runbook.Trigger)) *Test {
		rb := shop()
		l := *rb.Metrics.Latency
		l.Buckets, l.Unit = slices.Clone(l.Buckets), unit
		for i := range l.Buckets {
			l.Buckets[i] *= unit.PerSecond()
		}
		rb.Metrics.Latency = &l
		return begin(t, rb, "latency-p95", change)
	}
	for name, change := range map[string]func(*runbook.Trigger){
		"an increase": func(*runbook.Trigger) {},
		"a ceiling":   func(x *runbook.Trigger) { x.Increase, x.Ceiling = 0, runbook.Duration(300*time.Millisecond) },
		"either":      func(x *runbook.Trigger) { x.Increase, x.Ceiling = 3, runbook.Duration(300*time.Millisecond) },
	} {
		for _, unit := range []runbook.Unit{runbook.InMilliseconds, runbook.InMicroseconds} {
			plain, scaled, passed := open("", change), open(unit, change), 0
			f := feed{rnd: seeded(5), rate: 40, share: 0.3, pods: [2]int{3, 5}, level: [2]float64{0.16, 0.1}}
			for i := range 80 {
				counts := f.counts(Latency)
				if i < 4 {
					plain.Warm(counts)
					scaled.Warm(counts)
					continue
				}
				want, got := plain.Observe(counts), scaled.Observe(counts)
				if got.Gate != want.Gate || !like(got.Effect, want.Effect, 1e-9) || !like(got.Level[0], want.Level[0], 1e-9) || !like(got.Significance, want.Significance, 1e-6) {
					t.Fatalf("%s in %s, interval %d: %+v, in seconds %+v", name, unit, i, got, want)
				}
				if got.Gate {
					passed++
				}
			}
			if passed == 0 {
				t.Errorf("%s in %s: a candidate that is 60 %% slower never passes", name, unit)
			}
			if a, b := scaled.Smallest(), plain.Smallest(); !like(a, b, 1e-6) {
				t.Errorf("%s in %s: the smallest effect is %g, in seconds %g", name, unit, a, b)
			}
		}
	}
}

func TestMeasuresOfSeveralLatencies(t *testing.T) {
	for name, want := range map[string]string{"": "latency", "ttft": "latency/ttft"} {
		if got := MeasureOf(runbook.Trigger{Type: runbook.LatencyQuantile, Latency: name}); got != want {
			t.Errorf("the latency %q is measured as %s", name, got)
		}
	}
	if got := MeasureOf(runbook.Trigger{Type: runbook.LatencyMean, Latency: "infer"}); got != "" {
		t.Errorf("a mean is measured as %s", got)
	}
}
