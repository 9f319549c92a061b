package rules

import (
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// Whether the references decide as the rules do is tested in test/quality, with the
// real engine. Here: which there are.
func TestReferenceOfEveryProvedTrigger(t *testing.T) {
	evidence := runbook.Trigger{Severity: runbook.Severe, For: dur(5 * time.Minute)}
	of := func(change func(*runbook.Trigger)) runbook.Trigger {
		out := evidence
		change(&out)
		out.Name = string(out.Type)
		return out
	}
	for _, c := range []struct {
		name    string
		trigger runbook.Trigger
		refused bool
	}{
		{"errors", of(func(t *runbook.Trigger) { t.Type, t.Above = runbook.ErrorRate, 0.05 }), false},
		{"increase", of(func(t *runbook.Trigger) { t.Type, t.By, t.MinRatio = runbook.ErrorIncrease, 0.005, 1.5 }), false},
		{"schema", of(func(t *runbook.Trigger) { t.Type, t.Above = runbook.SchemaMismatch, 0.001 }), false},
		{"nulls", of(func(t *runbook.Trigger) { t.Type, t.By = runbook.NullSpike, 0.01 }), false},
		{"shift", of(func(t *runbook.Trigger) {
			t.Type, t.Distribution, t.Distance, t.Against = runbook.DistributionShift, "score", 0.1, runbook.AgainstStable
		}), false},
		{"starved", of(func(t *runbook.Trigger) { t.Type, t.Below = runbook.CanaryStarved, 0.5 }), false},
		{"compare", of(func(t *runbook.Trigger) {
			t.Type, t.Bad, t.All, t.By, t.MinRatio = runbook.Compare, "bad_total", "all_total", 0.005, 1.5
		}), false},
		{"psi", of(func(t *runbook.Trigger) {
			t.Type, t.Distribution, t.PSI, t.Against = runbook.DistributionShift, "score", 0.25, runbook.AgainstStable
		}), true},
		{"ceiling", of(func(t *runbook.Trigger) {
			t.Type, t.Quantile, t.Ceiling = runbook.LatencyQuantile, 0.95, dur(time.Second)
		}), true},
		{"threshold", of(func(t *runbook.Trigger) { t.Type, t.Above, t.Style = runbook.ErrorRate, 0.05, runbook.ByThreshold }), true},
		{"absolute", of(func(t *runbook.Trigger) { t.Type, t.Above = runbook.AbsoluteSLO, 0.05 }), true},
	} {
		if _, err := ReferenceOf(data(c.trigger), c.trigger.Name); (err != nil) != c.refused {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A daemon that was away leaves a hole: what was proved before it is still proved
// after it over the whole release, and no longer over the window that has passed.
func TestReferenceSkipsWhatNobodyNamed(t *testing.T) {
	r, err := ReferenceOf(ranker("ranker"), "error-rate")
	if err != nil {
		t.Fatal(err)
	}
	counts := func(bad float64) []PodCount {
		return []PodCount{{Pod: "c1", Role: runbook.Candidate, All: 100, Bad: bad}, {Pod: "c2", Role: runbook.Candidate, All: 100, Bad: bad},
			{Pod: "s1", Role: runbook.Stable, All: 300, Bad: 1}, {Pod: "s2", Role: runbook.Stable, All: 300, Bad: 1}, {Pod: "s3", Role: runbook.Stable, All: 300, Bad: 1}}
	}
	var before, after Verdict
	for range 20 {
		before = r.Observe(counts(20))
	}
	for range 60 {
		r.Skip(counts(20))
	}
	after = r.Observe(nil)
	if !before.Fires() || after.Fires() {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if after.Evidence[0] < before.Evidence[0]/2 || after.Evidence[3] > 0 {
		t.Errorf("evidence before %v, after %v", before.Evidence, after.Evidence)
	}
}
