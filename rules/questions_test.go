package rules

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql/parser"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/sim"
)

// Whatever confirms a breach must be answered while no rules are loaded and nobody scrapes
// the daemon.
func TestQuestionsReadNothingOfOurs(t *testing.T) {
	for _, rb := range []*runbook.Runbook{whole(), sim.Shop()} {
		q, err := Ask(rb)
		if err != nil {
			t.Fatal(err)
		}
		rel := release("default")
		rel.Weight = 20
		for name, e := range everyQuestion(t, q, rel) {
			tree, err := parser.NewParser(parser.Options{}).ParseExpr(e.String())
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, ms := range parser.ExtractSelectors(tree) {
				for _, m := range ms {
					if m.Name == "__name__" && strings.HasPrefix(m.Value, "autorollback") {
						t.Errorf("%s reads %s: %s", name, m.Value, e)
					}
				}
			}
		}
		if _, err := q.Gate("no-such", rel); err == nil {
			t.Error("a gate of an unknown trigger")
		}
		if _, err := q.Effect("no-such", rel); err == nil {
			t.Error("an effect of an unknown trigger")
		}
	}
}

// The age is that of the side that is older, of those that should have traffic; a side
// that tells nothing has none.
func TestAgeOfTheOlderSide(t *testing.T) {
	t.Parallel()
	pods := fleet("ranker", 2, 1, 50, 0.3)
	w := newWorld(t, 81, pods, ranker("ranker"))
	q, err := Ask(ranker("ranker"))
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		w.tick()
	}
	of(pods, candidates, func(p *pod) { p.silent = func(time.Duration) bool { return true } })
	for range 4 {
		w.tick()
	}
	age := func(weight runbook.Weight) float64 {
		rel := release("default")
		rel.Weight = weight
		got := w.ask(q.Age(rel))
		if len(got) != 1 {
			t.Fatalf("weight %v: %v", weight, got)
		}
		return got[0].F
	}
	if both, stable, all := age(30), age(0), age(100); both < 60 || both != all || stable > 15 {
		t.Errorf("both sides %g s, stable %g s, candidate %g s", both, stable, all)
	}
	gone := release("default")
	gone.Weight, gone.Candidate.Version = 30, "v3"
	if got := w.ask(q.Age(gone)); len(got) != 0 {
		t.Errorf("a candidate without series has the age %v", got)
	}
}
