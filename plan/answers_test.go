package plan

import (
	"maps"
	"math"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// answers are what the real engine answers of 40 requests per second, see the test of
// rules' questions of the same name.
func answers() map[string]float64 {
	return map[string]float64{"rate": 40, "seen": 3600, "error_rate": 0.02, "p50": 0.1, "p95": 0.23,
		"kpi conversion": 0.2, "trials conversion": 0.5, "stable_pods": 4, "scrapes": 40}
}

func TestTrafficFrom(t *testing.T) {
	rb := ranker()
	got := TrafficFrom(rb, answers(), "Prometheus")
	if got.Rate != 40 || got.ErrorRate != 0.02 || got.P50 != 0.1 || got.P95 != 0.23 || got.StablePods != 4 ||
		got.KPIs["conversion"] != (Baseline{Rate: 0.2, Trials: 0.5}) || got.Scrape != rb.Metrics.Interval {
		t.Errorf("%+v", got)
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

// Of a young service the sources say its age, and its scrapes are not known yet.
func TestTrafficOfAYoungService(t *testing.T) {
	for name, c := range map[string]struct {
		seen   float64
		source string
	}{
		"a minute": {57.6, "Prometheus, of 58s"}, "half an hour": {1800, "Prometheus, of 30m"},
		"an interval less than the hour": {3585, "Prometheus"}, "old": {3600, "Prometheus"},
	} {
		rb, now := ranker(), maps.Clone(answers())
		now["seen"] = c.seen
		delete(now, "scrapes")
		got := TrafficFrom(rb, now, "Prometheus")
		if got.Sources["rate"] != c.source || got.Scrape != 0 {
			t.Errorf("%s: %q, scraped every %s", name, got.Sources["rate"], got.Scrape)
		}
		if n := mustPlan(t, rb, got).Traffic.Scrape; n != rb.Metrics.Interval {
			t.Errorf("%s: the plan takes a scrape interval of %s", name, n)
		}
	}
}

// What the average of an hour did to a service that is ten minutes old: a trigger that
// decides within the step was taken for one that cannot, and such a trigger holds no ramp.
// The step then waited for the others alone, which is too short; and the times that were
// named for it were too long.
func TestAYoungServicesStepWaits(t *testing.T) {
	rb := ranker()
	now := answers()
	maps.Copy(now, map[string]float64{"rate": 40.5, "seen": 598, "error_rate": 0.005, "stable_pods": 3})
	maps.DeleteFunc(now, func(name string, _ float64) bool { return name == "scrapes" })
	asked := TrafficFrom(rb, now, "Prometheus")
	hour := asked
	hour.Rate = asked.Rate / 6
	least := func(p Plan) (longest time.Duration, held int) {
		for _, trigger := range rb.Triggers {
			if need, can := p.Decides(trigger.Name, 25); can {
				longest, held = max(longest, need), held+1
			}
		}
		return longest, held
	}
	need, held := least(mustPlan(t, rb, asked))
	before, fewer := least(mustPlan(t, rb, hour))
	known, all := least(mustPlan(t, rb, asked.But(Traffic{Rate: 40})))
	t.Logf("at 25%%: %s for %d triggers; as an hour's average %s for %d; as it is known %s for %d", need, held, before, fewer, known, all)
	if fewer >= held || held != all {
		t.Errorf("%d triggers hold the step, %d if an hour is averaged, and %d in truth", held, fewer, all)
	}
	if math.Abs(float64(need-known)) > 0.1*float64(known) {
		t.Errorf("the step waits %s and needs %s", need, known)
	}
}

func TestTrafficFromOddAnswers(t *testing.T) {
	rb := ranker()
	got := TrafficFrom(rb, map[string]float64{"rate": math.NaN(), "error_rate": math.Inf(1), "p95": -1, "scrapes": 20}, "Prometheus")
	if got.Rate != 0 || got.ErrorRate != 0 || got.P95 != 0 || got.Scrape != runbook.Duration(30*time.Second) || len(got.Sources) != 1 {
		t.Errorf("%+v", got)
	}
}
