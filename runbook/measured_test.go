package runbook_test

import (
	"math"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// What is drawn of each type, and the limit beside it, where stable is at 0.1.
func TestWhatIsDrawn(t *testing.T) {
	rb, err := runbook.Load("testdata/good/vocabulary.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		name, unit, limit string
		at                float64
	}{
		"errors-up":     {"error rate, over 5m", "ratio", "0.5 points and 1.5 × above stable", 0.15},
		"latency-limit": {"P99 latency, over 1m", "s", "2 s", 2},
		"nulls":         {"missing values of the worst feature, above stable, over 5m", "points", "1 points", 0.01},
		"schema":        {"schema mismatches, over 5m", "ratio", "0.1 % and 1.5 × stable", 0.15},
		"score-shift":   {"distance of score from stable, over 30m", "ratio", "10 %", 0.1},
		"score-psi":     {"PSI of score against stable, over 30m", "", "PSI 0.25", 0.25},
		"score-world":   {"distance of score from reference, over 30m", "ratio", "10 %", 0.1},
		"starved":       {"requests of the candidate, over 3m", "req/s", "50 % of what its weight asks for", 0.05},
		"fallbacks":     {`fallbacks_total{kind="empty"} of http_requests_total, over 5m`, "ratio", "0.5 points and 1.5 × above stable", 0.15},
		"queue":         {"queue_length > 100, all the time for 5m", "", "", math.NaN()},
		"drift":         {"drift score, in times its threshold, over 5m", "", "1", 1},
	} {
		tr, ok := rb.Trigger(name)
		m, at := rb.Measured(tr), tr.LimitAt(0.1)
		if !ok || m.Name != want.name || m.Unit != want.unit || m.Limit != want.limit {
			t.Errorf("%s: %+v, want %+v", name, m, want)
		}
		if math.Abs(at-want.at) > 1e-9 || math.IsNaN(at) != math.IsNaN(want.at) {
			t.Errorf("%s: limit %v, want %v", name, at, want.at)
		}
	}
	for _, c := range []struct {
		trigger runbook.Trigger
		at      float64
	}{
		{runbook.Trigger{Type: runbook.LatencyQuantile, Increase: 0.3}, 0.13},
		{runbook.Trigger{Type: runbook.LatencyQuantile, Increase: 0.3, Ceiling: runbook.Duration(120 * time.Millisecond)}, 0.12},
		{runbook.Trigger{Type: runbook.LatencyMean, Increase: 0.3}, 1.3},
		{runbook.Trigger{Type: runbook.LatencyMean, Ceiling: runbook.Duration(time.Second)}, 1},
		{runbook.Trigger{Type: runbook.ErrorRate, Above: 0.05}, 0.15},
		{runbook.Trigger{Type: runbook.ErrorRate, Above: 0.2}, 0.2},
		{runbook.Trigger{Type: runbook.KPIDrop, Drop: 0.02}, 0.098},
		{runbook.Trigger{Type: runbook.AbsoluteSLO, Above: 0.02}, 0.02},
		{runbook.Trigger{Type: runbook.AbsoluteSLO, Ceiling: runbook.Duration(time.Second)}, 1},
	} {
		if got := c.trigger.LimitAt(0.1); math.Abs(got-c.at) > 1e-9 {
			t.Errorf("%s: limit %v, want %v", c.trigger.Type, got, c.at)
		}
	}
	alone := runbook.Trigger{Type: runbook.ErrorRate, Above: 0.05}
	if got := alone.LimitAt(math.NaN()); got != 0.05 {
		t.Errorf("where nothing is known of stable the limit is %v", got)
	}
}
