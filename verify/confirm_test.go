package verify_test

import (
	"maps"
	"testing"

	"github.com/autorollback/autorollback/runbook"
)

// confirming is a table in which the trigger breaches and all guards are answered,
// and the expressions by the names of the queries.
func (w world) confirming(t *testing.T, trigger string) (map[string]served, map[string]string) {
	t.Helper()
	breach, err := w.q.Breach(trigger, w.rel)
	if err != nil {
		t.Fatal(err)
	}
	effect, err := w.q.Effect(trigger, w.rel)
	if err != nil {
		t.Fatal(err)
	}
	exprs := map[string]string{
		"breach": breach.String(), "effect": effect.String(), "age": w.q.Age(w.rel).String(),
		"candidate pods": w.q.Pods(w.rel, runbook.Candidate).String(), "stable pods": w.q.Pods(w.rel, runbook.Stable).String(),
		"candidate rate": w.q.Rate(w.rel, runbook.Candidate).String(), "stable rate": w.q.Rate(w.rel, runbook.Stable).String(),
		"stable sick": w.q.StableSick(w.rel).String(),
	}
	answers := map[string]served{
		"breach": number(0.12), "effect": number(0.12), "age": number(14), "candidate pods": number(3), "stable pods": number(9),
		"candidate rate": number(20.5), "stable rate": number(180), "stable sick": empty(), "evidence": number(17.3),
	}
	if evidence, ok := w.q.Evidence(trigger, w.rel); ok {
		exprs["evidence"] = evidence.String()
	}
	table := map[string]served{}
	for name, expr := range exprs {
		if _, twice := table[expr]; twice {
			t.Fatalf("%s is the same expression as another question: %s", name, expr)
		}
		table[expr] = answers[name]
	}
	return table, exprs
}

func TestConfirmABreach(t *testing.T) {
	w := ranker(t)
	for _, trigger := range w.rb.Triggers {
		t.Run(trigger.Name, func(t *testing.T) {
			table, exprs := w.confirming(t, trigger.Name)
			b := prometheusOf(t, table).client(t, 0).Confirm(t.Context(), w.q, trigger, w.rel)
			if b.State != runbook.Breaching || b.Problem != "" {
				t.Fatalf("got %s: %s", b.State, b.Problem)
			}
			if b.Value != 0.12 || b.CandidatePods != 3 || b.StablePods != 9 || b.CandidateRate != 20.5 || b.StableRate != 180 || b.StableSick {
				t.Errorf("got %+v", b)
			}
			if _, has := exprs["evidence"]; has && b.Evidence != 17.3 {
				t.Errorf("evidence %v", b.Evidence)
			}
			for _, q := range b.Queries {
				if q.Expr != exprs[q.Name] || q.Answer == "" || q.At.IsZero() {
					t.Errorf("query not kept: %+v", q)
				}
			}
			if len(b.Queries) != len(exprs) {
				t.Errorf("%d queries kept of %d", len(b.Queries), len(exprs))
			}
		})
	}
}

func TestConfirmOtherAnswers(t *testing.T) {
	cases := []struct {
		name  string
		set   map[string]served
		state runbook.State
		says  string
	}{
		{"not breaching", map[string]served{"breach": empty(), "effect": number(0.01)}, runbook.NotBreaching, ""},
		{"neither breach nor effect", map[string]served{"breach": empty(), "effect": empty()}, runbook.NoData, "one side has no data"},
		{"stale", map[string]served{"age": number(45.1)}, runbook.NoData, "45.1 s old"},
		{"just fresh", map[string]served{"age": number(44.9)}, runbook.Breaching, ""},
		{"stale and quiet", map[string]served{"age": number(300), "breach": empty()}, runbook.NoData, "5 min old"},
		{"from the future", map[string]served{"age": number(-5)}, runbook.NoData, "old"},
		{"nothing recorded", map[string]served{"age": empty()}, runbook.NoData, "nothing has been recorded"},
		{"nothing recorded, nothing breaching", map[string]served{"age": empty(), "breach": empty()}, runbook.NoData, "nothing has been recorded"},
		{"stable sick, two series", map[string]served{"stable sick": vector("1", "1")}, runbook.Breaching, ""},
		{"no concurrent control", map[string]served{"stable rate": empty()}, runbook.Breaching, ""},
		{"evidence not to be had", map[string]served{"evidence": status(422, badQuery)}, runbook.Breaching, ""},
		{"evidence without end", map[string]served{"evidence": vector("+Inf")}, runbook.Breaching, ""},
	}
	w := ranker(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			table, exprs := w.confirming(t, "errors")
			for name, answer := range c.set {
				table[exprs[name]] = answer
			}
			b := prometheusOf(t, table).client(t, 0).Confirm(t.Context(), w.q, w.trigger(t, "errors"), w.rel)
			if b.State != c.state {
				t.Errorf("got %s: %s", b.State, b.Problem)
			}
			contains(t, b.Problem, c.says)
			_, sick := c.set["stable sick"]
			if b.StableSick != sick {
				t.Errorf("stable sick: got %v", b.StableSick)
			}
			finite(t, b)
		})
	}
}

// Whichever question goes blind, alone or all together, the breach is not confirmed.
func TestABlindPrometheusNeverConfirms(t *testing.T) {
	w := ranker(t)
	errors, slo := w.trigger(t, "errors"), w.trigger(t, "slo")
	needed := map[string][]string{
		"errors": {"breach", "effect", "age", "stable sick", "candidate pods", "stable pods", "candidate rate", "stable rate"},
		"slo":    {"breach", "effect", "age"},
	}
	for _, trigger := range []runbook.Trigger{errors, slo} {
		table, exprs := w.confirming(t, trigger.Name)
		for _, kind := range blindnesses() {
			for _, name := range needed[trigger.Name] {
				if name == "stable sick" && (kind.name == "NaN" || kind.name == "infinite" || kind.name == "many series") {
					continue // any series means sick
				}
				t.Run(trigger.Name+"/"+kind.name+"/"+name, func(t *testing.T) {
					t.Parallel()
					one := maps.Clone(table)
					one[exprs[name]] = kind.answer
					b := prometheusOf(t, one).client(t, kind.patience()).Confirm(t.Context(), w.q, trigger, w.rel)
					if b.State != kind.state {
						t.Errorf("got %s: %s", b.State, b.Problem)
					}
					if kind.ofOne() {
						contains(t, b.Problem, name)
					}
					contains(t, b.Problem, kind.says)
					finite(t, b)
				})
			}
			t.Run(trigger.Name+"/"+kind.name+"/all", func(t *testing.T) {
				t.Parallel()
				all := map[string]served{}
				for expr := range table {
					all[expr] = kind.answer
				}
				b := prometheusOf(t, all).client(t, kind.patience()).Confirm(t.Context(), w.q, trigger, w.rel)
				if b.State != kind.state {
					t.Errorf("got %s: %s", b.State, b.Problem)
				}
				finite(t, b)
			})
		}
	}
}

// During the warm-up nothing is recorded, and users may suffer all the same.
func TestAnAbsoluteLimitNeedsNoRecordedRelease(t *testing.T) {
	w := ranker(t)
	for pods, want := range map[float64]runbook.State{3: runbook.Breaching, 0: runbook.NoData} {
		table, exprs := w.confirming(t, "slo")
		table[exprs["age"]] = empty()
		table[exprs["candidate pods"]] = empty()
		table[exprs["stable pods"]] = number(pods)
		b := prometheusOf(t, table).client(t, 0).Confirm(t.Context(), w.q, w.trigger(t, "slo"), w.rel)
		if b.State != want {
			t.Errorf("%v pods: got %s: %s", pods, b.State, b.Problem)
		}
	}
}

func TestConfirmWithoutAPrometheus(t *testing.T) {
	w := ranker(t)
	b := down(t).Confirm(t.Context(), w.q, w.trigger(t, "errors"), w.rel)
	if b.State != runbook.Unreachable {
		t.Errorf("got %s: %s", b.State, b.Problem)
	}
	contains(t, b.Problem, "connection refused")
	for _, q := range b.Queries {
		contains(t, q.Answer, "connection refused")
	}
}

// An unreachable Prometheus explains all else: the watcher must go on asking.
func TestUnreachableComesBeforeNoData(t *testing.T) {
	w := ranker(t)
	table, exprs := w.confirming(t, "errors")
	table[exprs["age"]] = empty()
	table[exprs["breach"]] = vector("NaN")
	table[exprs["stable pods"]] = status(502, "")
	b := prometheusOf(t, table).client(t, 0).Confirm(t.Context(), w.q, w.trigger(t, "errors"), w.rel)
	if b.State != runbook.Unreachable {
		t.Errorf("got %s: %s", b.State, b.Problem)
	}
}

func TestConfirmATriggerThatIsGone(t *testing.T) {
	w := ranker(t)
	b := down(t).Confirm(t.Context(), w.q, runbook.Trigger{Name: "gone", Type: runbook.ErrorRate, Severity: runbook.Severe}, w.rel)
	if b.State != runbook.NoData || b.Problem == "" {
		t.Errorf("got %+v", b)
	}
}
