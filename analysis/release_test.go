package analysis

import (
	"strings"
	"testing"

	"github.com/autorollback/autorollback/runbook"
)

func TestNewRefuses(t *testing.T) {
	absolute := runbook.Trigger{Name: "slo", Type: runbook.AbsoluteSLO, Above: 0.04, For: minutes(3)}
	anomaly := runbook.Trigger{Name: "anomaly", Type: runbook.Anomaly, Expr: "up", For: minutes(3)}
	gauge := runbook.Trigger{Name: "drift", Type: runbook.DriftGauge, For: minutes(3)}
	rb := shop("latency-p95", "conversion-drop", "shift")
	rb.Triggers = append(rb.Triggers, absolute, anomaly, gauge)
	for name, want := range map[string]string{
		"none": `no trigger "none"`, "slo": "absolute_slo compares nothing", "anomaly": "anomaly compares nothing", "drift": "drift_gauge compares nothing",
	} {
		if _, err := New(rb, name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if r, err := NewRelease(rb); err != nil || len(r.tests) != 3 {
		t.Errorf("%v, %v", r, err)
	}
	rb.Metrics = runbook.Metrics{Interval: rb.Metrics.Interval}
	for name, want := range map[string]string{
		"latency-p95": "metrics.latency is missing", "conversion-drop": `kpi "conversion" is not declared`, "shift": `distribution "score" is not declared`,
	} {
		if _, err := New(rb, name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if _, err := NewRelease(rb); err == nil {
		t.Error("a release measures what is not declared")
	}
}

// Every kind of trigger finds great harm on all pods within minutes, is silent without
// harm, and says nothing against one pod of four.
func TestEveryKindFindsHarm(t *testing.T) {
	for _, c := range []struct {
		trigger   string
		good, bad float64
		rate      float64
	}{
		{"error-rate", 0.01, 0.2, 100}, {"error-increase", 0.01, 0.1, 100}, {"compare", 0.01, 0.1, 100}, {"schema", 0.0005, 0.05, 100},
		{"latency-p95", 0.1, 0.2, 100}, {"conversion-drop", 0.2, 0.1, 200}, {"revenue-drop", 20, 8, 100},
		{"null-spike", 0.01, 0.2, 100}, {"shift", 1, 3, 100}, {"psi", 1, 3, 100}, {"starved", 1, 1, 100},
	} {
		trigger := triggers()[c.trigger]
		run := func(harmed int) (fired int) {
			x := begin(t, shop(c.trigger), c.trigger)
			f := feed{rnd: seeded(8), rate: c.rate, share: 0.25, pods: [2]int{4, 6}, level: [2]float64{c.good, c.good}}
			sick := f
			sick.level[0] = c.bad
			if c.trigger == "starved" {
				sick.share = 0.05
			}
			for i := range 360 {
				counts := f.counts(MeasureOf(trigger))
				if i < 8 {
					x.Warm(counts)
					continue
				}
				if i >= 240 {
					copy(counts[:harmed], sick.counts(MeasureOf(trigger)))
				}
				x.Weigh(0.25, true)
				if r := x.Observe(counts); r.Fires() && fired == 0 {
					fired = i
				}
			}
			return fired
		}
		if fired := run(4); fired < 240 || fired > 280 {
			t.Errorf("%s: fires at %d, want soon after 240", c.trigger, fired)
		}
		for _, harmed := range []int{0, 1} {
			if fired := run(harmed); fired != 0 {
				t.Errorf("%s: fires at %d with harm on %d pods", c.trigger, fired, harmed)
			}
		}
	}
}

func TestMeasures(t *testing.T) {
	for name, want := range map[string]string{
		"error-rate": "requests", "error-increase": "requests", "latency-p95": "latency", "conversion-drop": "kpi/conversion", "revenue-drop": "kpi/revenue",
		"null-spike": "features", "schema": "schema", "shift": "distribution/score", "psi": "distribution/score", "compare": "compare/compare", "starved": "traffic",
	} {
		trigger, _ := shop(name).Trigger(name)
		if got := MeasureOf(trigger); got != want {
			t.Errorf("%s measures %q, want %q", name, got, want)
		}
	}
	if got := MeasureOf(runbook.Trigger{Type: runbook.AbsoluteSLO, Above: 1}); got != "" {
		t.Errorf("a limit measures %q", got)
	}
}

// A release's tests share α, those that ask for no proof aside.
func TestAlphaIsShared(t *testing.T) {
	rb := shop("error-rate", "error-increase", "schema", "starved")
	rb.Triggers[1].Style = runbook.ByThreshold
	if got := Proved(rb); got != 3 {
		t.Errorf("%d triggers share, want 3", got)
	}
	x := begin(t, rb, "error-rate")
	if release, trailing := Bars(3, every); x.release != release || x.trailing != trailing {
		t.Errorf("bars %g and %g, want %g and %g", x.release, x.trailing, release, trailing)
	}
}
