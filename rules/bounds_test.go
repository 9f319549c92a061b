package rules

import (
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/autorollback/autorollback/runbook"
)

func TestBoundsAreFoundHoweverTheyAreWritten(t *testing.T) {
	for _, c := range []struct {
		bound        float64
		finds, skips []string
	}{
		{1, []string{"1", "1.0", "1.00"}, []string{"10", "0.1", "1.5", "11", "1e+06"}},
		{0.25, []string{"0.25"}, []string{"0.255", "0.2", "0x25", "10.25"}},
		{2.5, []string{"2.5"}, []string{"25", "2.55"}},
		{1e6, []string{"1e+06", "1000000", "1000000.0", "1.0E6", "1e6", "1.0e+06"}, []string{"1e+07", "10000000", "100000", "1e+60", "11e+06"}},
		{2.5e6, []string{"2.5e+06", "2500000", "2500000.0", "2.5E6"}, []string{"2e+06", "25e+06", "2500000.5"}},
		{1e-5, []string{"1e-05", "0.00001", "1.0E-5"}, []string{"1e+05", "100000", "1e-15"}},
		{0.0005, []string{"0.0005", "5e-04", "5.0E-4"}, []string{"0.005", "5e+04"}},
		{100000, []string{"100000", "100000.0"}, []string{"1000000", "10000"}},
	} {
		found, err := parser.NewParser(parser.Options{}).ParseMetricSelector("{" + leIn(c.bound) + "}")
		if err != nil {
			t.Fatal(err)
		}
		m := found[0]
		if m.Name != labels.BucketLabel || m.Type != labels.MatchRegexp {
			t.Fatalf("%s", m)
		}
		for _, s := range c.finds {
			if !m.Matches(s) {
				t.Errorf("%g is not found as %s by %s", c.bound, s, m)
			}
		}
		for _, s := range c.skips {
			if m.Matches(s) {
				t.Errorf("%g is found as %s by %s", c.bound, s, m)
			}
		}
	}
}

// A distribution whose bounds the server writes in another way than the runbook.
func TestOtherSpellingsOfBoundsInTheEngine(t *testing.T) {
	bulk(t)
	for name, spelled := range map[string][]string{"plain": {"1000000", "2000000.0", "3.0E6"}, "as Prometheus 3": {"1e+06", "2e+06", "3e+06"}, "one half each": {"1000000", "2e+06", "3000000.0"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rb := data(runbook.Trigger{Name: "told", Type: runbook.DistributionShift, Severity: runbook.Severe, For: dur(5 * time.Minute), Distribution: "score", Distance: 0.1, Against: runbook.AgainstStable},
				runbook.Trigger{Name: "psi", Type: runbook.DistributionShift, Severity: runbook.Severe, For: dur(5 * time.Minute), Distribution: "score", PSI: 0.25, Against: runbook.AgainstStable})
			rb.Metrics.Distributions[0].Buckets = []float64{1e6, 2e6, 3e6}
			pods := usualFleet()
			for i, le := range append(spelled, "+Inf") {
				share := []float64{0.2, 0.5, 0.8, 1}[i]
				counts(pods, "score_bucket", share, []float64{0.05, 0.2, 0.4, 1}[i], "le", le)
			}
			w := newWorld(t, 61, pods, rb)
			w.run(onset)
			if got := w.firing(); len(got) > 0 {
				t.Fatalf("before: %v", got)
			}
			fires(t, w.run(6*time.Minute), "ranker/psi default", "ranker/told default")
		})
	}
}
