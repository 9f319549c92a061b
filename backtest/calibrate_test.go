package backtest

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/test/sim"
)

// Equal pods give no false alarm and no dispersion.
func TestCalibrate(t *testing.T) {
	pods := pastPods("v1", 8, 60, 0, 10*time.Hour)
	c := Calibration{Runbook: pastBook(t, false), Source: openPast(t, pods, 42*time.Minute, false),
		From: pastStart, To: pastStart.Add(42 * time.Minute), Length: 20 * time.Minute, Draws: 2, Share: 0.3, Seed: 5}
	if sim.Raced {
		c.Length = 12 * time.Minute
		c.To = pastStart.Add(12 * time.Minute)
	}
	r, err := c.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := 4
	if sim.Raced {
		want = 2
	}
	if r.Trials != want || r.Any.Fired != 0 || len(r.Alarms) != 0 || r.Worse() || len(r.Warnings)+len(r.Skipped) > 0 {
		t.Errorf("got %+v", r)
	}
	if len(r.Triggers) != 3 || r.Any.High <= 0.3 {
		t.Errorf("rates: %+v %+v", r.Triggers, r.Any)
	}
	var triggers []string
	for _, d := range r.Dispersion {
		triggers = append(triggers, d.Trigger)
		if d.Median < 1 || d.Median > 1.6 || d.Looks == 0 {
			t.Errorf("dispersion of equal pods: %+v", d)
		}
	}
	if !slices.Equal(triggers, []string{"error-rate", "latency-p95", "sales-drop"}) {
		t.Errorf("triggers: %q", triggers)
	}
}

// If every posing pod is made sick, the alarm is there, and is counted.
func TestCalibrateCountsAlarms(t *testing.T) {
	pods := pastPods("v1", 6, 50, 0, 10*time.Hour)
	rb := pastBook(t, false)
	rb.Triggers = rb.Triggers[:1]
	c := Calibration{Runbook: rb, From: pastStart, To: pastStart.Add(12 * time.Minute), Length: 12 * time.Minute, Draws: 1, Share: 0.3, Seed: 5}
	sick := deal(rb, []cast{{"default", "v1", []string{"v1-0", "v1-1", "v1-2", "v1-3", "v1-4", "v1-5"}}}, c.Share, c.Seed, 0)
	n := 0
	for _, p := range pods {
		if sick.listed["default"][p.name] {
			n++
			p.errors = always(0.3)
		}
	}
	c.Source = openPast(t, pods, 12*time.Minute, false)
	r, err := c.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n != 2 || r.Trials != 1 || r.Any.Fired != 1 || r.Triggers[0].Fired != 1 || !r.Worse() || len(r.Alarms) == 0 || len(r.Alarms[0].Posing) != 2 {
		t.Errorf("%d sick pods: %+v", n, r)
	}
}

func TestCalibrateNeedsPods(t *testing.T) {
	c := Calibration{Runbook: pastBook(t, false), Source: openPast(t, pastPods("v1", 3, 10, 0, time.Hour), 5*time.Minute, false),
		From: pastStart, To: pastStart.Add(5 * time.Minute), Length: 5 * time.Minute, Draws: 1, Share: 0.3}
	r, err := c.Run(t.Context())
	if err != nil || r.Trials != 0 || len(r.Skipped) != 1 || !strings.Contains(r.Skipped[0], "3 pods, and 4 are needed") {
		t.Errorf("got %+v, %v", r, err)
	}
	c.Length = time.Second
	if _, err := c.Run(t.Context()); err == nil {
		t.Error("a trial shorter than the warm-up was run")
	}
}

func TestDealIsSeeded(t *testing.T) {
	rb := pastBook(t, false)
	casts := []cast{{"default", "v1", []string{"a", "b", "c", "d", "e", "f", "g", "h"}}}
	one, same, other := deal(rb, casts, 0.3, 1, 0), deal(rb, casts, 0.3, 1, 0), deal(rb, casts, 0.3, 1, 1)
	if !reflect.DeepEqual(one.listed, same.listed) || reflect.DeepEqual(one.listed, other.listed) {
		t.Errorf("%v %v %v", one.listed, same.listed, other.listed)
	}
	for n, want := range map[int]int{4: 2, 5: 2, 10: 3, 20: 6} {
		if got := posing(n, 0.3); got != want {
			t.Errorf("of %d pods %d pose, want %d", n, got, want)
		}
	}
}

// Values from tables.
func TestBounds(t *testing.T) {
	for _, c := range []struct {
		k, n      int
		low, high float64
	}{{0, 10, 0, 0.3085}, {1, 10, 0.0025, 0.4450}, {10, 10, 0.6915, 1}, {5, 50, 0.0333, 0.2181}, {0, 1320, 0, 0.00279}} {
		r := (&trials{count: c.n, fired: map[string]int{"x": c.k}}).rate("x")
		if low, high := r.Low, r.High; math.Abs(low-c.low) > 1e-4 || math.Abs(high-c.high) > 1e-4 {
			t.Errorf("%d of %d: %g to %g, want %g to %g", c.k, c.n, low, high, c.low, c.high)
		}
	}
}
