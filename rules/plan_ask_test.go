package rules

import (
	"math"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// What the real engine answers is what the plan is told.
func TestTrafficFromTheEngine(t *testing.T) {
	rb := ranker("ranker")
	pods := fleet("ranker", 3, 1, 40, 0.25)
	for _, p := range pods {
		p.errors, p.trials, p.converts = constant(0.02), 0.5, constant(0.2)
	}
	w := newWorld(t, 3, pods, rb)
	w.groups = nil // nobody judges
	w.run(70 * time.Minute)
	q, err := Ask(rb)
	if err != nil {
		t.Fatal(err)
	}
	answers := map[string]float64{}
	for _, question := range q.Traffic() {
		v := w.ask(question.Expr)
		if len(v) != 1 {
			t.Fatalf("%s: %d series", question.Name, len(v))
		}
		answers[question.Name] = v[0].F
	}
	got := TrafficFrom(rb, answers, "Prometheus")
	for name, c := range map[string]struct{ got, want float64 }{
		"rate": {got.Rate, 40}, "error rate": {got.ErrorRate, 0.02}, "P50": {got.P50, 0.1}, "P95": {got.P95, 0.23},
		"kpi": {got.KPIs["conversion"].Rate, 0.2}, "trials": {got.KPIs["conversion"].Trials, 0.5},
		"pods": {float64(got.StablePods), 4}, "scrape": {got.Scrape.Std().Seconds(), 15},
	} {
		if math.Abs(c.got-c.want) > 0.05*c.want {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
	p := mustPlan(t, rb, got)
	if p.Traffic.Sources["p95"] != "Prometheus" || p.Traffic.Sources["candidate_pods"] != "default" {
		t.Errorf("sources: %v", p.Traffic.Sources)
	}
	but := got.But(Traffic{P95: 1, Sources: map[string]string{"p95": "flag"}})
	if but.P95 != 1 || but.Sources["p95"] != "flag" || but.P50 != got.P50 || but.Sources["rate"] != "Prometheus" || got.P95 == 1 {
		t.Errorf("%+v", but)
	}
}

func TestTrafficFromOddAnswers(t *testing.T) {
	rb := ranker("ranker")
	got := TrafficFrom(rb, map[string]float64{"rate": math.NaN(), "error_rate": math.Inf(1), "p95": -1, "scrapes": 20}, "Prometheus")
	if got.Rate != 0 || got.ErrorRate != 0 || got.P95 != 0 || got.Scrape != runbook.Duration(30*time.Second) || len(got.Sources) != 1 {
		t.Errorf("%+v", got)
	}
}
