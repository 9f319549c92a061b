package rules

import (
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// everything is eight, and the types that it lacks.
func everything(service string) *runbook.Runbook {
	rb := eight(service)
	minutes := func(n int) runbook.Duration { return dur(time.Duration(n) * time.Minute) }
	rb.Metrics.Drift.Selector = rb.Metrics.Selector
	rb.Triggers = append(rb.Triggers,
		runbook.Trigger{Name: "queue", Type: runbook.Anomaly, Severity: runbook.Mild, For: minutes(2), Expr: "sum by (dc) (queue_length) > 100"},
		runbook.Trigger{Name: "drift", Type: runbook.DriftGauge, Severity: runbook.Mild, For: minutes(2)},
		runbook.Trigger{Name: "psi", Type: runbook.DistributionShift, Severity: runbook.Mild, For: minutes(10), Distribution: "score", PSI: 0.25, Against: runbook.AgainstStable},
		runbook.Trigger{Name: "steady", Type: runbook.ErrorRate, Severity: runbook.Severe, For: minutes(2), Above: 0.05, Style: runbook.ByThreshold},
		runbook.Trigger{Name: "pair", Type: runbook.Compare, Severity: runbook.Severe, For: minutes(5), By: 0.005, MinRatio: 1.5, Bad: "mismatches_total", All: "requests_total"})
	return rb
}

// gauges adds drift scores and a queue, too long in one region only.
func gauges(pods []*pod) []*pod {
	gauge := func(name string, v func(p *pod) float64) {
		with(pods, func(p *pod) *extra { return &extra{name: name, gauge: constant(v(p))} })
	}
	gauge("queue_length", func(p *pod) float64 { return map[string]float64{"us": 90}[p.region] })
	gauge("ml_drift_score", func(*pod) float64 { return 0.05 })
	gauge("ml_drift_threshold", func(*pod) float64 { return 0.1 })
	gauge("ml_drift_last_run_timestamp_seconds", func(*pod) float64 { return float64(time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC).Unix()) })
	return pods
}

func region(name string, pods []*pod) []*pod {
	return of(pods, everyPod, func(p *pod) { p.region, p.name = name, name+"-"+p.name })
}

// All types at once, two regions, one of them sick: no rule fails, and the other
// region has no part in it.
func TestVocabularyInTwoRegions(t *testing.T) {
	bulk(t)
	rb := everything("ranker")
	rb.Regions, rb.Metrics.RegionLabel = []string{"eu", "us"}, "dc"
	begin := 4 * time.Minute
	eu := region("eu", serving("ranker"))
	us := of(region("us", serving("ranker")), candidates, func(p *pod) { p.errors = after(begin, 0.005, 0.3) })
	w := newWorld(t, 41, gauges(append(eu, us...)), rb)
	w.weight = func(p *pod, _ time.Duration) float64 { return map[bool]float64{true: 20, false: 80}[p.candidate()] }
	w.proves = provedFrom(begin)
	fires(t, w.run(9*time.Minute), "ranker/error-rate us", "ranker/errors-up us", "ranker/queue us", "ranker/steady us")
}

func TestVocabularyByTrack(t *testing.T) {
	bulk(t)
	rb := everything("ranker")
	rb.Triggers[8].Expr = "sum(queue_length) > 100"
	rb.Metrics.VersionLabel, rb.Metrics.Track = "", &runbook.Track{Label: "track", Stable: "main", Candidate: "canary"}
	pods := of(serving("ranker"), candidates, func(p *pod) { p.errors = after(4*time.Minute, 0.005, 0.3) })
	w := newWorld(t, 42, gauges(pods), rb)
	w.weight = func(p *pod, _ time.Duration) float64 { return map[bool]float64{true: 20, false: 80}[p.candidate()] }
	w.daemons, w.proves = 2, provedFrom(4*time.Minute)
	fires(t, w.run(9*time.Minute), "ranker/error-rate default", "ranker/errors-up default", "ranker/steady default")
	q, err := Ask(rb)
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range everyQuestion(t, q, release("default")) {
		if e.IsZero() {
			t.Errorf("%s cannot be asked", name)
		}
		w.ask(e)
	}
}
