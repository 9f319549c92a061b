package runbook_test

import (
	"strings"
	"testing"

	"github.com/autorollback/autorollback/runbook"
)

// Every type that the runbook may name has words for its value, here or where the
// four first ones are worded.
func TestReadings(t *testing.T) {
	rb, err := runbook.Load("testdata/good/vocabulary.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"errors-up":     "error rate 2.1 points above stable / 0.5 points",
		"latency-limit": "P99 latency of the candidate 21 ms / 2s",
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
		effect, limit, ok := tr.Reading(0.02104)
		if got := effect + " / " + limit; !ok || got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	tr, _ := rb.Trigger("error-rate")
	if effect, _, ok := tr.Reading(0.06); ok {
		t.Errorf("an error rate reads %q here", effect)
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
