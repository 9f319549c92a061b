package rules

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/servers"
)

func canarySuite(t *testing.T) Suite {
	t.Helper()
	rb, err := runbook.Load("../runbook-templates/canary.yaml")
	if err != nil {
		t.Fatal(err)
	}
	s, err := UnitTests(rb)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// All of them: make mutants.
func TestMutantsAreCaught(t *testing.T) {
	bulk(t)
	r, err := canarySuite(t).Mutants(t.Context(), MutantOptions{Workers: 2, Sample: 120})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range r.Holes() {
		t.Errorf("survives: %s: %s: %s", m.Rule, m.Kind, m.Change)
	}
	t.Logf("%+v", r.Kinds)
}

func TestAWeakSuiteLetsMutantsSurvive(t *testing.T) {
	bulk(t)
	s := canarySuite(t).Of("error-rate")
	s.cases = slices.DeleteFunc(s.cases, func(c unitCase) bool { return !strings.HasPrefix(c.name, "silent") || c.long })
	r, err := s.Mutants(t.Context(), MutantOptions{Sample: 60})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Holes()) < 20 {
		t.Errorf("only %d of 60 mutants survive tests that never expect an alert", len(r.Holes()))
	}
}

func TestEachKindOfMutant(t *testing.T) {
	got := map[string]MutantKind{}
	all, err := cuttings(`clamp_min(sum_over_time(a{role="stable"}[4m]), 0) > 3 and b or c`)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		got[c.text] = c.kind
	}
	for text, kind := range map[string]MutantKind{
		`clamp_min(sum_over_time(a{role="stable"}[4m]), 0) > 4.5 and b or c`:  MutantNumber,
		`clamp_min(sum_over_time(a{role="stable"}[4m]), 0) > 2 and b or c`:    MutantNumber,
		`clamp_min(sum_over_time(a{role="stable"}[4m]), 1) > 3 and b or c`:    MutantNumber,
		`clamp_min(sum_over_time(a{role="stable"}[4m]), 0) < 3 and b or c`:    MutantComparison,
		`clamp_min(sum_over_time(a{role="candidate"}[4m]), 0) > 3 and b or c`: MutantSide,
		`clamp_min(sum_over_time(a{role="stable"}[8m]), 0) > 3 and b or c`:    MutantWindow,
		`clamp_min(sum_over_time(a{role="stable"}[2m]), 0) > 3 and b or c`:    MutantWindow,
		`(sum_over_time(a{role="stable"}[4m])) > 3 and b or c`:                MutantGuard,
		`(clamp_min(sum_over_time(a{role="stable"}[4m]), 0) > 3) or c`:        MutantGuard,
		`(clamp_min(sum_over_time(a{role="stable"}[4m]), 0) > 3 and b)`:       MutantGuard,
		`(c)`: MutantGuard,
	} {
		if got[text] != kind {
			t.Errorf("%s is %q, want %q", text, got[text], kind)
		}
		delete(got, text)
	}
	if len(got) > 0 {
		t.Errorf("and: %v", got)
	}
}

// What the quick replay catches, the real promtool catches too; and what survives here
// survives there.
func TestPromtoolAgreesOnMutants(t *testing.T) {
	bulk(t)
	s := canarySuite(t).Of("error-rate").Within(30)
	g, err := Compile(s.rb)
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Mutants(t.Context(), MutantOptions{Sample: 6})
	if err != nil {
		t.Fatal(err)
	}
	tests, err := MarshalTests([]string{"rules.yml"}, s)
	if err != nil {
		t.Fatal(err)
	}
	promtool := servers.Promtool(t)
	for _, m := range r.Mutants {
		changed := Group{Name: g.Name, Interval: g.Interval, Rules: slices.Clone(g.Rules)}
		changed.Rules[m.index] = m.rule
		changed.Rules[m.index].Expr = Expr{m.text}
		text, err := Marshal([]Group{changed})
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		for file, text := range map[string][]byte{"rules.yml": text, "tests.yml": tests} {
			if err := os.WriteFile(filepath.Join(dir, file), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		run := ".*"
		if m.Caught != "" {
			run = regexp.QuoteMeta(m.Caught)
		}
		out, err := exec.CommandContext(t.Context(), promtool, "test", "rules", "--run", run, filepath.Join(dir, "tests.yml")).CombinedOutput()
		if (err != nil) == m.Survived() {
			t.Errorf("%s: %s: here caught by %q, promtool says %v\n%s", m.Rule, m.Change, m.Caught, err, out)
		}
	}
}
