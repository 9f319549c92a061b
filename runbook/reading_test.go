package runbook_test

import (
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// Every type that the runbook may name has words for its value.
func TestReadings(t *testing.T) {
	rb, err := runbook.Load("testdata/good/vocabulary.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"errors-up":     "error rate 2.1 points above stable / 0.5 points",
		"latency-limit": "P99 latency of the candidate 21 ms / 2 s",
		"nulls":         "missing values of the worst feature 2.1 points above stable / 1 points",
		"schema":        "2.1 % of what was checked does not fit the schema / 0.1 %",
		"score-shift":   "distribution of score at distance 2.1 % from stable / 10 %",
		"score-psi":     "distribution of score at PSI 0.021 from stable / PSI 0.25",
		"score-world":   "distribution of score at distance 2.1 % from reference / 10 %",
		"starved":       "candidate gets 2.1 % of the traffic it should get / less than 50 %",
		"fallbacks":     `fallbacks_total{kind="empty"} of http_requests_total 2.1 points above stable / 0.5 points`,
		"queue":         "the expression queue_length > 100 is true / true all the time for 5m",
		"drift":         "drift score of the candidate at 0.021 times its threshold / 1",
	}
	for name, want := range want {
		tr, _ := rb.Trigger(name)
		effect, limit := tr.Reading(0.02104)
		if got := effect + " / " + limit; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for _, c := range []struct {
		trigger runbook.Trigger
		value   float64
		want    string
	}{
		{runbook.Trigger{Type: runbook.ErrorRate, Above: 0.05}, 0.084, "error rate 8.4 % / 5 %"},
		{runbook.Trigger{Type: runbook.LatencyQuantile, Quantile: 0.95, Increase: 0.3}, 1.342, "P95 latency 34.2 % above stable / 30 %"},
		{runbook.Trigger{Type: runbook.LatencyQuantile, Quantile: 0.999, Increase: 0.3}, 0.9, "P99.9 latency 10 % below stable / 30 %"},
		{runbook.Trigger{Type: runbook.KPIDrop, KPI: "conversion", Drop: 0.02}, 0.951, "conversion 4.9 % below stable / 2 %"},
		{runbook.Trigger{Type: runbook.AbsoluteSLO, Above: 0.02}, 0.31, "error rate 31 % over all versions / 2 %"},
		{runbook.Trigger{Type: runbook.AbsoluteSLO, Quantile: 0.99, Ceiling: runbook.Duration(time.Second)}, 1.25, "P99 latency 1.25 s over all versions / 1 s"},
		{runbook.Trigger{}, 1234.5, "1,234 / "},
	} {
		effect, limit := c.trigger.Reading(c.value)
		if got := effect + " / " + limit; got != c.want {
			t.Errorf("%s: %q, want %q", c.trigger.Type, got, c.want)
		}
	}
}

func TestTriggersSayWhatTheyAre(t *testing.T) {
	rb, err := runbook.Load("testdata/good/vocabulary.yaml")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]string{}
	for _, tr := range rb.Triggers {
		s := tr.String()
		if other := seen[s]; other != "" || strings.Contains(s, "%!") {
			t.Errorf("%s says %q, as does %q", tr.Name, s, other)
		}
		seen[s] = tr.Name
	}
	if text := string(runbook.Render(rb)); strings.Count(text, "\n# ") < len(rb.Triggers) {
		t.Error("the page leaves triggers out")
	}
}
