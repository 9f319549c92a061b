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
	answers := answered(t, w, q)
	for _, question := range q.Traffic() {
		if _, ok := answers[question.Name]; !ok {
			t.Fatalf("%s: no answer", question.Name)
		}
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

// answered is what the engine answers, by the questions' names.
func answered(t *testing.T, w *world, q Questions) map[string]float64 {
	t.Helper()
	answers := map[string]float64{}
	for _, question := range q.Traffic() {
		switch v := w.ask(question.Expr); len(v) {
		case 0:
		case 1:
			answers[question.Name] = v[0].F
		default:
			t.Fatalf("%s: %d series", question.Name, len(v))
		}
	}
	return answers
}

// A service is planned by the traffic since its first sample within the hour: neither as
// if it had been idle before, nor twice because its pods were replaced, nor more because
// nobody looked for a while.
func TestTrafficOfAYoungService(t *testing.T) {
	from := func(at time.Duration) func(time.Duration) bool {
		return func(since time.Duration) bool { return since < at }
	}
	until := func(at time.Duration) func(time.Duration) bool {
		return func(since time.Duration) bool { return since >= at }
	}
	replaced := func(at time.Duration) []*pod {
		pods := fleet("ranker", 6, 2, 80, 0.25) // half of them before, half after
		for i, p := range pods {
			if p.silent = from(at); i%2 == 0 {
				p.silent = until(at)
			}
			quiet, rps := p.silent, p.rps
			p.rps = func(since time.Duration) float64 {
				if quiet(since) {
					return 0
				}
				return rps(since)
			}
		}
		return pods
	}
	unseen := fleet("ranker", 3, 1, 40, 0.25)
	for _, p := range unseen {
		p.silent = func(since time.Duration) bool { return since > 20*time.Minute && since < 40*time.Minute }
	}
	tests := map[string]struct {
		pods   []*pod
		age    time.Duration
		scrape time.Duration // 0: not known yet
		source string
	}{
		"a minute":                         {fleet("ranker", 3, 1, 40, 0.25), time.Minute, 0, "Prometheus, of 58s"},
		"ten minutes":                      {fleet("ranker", 3, 1, 40, 0.25), 10 * time.Minute, 0, "Prometheus, of 9m58s"},
		"half an hour":                     {fleet("ranker", 3, 1, 40, 0.25), 30 * time.Minute, 15 * time.Second, "Prometheus, of 29m58s"},
		"half an hour, replaced meanwhile": {replaced(15 * time.Minute), 30 * time.Minute, 15 * time.Second, "Prometheus, of 30m"},
		"old, replaced within the hour":    {replaced(40 * time.Minute), 70 * time.Minute, 15 * time.Second, "Prometheus"},
		"old, not scraped for a third":     {unseen, 60*time.Minute + 15*time.Second, 15 * time.Second, "Prometheus"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			rb := ranker("ranker")
			w := newWorld(t, 5, tt.pods, rb)
			w.groups = nil // nobody judges
			w.run(tt.age)
			q, err := Ask(rb)
			if err != nil {
				t.Fatal(err)
			}
			got := TrafficFrom(rb, answered(t, w, q), "Prometheus")
			if math.Abs(got.Rate-40) > 2.5 || got.Scrape.Std() != tt.scrape || got.Sources["rate"] != tt.source {
				t.Errorf("%g requests/s (%s), scraped every %s; want 40 (%s) and %s", got.Rate, got.Sources["rate"], got.Scrape, tt.source, tt.scrape)
			}
			if n := mustPlan(t, rb, got).Traffic.Scrape; n != rb.Metrics.Interval {
				t.Errorf("the plan takes a scrape interval of %s", n)
			}
		})
	}
}

// What the average of an hour did to a service that is ten minutes old: a trigger that
// decides within the step was taken for one that cannot, and such a trigger holds no ramp.
// The step then waited for the others alone, which is too short; and the times that were
// named for it were too long.
func TestAYoungServicesStepWaits(t *testing.T) {
	rb := ranker("ranker")
	w := newWorld(t, 5, fleet("ranker", 3, 1, 40, 0.25), rb)
	w.groups = nil
	w.run(10 * time.Minute)
	q, err := Ask(rb)
	if err != nil {
		t.Fatal(err)
	}
	now := TrafficFrom(rb, answered(t, w, q), "Prometheus")
	hour := now
	hour.Rate = now.Rate / 6
	weight, least := 25, func(p Plan) (longest time.Duration, held int) {
		for _, trigger := range rb.Triggers {
			if need, can := p.Decides(trigger.Name, 25); can {
				longest, held = max(longest, need), held+1
			}
		}
		return longest, held
	}
	need, held := least(mustPlan(t, rb, now))
	before, fewer := least(mustPlan(t, rb, hour))
	known, all := least(mustPlan(t, rb, now.But(Traffic{Rate: 40})))
	t.Logf("at %d%%: %s for %d triggers; as an hour's average %s for %d; as it is known %s for %d", weight, need, held, before, fewer, known, all)
	if fewer >= held || held != all {
		t.Errorf("%d triggers hold the step, %d if an hour is averaged, and %d in truth", held, fewer, all)
	}
	if math.Abs(float64(need-known)) > 0.1*float64(known) {
		t.Errorf("the step waits %s and needs %s", need, known)
	}
}

func TestTrafficFromOddAnswers(t *testing.T) {
	rb := ranker("ranker")
	got := TrafficFrom(rb, map[string]float64{"rate": math.NaN(), "error_rate": math.Inf(1), "p95": -1, "scrapes": 20}, "Prometheus")
	if got.Rate != 0 || got.ErrorRate != 0 || got.P95 != 0 || got.Scrape != runbook.Duration(30*time.Second) || len(got.Sources) != 1 {
		t.Errorf("%+v", got)
	}
}
