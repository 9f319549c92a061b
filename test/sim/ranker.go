package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// Bounds are those of the [Ranker]'s latency histogram, in seconds.
var Bounds = []float64{0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.75, 1, 1.5, 2.5}

// Ranker is a runbook of the kind a team writes.
func Ranker(service string) *runbook.Runbook {
	return &runbook.Runbook{
		Schema: 1, Service: service, Regions: []string{runbook.DefaultRegion}, Digest: "sha256:feed",
		Metrics: runbook.Metrics{
			Selector: fmt.Sprintf("job=%q", service), Interval: dur(15 * time.Second), VersionLabel: "version", PodLabel: "instance",
			Requests: runbook.Requests{Counter: "requests_total", Errors: `code=~"5..|timeout"`},
			Latency:  &runbook.Latency{Histogram: "latency_seconds", Kind: runbook.Classic, Buckets: slices.Clone(Bounds)},
			KPIs:     []runbook.KPI{{Name: "conversion", Successes: "conversions_total", Trials: "trials_total"}},
		},
		Triggers: []runbook.Trigger{
			{Name: "latency-p95", Type: runbook.LatencyQuantile, Severity: runbook.Severe, For: dur(5 * time.Minute), Quantile: 0.95, Increase: 0.3},
			{Name: "error-rate", Type: runbook.ErrorRate, Severity: runbook.Severe, For: dur(3 * time.Minute), Above: 0.05},
			{Name: "conversion-drop", Type: runbook.KPIDrop, Severity: runbook.Mild, For: dur(15 * time.Minute), KPI: "conversion", Drop: 0.02},
			{Name: "users-see-errors", Type: runbook.AbsoluteSLO, Severity: runbook.Page, For: dur(3 * time.Minute), Above: 0.04},
			{Name: "users-wait", Type: runbook.AbsoluteSLO, Severity: runbook.Page, For: dur(3 * time.Minute), Quantile: 0.95, Ceiling: dur(800 * time.Millisecond)},
		},
		Verification: runbook.Verification{
			Window: dur(time.Minute), MinRequests: 100,
			System:   runbook.SystemChecks{ErrorRate: runbook.ErrorRateCheck{Below: 0.02, Tolerance: 0.005}, Latency: &runbook.LatencyCheck{Quantile: 0.95, Below: dur(500 * time.Millisecond), Tolerance: 0.15}},
			Business: []runbook.BusinessCheck{{KPI: "conversion", Tolerance: 0.05}},
		},
	}
}

// Shop is the [Ranker] with the revenue per trial instead of a conversion.
func Shop() *runbook.Runbook {
	rb := Ranker("ranker")
	rb.Metrics.KPIs = []runbook.KPI{{Name: "revenue", Sum: "revenue_total", Squares: "revenue_squared_total", Trials: "trials_total", Unit: "EUR"}}
	for i := range rb.Triggers {
		if t := &rb.Triggers[i]; t.Type == runbook.KPIDrop {
			t.Name, t.KPI = "revenue-drop", "revenue"
		}
	}
	rb.Verification.Business = []runbook.BusinessCheck{{KPI: "revenue", Tolerance: 0.05}}
	return rb
}

func dur(d time.Duration) runbook.Duration { return runbook.Duration(d) }
