package rules

import (
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
)

// What a generated expression looks like is what Prometheus gives back.
func TestGeneratedTokensAreThoseOfPrometheus(t *testing.T) {
	for _, r := range compiled(t, example(t), ranker("ranker"))[0].Rules {
		tree, err := parser.NewParser(parser.Options{}).ParseExpr(r.Expr.String())
		if err != nil {
			t.Fatal(err)
		}
		if got, want := scan(r.Expr.String()), scan(tree.String()); !slices.Equal(got, want) {
			t.Errorf("%s:\n%q\n%q", r.name(), got, want)
		}
	}
}

func TestLayout(t *testing.T) {
	long := "a_rather_long_metric_name_total{job=\"ranker\",instance=\"one\"}"
	for text, want := range map[string]string{
		"sum by(a)(rate( x{ a = \"b c\" }[5m] ))/2":        `sum by (a) (rate(x{a="b c"}[5m])) / 2`,
		"sum(x)by(a)>bool -1":                              "sum(x) by (a) > bool -1",
		"x offset -5m or y@end() # why":                    "x offset -5m or y @ end()",
		"-x^2*1e-05":                                       "-x ^ 2 * 1e-05",
		"a and on() (b) unless ignoring(c)group_x":         "a and on () (b) unless ignoring (c) group_x",
		"a * on (b, c) group_left () d":                    "a * on (b, c) group_left () d",
		long + "/" + long:                                  long + "\n/ " + long,
		"sum(" + long + "/" + long + ")>1":                 "sum(\n  " + long + "\n  / " + long + "\n)\n> 1",
		`x{a="}",b='"',c=` + "`\\`" + `}[5m:1m] offset 1m`: `x{a="}",b='"',c=` + "`\\`" + `}[5m:1m] offset 1m`,
	} {
		if got, err := layout(scan(text)); err != nil || got != want {
			t.Errorf("%s: %v\n%s\nwant\n%s", text, err, got, want)
		}
	}
	if got, err := layout(scan("a) + b")); err == nil {
		t.Errorf("takes an unbalanced bracket: %s", got)
	}
}

// Whatever Prometheus parses, a layout of it is the same expression, or refused.
func FuzzLayoutNeverChangesAnExpression(f *testing.F) {
	for _, r := range mustCompile(f) {
		f.Add(r.Expr.String())
	}
	for _, text := range []string{"-x", "a + -b", "x[5m:]", "sum(x) without(a)", "topk(3, x)", "1 + 2 * 3 ^ -4", `"text"`, "x @ 1.5 offset 3d", "{__name__=~\"a|b\"}", "0x1f", "inf", "NaN > 1", "a == bool on (x) b", "(((x)))", "x{}[1h] offset -1h", "absent(x) or vector(1)", "time()", "x % 2 atan2 y"} {
		f.Add(text)
	}
	p := parser.NewParser(parser.Options{})
	f.Fuzz(func(t *testing.T, text string) {
		tree, err := p.ParseExpr(text)
		if err != nil {
			t.Skip()
		}
		e, err := newShapes().parse(tree.String(), nil)
		if err != nil {
			t.Skip()
		}
		again, err := p.ParseExpr(e.String())
		if err != nil || again.String() != tree.String() {
			t.Errorf("%q became %q: %v", text, e, err)
		}
	})
}

// Two expressions of one shape parse both, or neither.
func TestShapes(t *testing.T) {
	names := map[string]bool{"requests_total": true, "hits": true}
	one := func(text string) string { return shapeOf(scan(text), names) }
	for _, pair := range [][2]string{
		{`rate(requests_total{a="b"}[5m])`, `rate(hits{c=~"d|e",f!="g"}[1h30m])`},
		{"x > 0.5", "x > 12"},
		{"x offset 5m", "x offset 1h"},
	} {
		if one(pair[0]) != one(pair[1]) {
			t.Errorf("%s and %s have the shapes %s and %s", pair[0], pair[1], one(pair[0]), one(pair[1]))
		}
	}
	for _, pair := range [][2]string{{"x[5m]", "x[5m:]"}, {"x + 5", "x + 5m"}, {"x{}", `x{a="b"}`}, {"a + b", "a - b"}, {"rate(x)", "rat(x)"}, {`x offset 5m`, "x offset -5m"}} {
		if one(pair[0]) == one(pair[1]) {
			t.Errorf("%s and %s have one shape: %s", pair[0], pair[1], one(pair[0]))
		}
	}
	if _, err := newShapes().parse(strings.Repeat("(", 10)+"x", nil); err == nil {
		t.Error("parses what Prometheus does not")
	}
}

func mustCompile(tb testing.TB) []Rule {
	tb.Helper()
	g, err := Compile(ranker("ranker"))
	if err != nil {
		tb.Fatal(err)
	}
	return g.Rules
}
