package record

import "testing"

func TestWhatADriftConcerns(t *testing.T) {
	alert, blind := RuleDiff{Kind: "edited", Trigger: "errors", Text: "errors differs"}, RuleDiff{Kind: "missing", Trigger: "blind", Text: "blind is missing"}
	shared, extra := RuleDiff{Kind: "edited", Trigger: "", Text: "a record differs"}, RuleDiff{Kind: "extra", Trigger: "", Text: "an old record"}
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
		{"its own alert is not loaded", RulesDrifted, []RuleDiff{{Kind: "missing", Trigger: "errors", Text: "errors is missing"}}, "", "", "errors is missing"},
		{"its own alert is of an older version", RulesDrifted, []RuleDiff{{Kind: "outdated", Trigger: "errors", Text: "errors is old"}, shared}, "a record differs", "a record differs", "errors is old (and 1 more)"},
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

func TestWhatATriggerIsArmedBy(t *testing.T) {
	typo := RuleDiff{Kind: "series", Trigger: "conversion", Text: "no series orders"}
	late, shared := RuleDiff{Kind: "late", Text: "60 s late"}, RuleDiff{Kind: "rewritten", Text: "exported_service"}
	for _, c := range []struct {
		name               string
		state              RulesState
		drift              []RuleDiff
		conversion, errors ArmState
	}{
		{"one to one", RulesOneToOne, nil, Armed, Armed},
		{"one dead signal", RulesDrifted, []RuleDiff{typo}, Off, Armed},
		{"late rules", RulesDrifted, []RuleDiff{late}, Degraded, Degraded},
		{"the worse of two", RulesDrifted, []RuleDiff{late, typo}, Off, Degraded},
		{"what all share", RulesDrifted, []RuleDiff{typo, shared}, Off, Off},
		{"seen once", RulesSuspected, []RuleDiff{shared}, Armed, Armed},
	} {
		t.Run(c.name, func(t *testing.T) {
			check := RulesCheck{State: c.state, Drift: c.drift}
			conversion, why := check.Armed("conversion")
			errors, _ := check.Armed("errors")
			if conversion != c.conversion || errors != c.errors || (conversion != Armed) == (why.Text == "") {
				t.Errorf("conversion %s because of %v, errors %s", conversion, why, errors)
			}
		})
	}
}
