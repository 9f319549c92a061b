package quality

import (
	"slices"
	"testing"
	"time"

	"github.com/autorollback/autorollback/test/sim"
)

const evaluation = 30 * time.Second

// The small part of the suite: one release of 24 h of each family at each traffic.
// Fixed seeds, so that a change of the statistic shows.
func TestSmallTable(t *testing.T) {
	sim.Bulk(t)
	outcomes, err := Run(t.Context(), Plan{Scenarios: scenarios(t), First: 1, Seeds: 3, Ablations: 3, Interval: evaluation, Workers: 2}, nil)
	if err != nil {
		t.Fatal(err)
	}
	Table{Outcomes: outcomes}.Write(t.Output())
	r := Summary(outcomes)
	if s := r.Good[Ours]; s.Traces != 36 || s.False > 1 {
		t.Errorf("%d of %d good releases are rolled back, want 1 at most", s.False, s.Traces)
	}
	if s := r.Bad[Ours]; s.Traces != 36 || s.False > 0 || s.Median == nil || *s.Median > 600 {
		t.Errorf("bad releases: %+v", s)
	}
	for name, by := range r.Scenarios {
		// 5 % fewer conversions at 20 requests per second need more than a day.
		if s := by[Ours]; s.Missed > 0 && name != "kpi-minus-5-percent" {
			t.Errorf("%s: %d of %d missed", name, s.Missed, s.Traces)
		}
	}
	breaks := func(judge, scenario string) {
		t.Helper()
		if with, out := r.Scenarios[scenario][Ours], r.Scenarios[scenario][judge]; out.False <= with.False {
			t.Errorf("%s: %d of %d rolled back %s, %d with all parts: the part is good for nothing there", scenario, out.False, out.Traces, judge, with.False)
		}
	}
	breaks(withoutProof, "low-traffic")
	breaks(withoutGuard, "noisy-pod")
	breaks(withoutDispersion, "sticky-kpi")
	breaks(withoutDispersion, "error-bursts")
	if full, without := r.Bad[Ours], r.Bad[withoutTrailing]; without.Median != nil && *without.Median < 2**full.Median {
		t.Errorf("without the trailing windows harm is found after %g s, with them after %g s", *without.Median, *full.Median)
	}
}

// Under the race detector: several traces at a time, all judges.
func TestRunIsTheSameForAnyNumberOfWorkers(t *testing.T) {
	plan := Plan{Scenarios: scenarios(t)[:4], First: 1, Seeds: 1, Ablations: 1, Interval: evaluation, Length: 40 * time.Minute, Workers: 1}
	one, err := Run(t.Context(), plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	plan.Workers = 4
	four, err := Run(t.Context(), plan, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(one, four, func(a, b Outcome) bool {
		for judge, d := range a.By {
			if b.By[judge] != d {
				return false
			}
		}
		return a.Scenario == b.Scenario && len(a.By) == len(b.By)
	}) {
		t.Error("one worker and four decide differently")
	}
}
