package verify_test

import (
	"maps"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/verify"
)

func (w world) draining() (map[string]served, map[string]string) {
	exprs := map[string]string{
		"candidate rate": w.q.Over(45*time.Second).Rate(w.rel, runbook.Candidate).String(),
		"longer":         w.q.Over(90*time.Second).Rate(w.rel, runbook.Candidate).String(),
		"stable pods":    w.q.Pods(w.rel, runbook.Stable).String(),
	}
	return map[string]served{
		exprs["candidate rate"]: number(0), exprs["longer"]: number(0.1), exprs["stable pods"]: number(9),
	}, exprs
}

func TestDrained(t *testing.T) {
	cases := []struct {
		name   string
		set    map[string]served
		since  time.Duration // the change
		want   record.Health
		value  float64
		phrase string
	}{
		{"no request any more", nil, time.Minute, record.Good, 0, "v2 gets 0 req/s"},
		{"still served", map[string]served{"candidate rate": number(3.214)}, time.Minute, record.Bad, 3.214, "v2 still gets 3.21 req/s"},
		{"still served, and so early", map[string]served{"candidate rate": number(3)}, time.Second, record.Bad, 3, "still gets"},
		{"zero before the change counts for nothing", nil, 44 * time.Second, record.Unknown, 0, "too early"},
		{"gone while the stable side reports", map[string]served{"candidate rate": empty(), "longer": empty()}, time.Minute, record.Good, 0, "no longer report"},
		{"both sides gone", map[string]served{"candidate rate": empty(), "longer": empty(), "stable pods": number(0)}, time.Minute, record.Unknown, 0, "no pod of the stable side"},
		{"standing still, but nothing is scraped", map[string]served{"stable pods": number(0)}, time.Minute, record.Unknown, 0, "no pod of the stable side"},
		{"two scrapes lost", map[string]served{"candidate rate": empty()}, time.Minute, record.Unknown, 0, "just stopped"},
		{"gone before the change", map[string]served{"candidate rate": empty(), "longer": empty()}, 10 * time.Second, record.Unknown, 0, "too early"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := ranker(t)
			w.rel.WeightChangedAt = time.Now().Add(-c.since)
			table, exprs := w.draining()
			for name, answer := range c.set {
				table[exprs[name]] = answer
			}
			a := prometheusOf(t, table).client(t, 0).Drained(t.Context(), w.q, w.rel)
			if a.Health != c.want || a.Value != c.value || a.Question != verify.DrainQuestion || a.Unit != "req/s" {
				t.Errorf("got %+v", a)
			}
			contains(t, a.Text, c.phrase)
		})
	}
}

func TestABlindPrometheusNeverSeesADrainedCandidate(t *testing.T) {
	w := ranker(t)
	table, exprs := w.draining()
	for _, kind := range blindnesses() {
		for name := range exprs {
			t.Run(kind.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				one := maps.Clone(table)
				one[exprs[name]] = kind.answer
				a := prometheusOf(t, one).client(t, kind.patience()).Drained(t.Context(), w.q, w.rel)
				if a.Health != record.Unknown {
					t.Errorf("got %+v", a)
				}
				contains(t, a.Text, kind.says)
				finite(t, a)
			})
		}
	}
	if a := down(t).Drained(t.Context(), w.q, w.rel); a.Health != record.Unknown {
		t.Errorf("down: got %+v", a)
	}
}
