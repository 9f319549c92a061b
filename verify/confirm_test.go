package verify_test

import (
	"maps"
	"testing"
	"time"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// proved is what a monitor says of a trigger whose difference is significant.
func proved() record.Significance {
	return record.Significance{At: time.Now().UTC(), Value: 3, LogE: 17.3, Method: analysis.Method}
}

// confirming is a table in which the trigger breaches and all guards are answered,
// and the expressions by the names of the queries.
func (w world) confirming(t *testing.T, trigger string) (map[string]served, map[string]string) {
	t.Helper()
	breach, err := w.q.Gate(trigger, w.rel)
	if err != nil {
		t.Fatal(err)
	}
	effect, err := w.q.Effect(trigger, w.rel)
	if err != nil {
		t.Fatal(err)
	}
	whose := w.rel
	if w.trigger(t, trigger).Absolute() {
		whose.ID = ""
	}
	exprs := map[string]string{
		"breach": breach.String(), "effect": effect.String(), "age": w.q.Age(whose).String(),
		"candidate pods": w.q.Pods(w.rel, runbook.Candidate).String(), "stable pods": w.q.Pods(w.rel, runbook.Stable).String(),
		"candidate rate": w.q.Rate(w.rel, runbook.Candidate).String(), "stable rate": w.q.Rate(w.rel, runbook.Stable).String(),
		"stable unhealthy": w.q.StableUnhealthy(w.rel).String(),
	}
	answers := map[string]served{
		"breach": number(0.12), "effect": number(0.12), "age": number(14), "candidate pods": number(3), "stable pods": number(9),
		"candidate rate": number(20.5), "stable rate": number(180), "stable unhealthy": empty(),
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
			b := prometheusOf(t, table).client(t, 0).Confirm(t.Context(), w.q, trigger, w.rel, proved())
			if b.State != record.Breaching || b.Problem != "" {
				t.Fatalf("got %s: %s", b.State, b.Problem)
			}
			if b.Value != 0.12 || b.CandidatePods != 3 || b.StablePods != 9 || b.CandidateRate != 20.5 || b.StableRate != 180 || b.StableUnhealthy {
				t.Errorf("got %+v", b)
			}
			if has := b.Significance.LogE == 17.3; has != trigger.Comparative() {
				t.Errorf("significance %+v", b.Significance)
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
		state record.State
		says  string
	}{
		{"not breaching", map[string]served{"breach": empty(), "effect": number(0.01)}, record.NotBreaching, ""},
		{"neither breach nor effect", map[string]served{"breach": empty(), "effect": empty()}, record.NoData, "one side has no data"},
		{"stale", map[string]served{"age": number(75.1)}, record.NoData, "75.1 s old, more than 75 s"},
		{"just fresh", map[string]served{"age": number(74.9)}, record.Breaching, ""},
		{"stale and quiet", map[string]served{"age": number(300), "breach": empty()}, record.NoData, "5 min old"},
		{"from the future", map[string]served{"age": number(-5)}, record.NoData, "old"},
		{"a side without a sample", map[string]served{"age": empty()}, record.NoData, "no sample of a side"},
		{"a side without a sample, nothing breaching", map[string]served{"age": empty(), "breach": empty()}, record.NoData, "no sample of a side"},
		{"stable unhealthy, two series", map[string]served{"stable unhealthy": vector("1", "1")}, record.Breaching, ""},
		{"no concurrent control", map[string]served{"stable rate": empty()}, record.Breaching, ""},
	}
	w := ranker(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			table, exprs := w.confirming(t, "errors")
			for name, answer := range c.set {
				table[exprs[name]] = answer
			}
			b := prometheusOf(t, table).client(t, 0).Confirm(t.Context(), w.q, w.trigger(t, "errors"), w.rel, proved())
			if b.State != c.state {
				t.Errorf("got %s: %s", b.State, b.Problem)
			}
			contains(t, b.Problem, c.says)
			_, sick := c.set["stable unhealthy"]
			if b.StableUnhealthy != sick {
				t.Errorf("stable unhealthy: got %v", b.StableUnhealthy)
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
		"errors": {"breach", "effect", "age", "stable unhealthy", "candidate pods", "stable pods", "candidate rate", "stable rate"},
		"slo":    {"breach", "effect", "age"},
	}
	for _, trigger := range []runbook.Trigger{errors, slo} {
		table, exprs := w.confirming(t, trigger.Name)
		for _, kind := range blindnesses() {
			for _, name := range needed[trigger.Name] {
				if name == "stable unhealthy" && (kind.name == "NaN" || kind.name == "infinite" || kind.name == "many series") {
					continue // any series means sick
				}
				t.Run(trigger.Name+"/"+kind.name+"/"+name, func(t *testing.T) {
					t.Parallel()
					one := maps.Clone(table)
					one[exprs[name]] = kind.answer
					b := prometheusOf(t, one).client(t, kind.patience()).Confirm(t.Context(), w.q, trigger, w.rel, proved())
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
				b := prometheusOf(t, all).client(t, kind.patience()).Confirm(t.Context(), w.q, trigger, w.rel, proved())
				if b.State != kind.state {
					t.Errorf("got %s: %s", b.State, b.Problem)
				}
				finite(t, b)
			})
		}
	}
}

// What this process knows of the statistics decides about a gate that is open, and about
// nothing else.
func TestConfirmBySignificance(t *testing.T) {
	const rebuilding = "the significance is being rebuilt from Prometheus' history"
	at := time.Now().UTC()
	sigs := map[string]record.Significance{
		"proved":       {At: at, Value: 1, LogE: 7},
		"not proved":   {At: at, Value: 0.99, LogE: 6.9},
		"none so far":  {At: at},
		"rebuilding":   {At: at.Add(-time.Hour), Problem: rebuilding},
		"not watched":  {Problem: "the release is not watched yet"},
		"stale":        {At: at.Add(-time.Minute), Problem: "the significance is of 1m0s ago"},
		"stale, great": {At: at.Add(-time.Minute), Value: 9, Problem: "the significance is of 1m0s ago"},
	}
	cases := []struct {
		trigger, sig string
		gate         bool
		want         record.State
	}{
		{"errors", "proved", true, record.Breaching},
		{"errors", "proved", false, record.NotBreaching},
		{"errors", "not proved", true, record.NotBreaching},
		{"errors", "none so far", true, record.NotBreaching},
		{"errors", "rebuilding", true, record.Unreachable},
		{"errors", "rebuilding", false, record.NotBreaching},
		{"errors", "not watched", true, record.Unreachable},
		{"errors", "stale", true, record.Unreachable},
		{"errors", "stale, great", true, record.Unreachable},
		{"latency", "not proved", true, record.NotBreaching},
		{"conversion", "rebuilding", true, record.Unreachable},
		{"slo", "not watched", true, record.Breaching},
		{"slo", "not proved", true, record.Breaching},
		{"slo", "proved", false, record.NotBreaching},
	}
	for _, c := range cases {
		gate := map[bool]string{true: "open", false: "shut"}[c.gate]
		t.Run(c.trigger+"/"+gate+"/"+c.sig, func(t *testing.T) {
			w := ranker(t)
			table, exprs := w.confirming(t, c.trigger)
			if !c.gate {
				table[exprs["breach"]] = empty()
			}
			b := prometheusOf(t, table).client(t, 0).Confirm(t.Context(), w.q, w.trigger(t, c.trigger), w.rel, sigs[c.sig])
			problem := ""
			if c.want == record.Unreachable {
				problem = sigs[c.sig].Problem
			}
			if b.State != c.want || b.Problem != problem || b.Unjudged() != (problem != "") {
				t.Errorf("got %s %q, unjudged %v", b.State, b.Problem, b.Unjudged())
			}
			want := sigs[c.sig]
			if c.trigger == "slo" {
				want = record.Significance{}
			}
			if b.Significance != want {
				t.Errorf("kept %+v, want %+v", b.Significance, want)
			}
			finite(t, b)
		})
	}
}

// A Prometheus that is away is called that, whatever is known of the statistics.
func TestUnreachableComesBeforeTheSignificance(t *testing.T) {
	w := ranker(t)
	b := down(t).Confirm(t.Context(), w.q, w.trigger(t, "errors"), w.rel, record.Significance{Problem: "the release is not watched yet"})
	if b.State != record.Unreachable || b.Unjudged() {
		t.Errorf("got %s: %s", b.State, b.Problem)
	}
	contains(t, b.Problem, "connection refused")
}

// Users may suffer while one side has no samples, and no comparison can be made.
func TestAnAbsoluteLimitAsksForTheAgeOfTheService(t *testing.T) {
	w := ranker(t)
	for name, c := range map[string]struct {
		age  served
		want record.State
	}{"fresh": {number(14), record.Breaching}, "nothing": {empty(), record.NoData}, "old": {number(76), record.NoData}} {
		t.Run(name, func(t *testing.T) {
			table, exprs := w.confirming(t, "slo")
			if exprs["age"] == w.q.Age(w.rel).String() {
				t.Fatalf("asks for the age of the sides: %s", exprs["age"])
			}
			table[exprs["age"]] = c.age
			for _, side := range []string{"candidate pods", "stable pods", "candidate rate", "stable rate"} {
				table[exprs[side]] = empty()
			}
			b := prometheusOf(t, table).client(t, 0).Confirm(t.Context(), w.q, w.trigger(t, "slo"), w.rel, record.Significance{})
			if b.State != c.want {
				t.Errorf("got %s: %s", b.State, b.Problem)
			}
		})
	}
}

func TestConfirmWithoutAPrometheus(t *testing.T) {
	w := ranker(t)
	b := down(t).Confirm(t.Context(), w.q, w.trigger(t, "errors"), w.rel, proved())
	if b.State != record.Unreachable {
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
	b := prometheusOf(t, table).client(t, 0).Confirm(t.Context(), w.q, w.trigger(t, "errors"), w.rel, proved())
	if b.State != record.Unreachable {
		t.Errorf("got %s: %s", b.State, b.Problem)
	}
}

func TestConfirmATriggerThatIsGone(t *testing.T) {
	w := ranker(t)
	b := down(t).Confirm(t.Context(), w.q, runbook.Trigger{Name: "gone", Type: runbook.ErrorRate, Severity: runbook.Severe}, w.rel, proved())
	if b.State != record.NoData || b.Problem == "" {
		t.Errorf("got %+v", b)
	}
}
