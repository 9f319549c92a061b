package promtest

import (
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	templates "github.com/autorollback/autorollback/runbook-templates"
	"github.com/autorollback/autorollback/test/servers"
	"github.com/autorollback/autorollback/test/sim"
)

// tested are runbooks whose generated tests are played, by file.
func tested(t *testing.T) map[string]*runbook.Runbook {
	t.Helper()
	out := map[string]*runbook.Runbook{}
	for _, pattern := range []string{"../../runbook-templates/canary.yaml", "../../examples/runbooks/*.yaml", "../testdata/mean.yaml", "../testdata/unit/*.yaml",
		"../../runbook/testdata/good/vocabulary.yaml", "../../runbook/testdata/good/regions.yaml", "../../runbook/testdata/good/track.yaml",
		"../../runbook/testdata/good/istio.yaml", "../../runbook/testdata/good/tensorflow.yaml", "../../runbook/testdata/good/triton.yaml", "../../runbook/testdata/good/vllm.yaml",
		"../../runbook/testdata/good/utf8.yaml", "../../runbook/testdata/good/join.yaml", "../../runbook/testdata/good/empty-track.yaml"} {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatal(pattern, err)
		}
		for _, p := range paths {
			rb, err := runbook.Load(p)
			if err != nil {
				t.Fatal(err)
			}
			out[filepath.Base(p)] = rb
		}
	}
	return out
}

func ruled(t *testing.T, rb *runbook.Runbook) rules.Group {
	t.Helper()
	g, err := rules.Compile(rb)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func marshalled(t *testing.T, g rules.Group) []byte {
	t.Helper()
	text, err := rules.Marshal([]rules.Group{g})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// name tells the rules of a group apart.
func name(r rules.Rule) string { return r.Record + r.Alert }

// plays lets promtool play a suite against rules, and returns what it says if something
// fails.
func plays(t *testing.T, tool string, g rules.Group, s Suite) string {
	t.Helper()
	dir := t.TempDir()
	tests, err := Marshal([]string{"rules.yml"}, s)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"rules.yml": marshalled(t, g), "tests.yml": tests} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return says(t, dir, tool, "test", "rules", "tests.yml")
}

func says(t *testing.T, dir, tool string, args ...string) string {
	cmd := exec.CommandContext(t.Context(), tool, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Sprintf("%v: %s", err, out)
	}
	return ""
}

func TestPromtoolRunsTheGeneratedTests(t *testing.T) {
	tool := servers.Promtool(t)
	for name, rb := range tested(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := New(rb)
			if err != nil {
				t.Fatal(err)
			}
			for _, u := range s.Untested {
				if u != (Untested{"latency-limit", "the buckets cannot tell a quantile at the threshold"}) {
					t.Errorf("untested: %v", u)
				}
			}
			g := ruled(t, rb)
			for _, r := range g.Rules {
				if of := s.Of(r.Labels["trigger"]); of.Len() > 0 {
					if said := plays(t, tool, reads(g, r), of); said != "" {
						t.Error(said)
					}
				}
			}
			path := filepath.Join(t.TempDir(), "rules.yml")
			if err := os.WriteFile(path, marshalled(t, ruled(t, rb)), 0o600); err != nil {
				t.Fatal(err)
			}
			if said := says(t, "", tool, "check", "rules", "--lint=all", "--lint-fatal", path); said != "" {
				t.Error(said)
			}
		})
	}
}

// Every trigger of every recipe has tests; they pass where selectors match several services or
// versions.
func TestRecipesAreTested(t *testing.T) {
	tool := servers.Promtool(t)
	for _, name := range templates.Recipes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := templates.NewWith("canary", "ranker", name)
			if err != nil {
				t.Fatal(err)
			}
			rb, err := runbook.Parse(name+".yaml", text)
			if err != nil {
				t.Fatal(err)
			}
			s, err := New(rb)
			if err != nil || len(s.Untested) > 0 {
				t.Fatalf("%v, untested: %v", err, s.Untested)
			}
			if !slices.Contains([]string{"envoy", "kserve", "vllm"}, name) {
				return
			}
			if said := plays(t, tool, ruled(t, rb), s); said != "" {
				t.Error(said)
			}
		})
	}
}

func TestMarshalTestsIsDeterministicAndOfOneInterval(t *testing.T) {
	rb, err := runbook.Load("../testdata/canary.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := func() string {
		s, err := New(rb)
		if err != nil {
			t.Fatal(err)
		}
		out, err := Marshal([]string{"rules.yml"}, s)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	if text() != text() {
		t.Error("the same runbook gives two suites")
	}
	a, _ := New(rb)
	other := *rb
	other.Metrics.Interval *= 2
	b, err := New(&other)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Marshal(nil, a, b); err == nil {
		t.Error("two intervals in one file")
	}
}

var broken = flag.String("broken", "canary.yaml", "the runbook whose rules are broken")

// A test that cannot fail is a defect: whatever is changed in an alert or a level, some
// generated test of the triggers that read it must fail. Say -broken vocabulary.yaml to
// break each type of trigger, which takes a quarter of an hour.
func TestEveryBrokenRuleFailsAGeneratedTest(t *testing.T) {
	servers.NotShort(t)
	sim.Bulk(t)
	tool := servers.Promtool(t)
	rb := tested(t)[*broken]
	s, err := New(rb)
	if err != nil {
		t.Fatal(err)
	}
	g := ruled(t, rb)
	free := make(chan struct{}, 2)
	var wg sync.WaitGroup
	for i, r := range g.Rules {
		if r.Record == rules.RoleRecord || r.Labels["trigger"] == rules.BlindTrigger && *broken == "canary.yaml" {
			continue
		}
		for _, changed := range mutations(t, r.Expr) {
			free <- struct{}{}
			wg.Go(func() {
				defer func() { <-free }()
				if survives(t, tool, s, g, i, changed) {
					t.Errorf("%s: no test fails if it reads %s", name(r), changed)
				}
			})
		}
	}
	wg.Wait()
}

// survives plays the tests of the triggers whose alerts read the rule, with the rules that
// these read alone. What only a trigger without tests reads does not.
func survives(t *testing.T, tool string, s Suite, g rules.Group, i int, changed rules.Expr) bool {
	of, called, played := g.Rules[i], name(g.Rules[i]), false
	for _, alert := range g.Rules {
		tests := s.Of(alert.Labels["trigger"])
		if alert.Alert == "" || tests.Len() == 0 || name(alert) != called && (of.Record == "" || !strings.Contains(alert.Expr.String(), of.Record+"{")) {
			continue
		}
		few := reads(g, alert)
		played = true
		for i := range few.Rules {
			if name(few.Rules[i]) == called {
				few.Rules[i].Expr = changed
			}
		}
		if plays(t, tool, few, tests) != "" {
			return false
		}
	}
	return played
}

// reads is an alert and the rules that it reads.
func reads(g rules.Group, alert rules.Rule) rules.Group {
	few := rules.Group{Name: g.Name, Interval: g.Interval}
	for _, r := range g.Rules {
		if r.Record == rules.RoleRecord || name(r) == name(alert) || r.Record != "" && strings.Contains(alert.Expr.String(), r.Record+"{") {
			few.Rules = append(few.Rules, r)
		}
	}
	return few
}

// mutations change one comparison, one number, one range, one side or one and of an
// expression.
func mutations(t *testing.T, e rules.Expr) []rules.Expr {
	t.Helper()
	var out []rules.Expr
	for n := 0; ; n++ {
		tree, err := parser.NewParser(parser.Options{}).ParseExpr(e.String())
		if err != nil {
			t.Fatal(err)
		}
		at := 0
		parser.Inspect(tree, func(node parser.Node, path []parser.Node) error {
			if !without(node, path) {
				mutate(node, func() bool { at++; return at-1 == n })
			}
			return nil
		})
		if at <= n {
			return out
		}
		changed, err := rules.ParseExpr(tree.String())
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, changed)
	}
}

// without reports whether a change makes no difference: of what is taken times 0, of the 1
// from which both sides are taken before one is taken from the other, and of a fraction
// more than 1 where releases are counted.
func without(node parser.Node, path []parser.Node) bool {
	for _, above := range path {
		if e, ok := above.(*parser.BinaryExpr); ok {
			n, isNumber := e.LHS.(*parser.NumberLiteral)
			if isNumber && e.Op == parser.MUL && n.Val == 0 || isNumber && e.Op == parser.SUB && node == e.LHS {
				return true
			}
			if call, ok := e.LHS.(*parser.Call); ok && call.Func.Name == "min_over_time" && node == e.RHS {
				return true
			}
		}
	}
	return false
}

// mutate changes the node in the one way for which turn is true.
func mutate(node parser.Node, turn func() bool) {
	switch n := node.(type) {
	case *parser.BinaryExpr:
		flips := map[parser.ItemType]parser.ItemType{parser.GTR: parser.LSS, parser.LSS: parser.GTR, parser.GTE: parser.LSS, parser.LAND: parser.LUNLESS, parser.LUNLESS: parser.LAND}
		if to, ok := flips[n.Op]; ok && turn() {
			n.Op = to
		}
	case *parser.NumberLiteral:
		if n.Val > 0 && !math.IsInf(n.Val, 1) && turn() {
			n.Val *= 1 + 4*closely
		}
	case *parser.MatrixSelector:
		if turn() {
			n.Range *= 2
		}
	case *parser.VectorSelector:
		for i, m := range n.LabelMatchers {
			other := map[string]string{string(runbook.Candidate): string(runbook.Stable), string(runbook.Stable): string(runbook.Candidate)}[m.Value]
			if m.Name == "role" && other != "" && turn() {
				n.LabelMatchers[i] = labels.MustNewMatcher(labels.MatchEqual, "role", other)
			}
		}
	}
}
