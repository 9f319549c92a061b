package analysis

import (
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

func byThreshold(t *runbook.Trigger) { t.Style = runbook.ByThreshold }

// A bare threshold wants samples on both sides in its window, and the harm on more than
// one pod.
func TestThreshold(t *testing.T) {
	pods := func(all, bad, stableAll, stableBad float64, more ...PodCount) []PodCount {
		return append(even([2]int{2, 4}, [2]float64{all, stableAll}, [2]float64{bad, stableBad}), more...)
	}
	for _, c := range []struct {
		name                string
		counts              []PodCount
		proved, alone, sure bool
	}{
		{"enough of both", pods(100, 10, 400, 4), true, true, true},
		{"too few of the candidate", pods(99, 10, 400, 4), false, true, false},
		{"too few of stable", pods(400, 40, 99, 1), false, true, false},
		{"exactly 1.25 times stable's", pods(400, 20, 400, 16), true, false, false},
		{"a little more", pods(400, 20.1, 400, 16), true, true, true},
		{"no errors of stable", pods(400, 40, 400, 0), true, true, true},
		{"no errors at all", pods(400, 0, 400, 0), true, false, false},
		{"stable is not seen", pods(400, 40, 0, 0), false, false, false},
		{"one pod", append(even([2]int{0, 4}, [2]float64{0, 400}, [2]float64{0, 4}), PodCount{Pod: "c", Role: runbook.Candidate, All: 200, Bad: 20}), true, true, true},
		{"one pod of three fails", pods(200, 2, 400, 4, PodCount{Pod: "c", Role: runbook.Candidate, All: 100, Bad: 80}), true, false, false},
	} {
		x := begin(t, shop(), "error-rate", byThreshold)
		r := x.Observe(c.counts)
		if r.Proved != c.proved || r.Widespread != c.alone || (r.Significance >= 1) != c.sure {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
}

// Samples and pods are those of the trigger's window, the effect that of four intervals.
func TestThresholdWindows(t *testing.T) {
	x := begin(t, shop(), "error-rate", byThreshold)
	if n := int(3 * time.Minute / every); x.lasts != n || x.gate != ThresholdIntervals {
		t.Fatalf("lasts %d, gate %d", x.lasts, x.gate)
	}
	var r Result
	for range 12 {
		r = x.Observe(even([2]int{2, 4}, [2]float64{9, 9}, [2]float64{2, 0}))
	}
	if r.Significance < 1 {
		t.Errorf("108 requests of each side in three minutes: %+v", r)
	}
	for range 2 {
		r = x.Observe(nil)
	}
	if r.Significance >= 1 || !r.Gate {
		t.Errorf("two lost intervals: %+v", r)
	}
	for range 2 {
		r = x.Observe(nil)
	}
	if r.Gate {
		t.Errorf("four lost intervals: %+v", r)
	}
}

// The runbook's number of requests, or 100.
func TestMinRequests(t *testing.T) {
	rb := shop()
	if got := MinRequests(rb); got != 100 {
		t.Errorf("%g", got)
	}
	rb.Verification.MinRequests = 30
	if got := MinRequests(rb); got != 30 {
		t.Errorf("%g", got)
	}
}
