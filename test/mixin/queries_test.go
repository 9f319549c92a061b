package mixin

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// asked is one query as Prometheus gets it, and where it stands.
type asked struct {
	where, expr string
	legend      []string // the labels that its legend shows
	rule        bool     // an alert, which has no answer while all is well
}

// queries are those of the committed files, dashboards and alerts.
func queries(t *testing.T) (all []asked) {
	t.Helper()
	for name := range Dashboards() {
		var d Dashboard
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err == nil {
			err = json.Unmarshal(text, &d)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				all = append(all, asked{name + ": " + p.Title, filled(t, d, q.Expr), shown(q.LegendFormat), false})
			}
		}
		for _, v := range d.Templating.List {
			if v.Type == "query" {
				all = append(all, asked{name + ": $" + v.Name, labelValues(t, v.Query), nil, false})
			}
		}
	}
	for _, a := range alerts(t) {
		all = append(all, asked{"alerts.yml: " + a.Alert, a.Expr, nil, true})
	}
	return all
}

// filled puts in what Grafana puts in: its own intervals, and all values of the dashboard's variables.
func filled(t *testing.T, d Dashboard, expr string) string {
	t.Helper()
	expr = strings.NewReplacer("$__rate_interval", "20s", "$__range", "1h").Replace(expr)
	for _, v := range d.Templating.List {
		expr = strings.ReplaceAll(expr, `"$`+v.Name+`"`, `".*"`)
	}
	if strings.Contains(expr, "$") {
		t.Fatalf("%s: nothing says what to put into %s", d.Title, expr)
	}
	return expr
}

func shown(legend string) (names []string) {
	for _, m := range regexp.MustCompile(`{{(\w+)}}`).FindAllStringSubmatch(legend, -1) {
		names = append(names, m[1])
	}
	return names
}

// labelValues is the query that has the values of a variable.
func labelValues(t *testing.T, query string) string {
	t.Helper()
	m := regexp.MustCompile(`^label_values\((\w+), (\w+)\)$`).FindStringSubmatch(query)
	if m == nil {
		t.Fatalf("variable: %s", query)
	}
	return fmt.Sprintf("group by (%s) (%s)", m[2], m[1])
}

// used are the metrics of a query, each with the labels that it must have: those of its own
// matchers, and those that an aggregation around it groups by.
func used(t *testing.T, expr string) map[string][]string {
	t.Helper()
	parsed, err := parser.NewParser(parser.Options{}).ParseExpr(expr)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	all := map[string]map[string]bool{}
	parser.Inspect(parsed, func(node parser.Node, path []parser.Node) error {
		s, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		if all[s.Name] == nil {
			all[s.Name] = map[string]bool{}
		}
		for _, m := range s.LabelMatchers {
			all[s.Name][m.Name] = m.Name != labels.MetricName
		}
		for _, above := range path {
			if a, ok := above.(*parser.AggregateExpr); ok {
				for _, label := range a.Grouping {
					all[s.Name][label] = true
				}
			}
		}
		return nil
	})
	need := map[string][]string{}
	for name, ls := range all {
		delete(ls, labels.MetricName)
		need[name] = slices.Sorted(maps.Keys(ls))
	}
	return need
}

// What a query uses is found wherever it stands in it.
func TestUsed(t *testing.T) {
	got := used(t, `sum by (le) (rate(a_bucket{x!="1"}[5m])) / on () group_left time() - max by (y) (max by (y, z) (b)) or absent(up{job="j"} == 1)`)
	want := map[string][]string{"a_bucket": {"le", "x"}, "b": {"y", "z"}, "up": {"job"}}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %v, want %v", got, want)
	}
}
