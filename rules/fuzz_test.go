package rules

import (
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// shape is an expression with every matcher's value blotted out.
func shape(t *testing.T, e Expr) string {
	t.Helper()
	if e.IsZero() {
		t.Fatal("a question could not be built")
	}
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(e.String())
	if err != nil {
		t.Fatalf("%s: %v", e, err)
	}
	var out []string
	parser.Inspect(tree, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case nil:
		case *parser.VectorSelector:
			for _, m := range n.LabelMatchers {
				if m.Name != "__name__" {
					out = append(out, m.Name+m.Type.String())
				}
			}
			out = append(out, "selector "+n.Name)
		case *parser.BinaryExpr:
			out = append(out, n.Op.String())
		case *parser.Call:
			out = append(out, n.Func.Name)
		case *parser.AggregateExpr:
			out = append(out, n.Op.String()+strings.Join(n.Grouping, ","))
		default:
			out = append(out, "node")
		}
		return nil
	})
	return strings.Join(out, " ")
}

func everyQuestion(t *testing.T, q Questions, rel record.Release) map[string]Expr {
	t.Helper()
	out := map[string]Expr{"age": q.Age(rel), "sick": q.StableUnhealthy(rel)}
	for _, side := range []runbook.Role{runbook.Candidate, runbook.Stable} {
		out["pods "+string(side)], out["rate "+string(side)] = q.Pods(rel, side), q.Rate(rel, side)
	}
	for _, tr := range q.b.Triggers {
		var err error
		if out["gate "+tr.Name], err = q.Gate(tr.Name, rel); err != nil {
			t.Fatal(err)
		}
		if out["effect "+tr.Name], err = q.Effect(tr.Name, rel); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range q.Recovery(rel) {
		out["now "+r.Name], out["before "+r.Name], out["samples "+r.Name] = r.Now, r.Before, r.Samples
	}
	return out
}

// Whatever a release is called, the questions keep their shape, and ask for exactly
// that name.
func FuzzReleaseNamesNeverChangeAQuestion(f *testing.F) {
	f.Add("r1", "v1", "v2", "eu")
	f.Add(`"} or vector(1) #`, "v1\"}[5m]", "`", "\\")
	f.Add("a\nb", "\x00\xff", "$1", `{{ . }}`)
	f.Add("", "é🙂", "'", "|.*")
	rb := ranker("ranker")
	rb.Metrics.RegionLabel, rb.Regions = "dc", []string{"eu", "us"}
	q, err := Ask(rb)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, id, stable, candidate, region string) {
		if id == "" || region == "" { // these ask another question: see Age and absolute limits
			t.Skip()
		}
		plain := everyQuestion(t, q, release("eu"))
		for name, e := range everyQuestion(t, q, record.Release{ID: id, Region: region,
			Stable: record.Side{Version: stable}, Candidate: record.Side{Version: candidate}}) {
			if got, want := shape(t, e), shape(t, plain[name]); got != want {
				t.Errorf("%s: %s\nhas the shape %s\nnot %s", name, e, got, want)
			}
			asksFor(t, e, map[string]string{"release": id, "region": region})
		}
	})
}

func asksFor(t *testing.T, e Expr, values map[string]string) {
	t.Helper()
	tree, _ := parser.NewParser(parser.Options{}).ParseExpr(e.String())
	for _, ms := range parser.ExtractSelectors(tree) {
		for _, m := range ms {
			if want, ok := values[m.Name]; ok && m.Value != want {
				t.Errorf("%s: asks for %s=%q, want %q", e, m.Name, m.Value, want)
			}
		}
	}
}

// Matchers from a runbook either stay matchers of every selector they belong to, or
// the runbook is refused.
func FuzzMatchersNeverBreakOut(f *testing.F) {
	f.Add(`job="x"`, `code=~"5.."`)
	f.Add(`job="x"} or up{a="b"`, `code="5"}[5m])) or vector(1) or ((up{a="b"`)
	f.Add(`job='x',`, "a=`b`")
	f.Add(`{job="x"}`, `"quoted.name"="x"`)
	f.Add(`job="x" # all`, "a=\"b\" # all of it\n")
	f.Add(`job="x"`, `,`)
	rb := fuzzed(`job="ranker"`, `code=~"5.."`)
	plain, err := Compile(rb)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, selector, failed string) {
		got, err := Compile(fuzzed(selector, failed))
		if err != nil {
			t.Skip()
		}
		if len(got.Rules) != len(plain.Rules) {
			t.Fatalf("%d rules, not %d", len(got.Rules), len(plain.Rules))
		}
		for i := range got.Rules {
			if a, b := skeleton(t, got.Rules[i].Expr), skeleton(t, plain.Rules[i].Expr); a != b {
				t.Errorf("%s\nhas the skeleton %s\nnot %s", got.Rules[i].Expr, a, b)
			}
		}
	})
}

// fuzzed has the same matchers wherever a series may have some.
func fuzzed(selector, where string) *runbook.Runbook {
	rb := data(runbook.Trigger{Name: "nulls", Type: runbook.NullSpike, Severity: runbook.Severe, For: dur(300e9), By: 0.01})
	m := &rb.Metrics
	rb.Triggers = append(rb.Triggers, ranker("ranker").Triggers...)
	m.Selector, m.Requests.Where, m.Requests.Errors, m.Latency.Where, m.Features.Where, m.Schema.Where = selector, where, where, where, where, where
	m.KPIs[0].Where, m.KPIs[0].SuccessesWhere, m.KPIs[0].TrialsWhere, m.Distributions[0].Where = where, where, where, where
	rb.LastKnownGood.Health = runbook.Health{Metric: "model_ready", Where: where}
	return rb
}

// skeleton is shape without matchers.
func skeleton(t *testing.T, e Expr) string {
	var out []string
	for _, w := range strings.Fields(shape(t, e)) {
		if !strings.ContainsAny(w, "=~!") || w == "==" || w == ">=" || w == "<=" {
			out = append(out, w)
		}
	}
	return strings.Join(out, " ")
}
