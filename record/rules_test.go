package record

import "testing"

func TestWhatADriftConcerns(t *testing.T) {
	alert, blind := RuleDiff{"edited", "errors", "errors differs"}, RuleDiff{"missing", "blind", "blind is missing"}
	shared, extra := RuleDiff{"edited", "", "a record differs"}, RuleDiff{"extra", "", "an old record"}
	for _, c := range []struct {
		name        string
		state       RulesState
		drift       []RuleDiff
		errors, p95 string
		whole       string
	}{
		{"its own alert", RulesDrifted, []RuleDiff{alert, blind}, "errors differs", "", "errors differs (and 1 more)"},
		{"what all share", RulesDrifted, []RuleDiff{alert, shared}, "errors differs (and 1 more)", "a record differs", "errors differs (and 1 more)"},
		{"a rule nobody asked for", RulesDrifted, []RuleDiff{extra}, "", "", "an old record"},
		{"its own alert is not loaded", RulesDrifted, []RuleDiff{{"missing", "errors", "errors is missing"}}, "", "", "errors is missing"},
		{"its own alert is of an older version", RulesDrifted, []RuleDiff{{"outdated", "errors", "errors is old"}, shared}, "a record differs", "a record differs", "errors is old (and 1 more)"},
		{"only suspected", RulesSuspected, []RuleDiff{alert}, "", "", ""},
		{"unknown", RulesUnknown, []RuleDiff{alert}, "", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := RulesCheck{State: c.state, Drift: c.drift}
			if got.Concerns("errors") != c.errors || got.Concerns("p95") != c.p95 || got.Drifted() != c.whole {
				t.Errorf("errors: %q, p95: %q, in all %q", got.Concerns("errors"), got.Concerns("p95"), got.Drifted())
			}
		})
	}
}
