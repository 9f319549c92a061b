package rules

import (
	"math"
	"testing"
	"time"
)

// What the real engine answers, by the questions' names.
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
	got := answered(t, w, q)
	for name, want := range map[string]float64{
		"rate": 40, "seen": 3600, "error_rate": 0.02, "p50": 0.1, "p95": 0.23, "kpi conversion": 0.2, "trials conversion": 0.5,
		"stable_pods": 4, "scrapes": 40,
	} {
		if math.Abs(got[name]-want) > 0.05*want {
			t.Errorf("%s: %v, want %v", name, got[name], want)
		}
	}
	if n := len(q.Traffic()); len(got) != n {
		t.Errorf("%d of %d questions are answered", len(got), n)
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
		pods := fleet("ranker", 6, 2, 800, 0.25) // half of them before, half after
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
	unseen := fleet("ranker", 3, 1, 400, 0.25)
	for _, p := range unseen {
		p.silent = func(since time.Duration) bool { return since > 20*time.Minute && since < 40*time.Minute }
	}
	tests := map[string]struct {
		pods []*pod
		age  time.Duration
		seen time.Duration
		old  bool // older than the scrapes are counted over
	}{
		"a minute":                         {fleet("ranker", 3, 1, 400, 0.25), time.Minute, 58 * time.Second, false},
		"ten minutes":                      {fleet("ranker", 3, 1, 400, 0.25), 10 * time.Minute, 9*time.Minute + 58*time.Second, false},
		"half an hour":                     {fleet("ranker", 3, 1, 400, 0.25), 30 * time.Minute, 29*time.Minute + 58*time.Second, true},
		"half an hour, replaced meanwhile": {replaced(15 * time.Minute), 30 * time.Minute, 30 * time.Minute, true},
		"old, replaced within the hour":    {replaced(40 * time.Minute), 70 * time.Minute, time.Hour, true},
		"old, not scraped for a third":     {unseen, 60*time.Minute + 15*time.Second, 59*time.Minute + 58*time.Second, true},
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
			got := answered(t, w, q)
			if seen := time.Duration(math.Round(got["seen"])) * time.Second; math.Abs(got["rate"]-400) > 25 || seen != tt.seen {
				t.Errorf("%g requests/s of %s; want 400 of %s", got["rate"], seen, tt.seen)
			}
			if n, known := got["scrapes"]; known != tt.old || known && n != 40 {
				t.Errorf("%v scrapes in %s", n, ScrapesOver)
			}
		})
	}
}
