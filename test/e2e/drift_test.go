package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
)

// Somebody edits a threshold in Prometheus' rule file and reloads it. The daemon sees
// it, tells people, and asks at the next severe breach; once the file is fixed the
// rollback follows by itself.
func TestEditedRulesAsk(t *testing.T) {
	t.Parallel()
	s := start(t, options{args: []string{"--rules.interval=2s"}, runbook: onlyErrorsAreSevere(t)})
	s.await("the rules to be compared", 30*time.Second, func() error { return s.rules(record.RulesOneToOne) })
	text := s.ruleFile()
	s.loadRules(edit(t, text, " 0.05\n", " 0.04\n"))
	s.await("the drift to be seen", 30*time.Second, func() error { return s.rules(record.RulesDrifted) })
	s.await("people to be told", 30*time.Second, func() error { return s.alerted("rule_drift") })
	if err := s.has(`autorollback_rule_drift{service="ranker"} == 1`); err != nil {
		s.await("the metric", 10*time.Second, func() error { return s.has(`autorollback_rule_drift{service="ranker"} == 1`) })
	}
	b := demo.Well
	b.Errors = 0.5
	s.service.Candidate.Behave(b)
	inc := s.incident("a question", 90*time.Second, func(i record.Incident) bool { return i.Phase == record.Awaiting && i.Decision.Guard == "rule_drift" })
	if !strings.Contains(inc.Breach.RulesDrift, "the expression differs") || inc.Breach.Trigger != "error-rate" {
		t.Errorf("breach of %s knows of the drift %q", inc.Breach.Trigger, inc.Breach.RulesDrift)
	}
	if split := s.weights(); !split.Equal(record.Split{"ranker-v1": 95, "ranker-v2": 5}) {
		t.Errorf("the split is %v, want it left alone", split)
	}
	s.loadRules(text)
	inc = s.incident("a closed incident", 120*time.Second, settled)
	s.recovered(inc)
	s.oneTransaction()
	s.await("people to be told that it is over", 30*time.Second, func() error { return s.alerted("rule_drift_ended") })
}

// onlyErrorsAreSevere leaves one trigger that could act alone.
func onlyErrorsAreSevere(t *testing.T) func(string) string {
	return func(text string) string {
		for _, kind := range []string{"type: latency_quantile\n    severity: ", "type: kpi_drop\n    severity: "} {
			text = edit(t, text, kind+"severe", kind+"mild")
		}
		return text
	}
}

func edit(t *testing.T, text, from, to string) string {
	t.Helper()
	if !strings.Contains(text, from) {
		t.Fatalf("there is no %q in:\n%s", from, text)
	}
	return strings.Replace(text, from, to, 1)
}

// ruleFile is what the runbook asks for.
func (s *stack) ruleFile() string {
	s.t.Helper()
	group, err := rules.Compile(s.rb)
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := rules.Marshal([]rules.Group{group})
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

func (s *stack) loadRules(text string) {
	s.t.Helper()
	s.prom.Write("rules.yml", text)
	if err := s.prom.Reload(); err != nil {
		s.t.Fatal(err)
	}
}

// rules asks the daemon how the rules of the service compare.
func (s *stack) rules(want record.RulesState) error {
	st, err := s.client().Status(s.t.Context())
	if err != nil {
		return err
	}
	if len(st.Rules) != 1 || st.Rules[0].State != want {
		return fmt.Errorf("the rules are %+v, want %s", st.Rules, want)
	}
	return nil
}
