package quality

import (
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// Runbook is the one that the suite judges by: all triggers that compare, with the
// numbers of the templates, and each asks for a rollback. What the trace does not
// count has no trigger.
func Runbook(s Shape) *runbook.Runbook {
	rb := &runbook.Runbook{
		Schema: 1, Service: "ranker", Regions: []string{runbook.DefaultRegion}, Digest: "sha256:quality",
		Metrics: runbook.Metrics{
			Selector: `job="ranker"`, Interval: runbook.Duration(s.Interval), VersionLabel: "version", PodLabel: "instance",
			Warmup:   runbook.Duration(warmup),
			Requests: runbook.Requests{Counter: "requests_total", Errors: `code=~"5.."`},
		},
	}
	m := &rb.Metrics
	add := func(t runbook.Trigger, minutes int) {
		t.Severity, t.For = runbook.Severe, runbook.Duration(time.Duration(minutes)*time.Minute)
		rb.Triggers = append(rb.Triggers, t)
	}
	if len(s.Latency) > 0 {
		m.Latency = &runbook.Latency{Histogram: "latency_seconds", Kind: runbook.Classic, Buckets: s.Latency}
		add(runbook.Trigger{Name: "latency-p95", Type: runbook.LatencyQuantile, Quantile: 0.95, Increase: 0.3}, 5)
	}
	if s.Errors {
		add(runbook.Trigger{Name: "error-rate", Type: runbook.ErrorRate, Above: 0.05}, 3)
		add(runbook.Trigger{Name: "error-increase", Type: runbook.ErrorIncrease, By: 0.005, MinRatio: 1.5}, 5)
	}
	if s.KPI {
		m.KPIs = []runbook.KPI{{Name: "conversion", Successes: "conversions_total", Trials: "trials_total"}}
		add(runbook.Trigger{Name: "conversion-drop", Type: runbook.KPIDrop, KPI: "conversion", Drop: 0.02}, 15)
	}
	if len(s.Features) > 0 {
		m.Features = &runbook.FeatureNulls{Nulls: "nulls_total", Rows: "rows_total", Label: "feature"}
		add(runbook.Trigger{Name: "null-spike", Type: runbook.NullSpike, By: 0.01}, 5)
	}
	if s.Schema {
		m.Schema = &runbook.Schemas{Mismatches: "mismatches_total", Checked: "checks_total"}
		add(runbook.Trigger{Name: "schema-mismatch", Type: runbook.SchemaMismatch, Above: 0.001}, 5)
	}
	if len(s.Score) > 0 {
		m.Distributions = []runbook.Distribution{{Name: "score", Histogram: "score", Kind: runbook.Classic, Buckets: s.Score}}
		add(runbook.Trigger{Name: "score-shift", Type: runbook.DistributionShift, Distribution: "score", Distance: 0.1, Against: runbook.AgainstStable}, 30)
	}
	if s.Weight {
		add(runbook.Trigger{Name: "starved", Type: runbook.CanaryStarved, Below: 0.5}, 3)
	}
	return rb
}
