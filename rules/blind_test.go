package rules

import (
	"slices"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// One name that is mistyped is one signal that nobody can judge, whatever the others say.
func TestOneDeadSignalIsBlind(t *testing.T) {
	bulk(t)
	for name, mistype := range map[string]func(m *runbook.Metrics){
		"requests":       func(m *runbook.Metrics) { m.Requests.Counter = "request_total" },
		"latency":        func(m *runbook.Metrics) { m.Latency.Histogram = "latency_second" },
		"highest bucket": func(m *runbook.Metrics) { m.Latency.Buckets = append(slices.Clone(m.Latency.Buckets), 7) },
		"trials":         func(m *runbook.Metrics) { m.KPIs[0].Trials = "trial_total" },
		"successes":      func(m *runbook.Metrics) { m.KPIs[0].Successes = "conversion_total" },
		"rows":           func(m *runbook.Metrics) { m.Features.Rows = "row_total" },
		"checks":         func(m *runbook.Metrics) { m.Schema.Checked = "check_total" },
		"scores":         func(m *runbook.Metrics) { m.Distributions[0].Histogram = "scores" },
		"none":           func(*runbook.Metrics) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rb := eight("ranker")
			for i := range rb.Triggers {
				rb.Triggers[i].For = dur(5 * time.Minute)
			}
			mistype(&rb.Metrics)
			w := newWorld(t, 71, serving("ranker"), rb)
			w.weight = func(p *pod, _ time.Duration) float64 { return map[bool]float64{true: 20, false: 80}[p.candidate()] }
			w.proves = func(string, time.Duration) float64 { return 0.5 }
			got := w.run(6 * time.Minute)
			if name == "none" {
				fires(t, got)
				return
			}
			fires(t, got, "ranker/blind default")
			if at := got["ranker/blind default"]; at < 5*time.Minute || at > 5*time.Minute+2*w.interval {
				t.Errorf("blind at %s, want it after 5 minutes", at)
			}
		})
	}
}
