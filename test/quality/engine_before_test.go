package quality

import (
	"math"
	"testing"
)

const restless = `
name: restless
kind: good
changes:
  - {side: both, per_hour: 2, lasts: 1m..3m, errors: 0.2, latency: 2, conversion: 0.8, nulls: 0.1, mismatches: 0.05, skew: 1.2}
`

// What the daemon asks Prometheus about the hour before a release is what the reference
// makes of the same hour, for every signal.
func TestTheHourBefore(t *testing.T) {
	bulk(t)
	s, err := ParseScenario("restless.yaml", []byte(restless))
	if err != nil {
		t.Fatal(err)
	}
	s.Rates = []Number{{200, 200}}
	shape := GeneratedShape(evaluation)
	trace, _ := Generate(s, shape, 3, warmup)
	rb := Runbook(shape)
	engine, err := NewEngine(rb, shape)
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	bench, err := newBench(rb, shape, true)
	if err != nil {
		t.Fatal(err)
	}
	frames := newTracker(shape)
	for tick, ok := trace.Next(); ok; tick, ok = trace.Next() {
		if _, err := engine.Take(t.Context(), tick); err != nil {
			t.Fatal(err)
		}
		bench.take(frames.take(tick))
	}
	signals := map[string]string{"latency-p95": "latency_p95", "error-rate": "errors", "error-increase": "errors", "conversion-drop": "kpi_conversion",
		"null-spike": "nulls", "schema-mismatch": "schema", "score-shift": "shift_score"}
	for i, trigger := range bench.triggers {
		asked, reference := engine.before[signals[trigger.Name]], bench.results[i].Dispersion
		t.Logf("%s: %.3f asked, %.3f by the reference", trigger.Name, asked, reference)
		if name, ok := signals[trigger.Name]; ok && (asked < 3 || math.Abs(asked/reference-1) > 0.02) {
			t.Errorf("%s: dispersion %g asked, %g by the reference; want the same, and great", name, asked, reference)
		}
	}
	if len(engine.before) != 6 {
		t.Errorf("asked for %v", engine.before)
	}
}
