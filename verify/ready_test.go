package verify_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// readying is a table in which nothing breaches and both sides are warm, and the
// expressions by what they ask.
func (w world) readying(t *testing.T) (map[string]served, map[string]string) {
	t.Helper()
	table, exprs := map[string]served{}, map[string]string{}
	for _, trigger := range w.rb.Triggers {
		one, names := w.confirming(t, trigger.Name)
		maps.Copy(table, one)
		table[names["breach"]] = empty()
		for name, expr := range names {
			if name == "breach" || name == "effect" || name == "age" {
				name += " " + trigger.Name
			}
			exprs[name] = expr
		}
	}
	exprs["warm stable"], exprs["warm candidate"] = w.q.Warm(w.rel, runbook.Stable).String(), w.q.Warm(w.rel, runbook.Candidate).String()
	table[exprs["warm stable"]], table[exprs["warm candidate"]] = number(4), number(5)
	return table, exprs
}

// knows is a monitor that has proved everything but what it is told of by trigger.
func knows(says map[string]record.Significance) func(string) record.Significance {
	return func(trigger string) record.Significance {
		if s, ok := says[trigger]; ok {
			return s
		}
		return proved()
	}
}

// While the statistics of a trigger that could decide are not known, nothing is promoted.
func TestReadyNeedsTheSignificance(t *testing.T) {
	rebuilding := record.Significance{Problem: "the significance is being rebuilt"}
	all, none := func(string) bool { return true }, func(string) bool { return false }
	for _, c := range []struct {
		name  string
		gates []string
		knows map[string]record.Significance
		can   func(string) bool
		want  string // what breaches, and the problem
	}{
		{"known", nil, nil, all, "[] "},
		{"rebuilding", nil, map[string]record.Significance{"errors": rebuilding}, all, "[] errors: the significance is being rebuilt"},
		{"rebuilding, where it cannot decide", nil, map[string]record.Significance{"errors": rebuilding}, none, "[] "},
		{"rebuilding, and the gate is open", []string{"errors"}, map[string]record.Significance{"errors": rebuilding}, none, "[] the significance is being rebuilt"},
		{"the gate is open, not proved", []string{"errors"}, map[string]record.Significance{"errors": {Value: 0.5}}, all, "[] "},
		{"an absolute limit has none", []string{"slo"}, map[string]record.Significance{"slo": rebuilding}, all, "[slo] "},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := ranker(t)
			table, exprs := w.readying(t)
			for _, trigger := range c.gates {
				table[exprs["breach "+trigger]] = number(0.12)
			}
			r := prometheusOf(t, table).client(t, 0).Ready(t.Context(), w.q, w.rb.Triggers, w.rel, c.can, knows(c.knows))
			if got := fmt.Sprint(r.Breaching, " ", r.Problem); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestReady(t *testing.T) {
	only := func(trigger string) func(string) bool { return func(t string) bool { return t == trigger } }
	none := func(string) bool { return false }
	for _, c := range []struct {
		name string
		set  map[string]served
		can  func(string) bool
		want string // of what Prometheus answered, without times
	}{
		{"nothing objects", nil, none, "pods 4 5, rate 20.5, sick false, breaching [], undecided [], problem "},
		{"one breaches", map[string]served{"breach errors": number(0.12)}, none, "pods 4 5, rate 20.5, sick false, breaching [errors], undecided [], problem "},
		{"two breach, in order", map[string]served{"breach latency": number(2), "breach conversion": number(0.9)}, none, "pods 4 5, rate 20.5, sick false, breaching [conversion latency], undecided [], problem "},
		{"stable is sick", map[string]served{"stable unhealthy": number(1)}, none, "pods 4 5, rate 20.5, sick true, breaching [], undecided [], problem "},
		{"no pod is warm", map[string]served{"warm stable": number(0)}, none, "pods 0 5, rate 20.5, sick false, breaching [], undecided [], problem "},
		{"no data where it can decide", map[string]served{"effect errors": empty()}, only("errors"), "pods 4 5, rate 20.5, sick false, breaching [], undecided [errors], problem "},
		{"no data where it cannot decide", map[string]served{"effect errors": empty()}, only("latency"), "pods 4 5, rate 20.5, sick false, breaching [], undecided [], problem "},
		{"one side cannot be counted", map[string]served{"warm candidate": empty()}, none, "pods 4 0, rate 20.5, sick false, breaching [], undecided [], problem the pods of one side cannot be counted"},
		{"a count that is none", map[string]served{"warm candidate": vector("NaN")}, none, "pods 4 0, rate 20.5, sick false, breaching [], undecided [], problem warm candidate pods: the value is NaN"},
		{"a partial count", map[string]served{"warm stable": partial(4)}, none, "pods 0 0, rate 0, sick false, breaching [], undecided [], problem warm stable pods: partial answer: store 2 did not answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := ranker(t)
			table, exprs := w.readying(t)
			for name, answer := range c.set {
				expr, ok := exprs[name]
				if !ok {
					t.Fatalf("nothing asks %q: %v", name, exprs)
				}
				table[expr] = answer
			}
			r := prometheusOf(t, table).client(t, 0).Ready(t.Context(), w.q, w.rb.Triggers, w.rel, c.can, knows(nil))
			got := fmt.Sprintf("pods %d %d, rate %v, sick %v, breaching %v, undecided %v, problem %s", r.StablePods, r.CandidatePods, r.CandidateRate, r.StableUnhealthy, r.Breaching, r.Undecided, r.Problem)
			if got != c.want || r.AskedAt.IsZero() {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// Whatever Prometheus does instead of answering, a rollback is not called possible.
func TestABlindPrometheusIsNeverReady(t *testing.T) {
	w := ranker(t)
	if r := down(t).Ready(t.Context(), w.q, w.rb.Triggers, w.rel, func(string) bool { return true }, knows(nil)); r.Problem == "" {
		t.Errorf("down: got %+v", r)
	}
	table, exprs := w.readying(t)
	for _, kind := range blindnesses() {
		for _, name := range []string{"warm stable", "warm candidate"} {
			t.Run(kind.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				one := maps.Clone(table)
				one[exprs[name]] = kind.answer
				r := prometheusOf(t, one).client(t, kind.patience()).Ready(t.Context(), w.q, w.rb.Triggers, w.rel, func(string) bool { return true }, knows(nil))
				if r.Problem == "" {
					t.Errorf("got %+v", r)
				}
				finite(t, r)
			})
		}
	}
}

func TestTraffic(t *testing.T) {
	w := ranker(t)
	table := map[string]served{}
	byName := map[string]string{}
	for _, q := range w.q.Traffic() {
		byName[q.Name] = q.Expr.String()
	}
	levels := map[string]float64{"rate": 120, "seen": 3600, "error_rate": 0.004, "stable_pods": 9, "scrapes": 40, "p50": 0.05, "p95": 0.2, "kpi conversion": 0.03, "trials conversion": 0.9}
	for name, v := range levels {
		if byName[name] == "" {
			t.Fatalf("nothing asks for %s: %v", name, byName)
		}
		table[byName[name]] = number(v)
	}
	ask := func(t *testing.T, table map[string]served) (map[string]float64, error) {
		return prometheusOf(t, table).client(t, 0).Traffic(t.Context(), w.q)
	}
	t.Run("all is known", func(t *testing.T) {
		got, err := ask(t, table)
		if err != nil || !maps.Equal(got, levels) {
			t.Errorf("got %+v, %v", got, err)
		}
	})
	t.Run("a level without data stays open", func(t *testing.T) {
		one := maps.Clone(table)
		one[byName["p95"]], one[byName["kpi conversion"]], one[byName["error_rate"]] = empty(), vector("NaN"), empty()
		got, err := ask(t, one)
		for _, name := range []string{"p95", "kpi conversion", "error_rate"} {
			if v, ok := got[name]; ok {
				t.Errorf("%s is %v", name, v)
			}
		}
		if err != nil || got["rate"] != 120 {
			t.Errorf("got %+v, %v", got, err)
		}
	})
	t.Run("no answer is an error", func(t *testing.T) {
		one := maps.Clone(table)
		one[byName["rate"]] = status(503, "")
		if _, err := ask(t, one); err == nil || !strings.Contains(err.Error(), "ask Prometheus for traffic") {
			t.Errorf("got %v", err)
		}
	})
}
