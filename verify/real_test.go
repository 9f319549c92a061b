package verify_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/servers"
	"github.com/autorollback/autorollback/verify"
)

const realConfig = `
global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}
rule_files: [rules.yml]
scrape_configs:
  - job_name: ranker
    honor_labels: true
    static_configs: [{targets: [%s]}]
`

// A stage is a real Prometheus with the rules of testdata/fast.yaml that scrapes a
// service with a stable and a candidate side.
type stage struct {
	t                 testing.TB
	rb                *runbook.Runbook
	q                 rules.Questions
	rel               record.Release
	stable, candidate *side
	service           *service
	prometheus        *verify.Prometheus
}

func setUp(t testing.TB) *stage {
	t.Helper()
	if testing.Short() {
		t.Skip("a real Prometheus takes half a minute")
	}
	rb, err := runbook.Load("testdata/fast.yaml")
	if err != nil {
		t.Fatal(err)
	}
	group, err := rules.Compile(rb)
	if err != nil {
		t.Fatal(err)
	}
	text, err := rules.Marshal([]rules.Group{group})
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, rb: rb,
		stable:    &side{version: "v1", role: "stable", pods: 4, requests: 40, errors: 0.002, slow: 0.01},
		candidate: &side{version: "v2", role: "candidate", pods: 3, requests: 15, errors: 0.002, slow: 0.01},
	}
	s.service = serviceOf(t, s.stable, s.candidate)
	server := servers.Prometheus(t, fmt.Sprintf(realConfig, strings.TrimPrefix(s.service.URL, "http://")), map[string]string{"rules.yml": string(text)})
	if s.q, err = rules.Ask(rb); err != nil {
		t.Fatal(err)
	}
	s.prometheus = verifierOf(t, server.URL, 20*time.Second)
	now := time.Now()
	s.rel = record.Release{Schema: 1, ID: "ranker-42", Service: "ranker", Region: runbook.DefaultRegion, Phase: record.Open,
		Stable: record.Side{Version: "v1"}, Candidate: record.Side{Version: "v2"}, Weight: 20, StartedAt: now, WeightChangedAt: now}
	return s
}

// rollBack moves all traffic to the stable side and takes the roles away, as the
// daemon's transaction does.
func (s *stage) rollBack() {
	s.service.change(func() {
		s.stable.requests += s.candidate.requests * 3 / 4
		s.candidate.requests = 0
		s.service.roles = false
	})
	s.rel.WeightChangedAt, s.rel.Weight = time.Now(), 0
}

func (s *stage) confirm(trigger string) record.Breach {
	t, ok := s.rb.Trigger(trigger)
	if !ok {
		s.t.Fatalf("no trigger %s", trigger)
	}
	return s.prometheus.Confirm(s.t.Context(), s.q, t, s.rel, proved())
}

// every polls until done, at most as long as given.
func (s *stage) every(pause, within time.Duration, what string, done func() (bool, string)) {
	s.t.Helper()
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for end := time.Now().Add(within); ; <-tick.C {
		ok, last := done()
		if ok {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("%s: not within %s; last: %s", what, within, last)
		}
	}
}

func (s *stage) until(trigger string, want record.State) record.Breach {
	s.t.Helper()
	var b record.Breach
	s.every(200*time.Millisecond, 2*time.Minute, fmt.Sprintf("%s is %s", trigger, want), func() (bool, string) {
		b = s.confirm(trigger)
		return b.State == want, fmt.Sprintf("%s %s %v", b.State, b.Problem, b.Queries)
	})
	return b
}

// poll asks everything once, as the engine does after a rollback.
func (s *stage) poll(wellAt time.Time) []record.Answer {
	ctx := s.t.Context()
	return append(s.prometheus.Recovery(ctx, s.q, s.rel, wellAt), s.prometheus.Drained(ctx, s.q, s.rel))
}

// verdict polls until there is one.
func (s *stage) verdict(wellAt time.Time, within time.Duration) record.Verdict {
	s.t.Helper()
	polls, deadline := 0, time.Now().Add(within)
	var v record.Verdict
	s.every(300*time.Millisecond, within+5*time.Second, "a verdict", func() (done bool, last string) {
		answers := s.poll(wellAt)
		health, why := verify.Judge(answers)
		polls = verify.Count(polls, health)
		v, done = verify.Conclude(verify.Course{Answers: answers, Polls: polls, Need: 3, Deadline: deadline}, time.Now())
		return done, why
	})
	return v
}

func TestRealBreachDrainAndRecovery(t *testing.T) {
	t.Parallel()
	s := setUp(t)
	healthy := s.until("errors", record.NotBreaching)
	if healthy.CandidatePods != 3 || healthy.StablePods != 4 || healthy.StableUnhealthy {
		t.Errorf("healthy: got %+v", healthy)
	}
	s.until("latency", record.NotBreaching)
	// Three windows of a healthy life, so that there is a level before.
	s.every(time.Second, 9*time.Second, "a life before", func() (bool, string) {
		return time.Since(s.rel.StartedAt) > 8*time.Second, ""
	})
	began := time.Now()
	s.service.change(func() { s.candidate.errors = 0.3 })
	breach := s.until("errors", record.Breaching)
	// The service counts by scrapes, and a busy machine scrapes later: 3 × 15 to 4 × 40.
	if share := breach.CandidateRate / breach.StableRate; breach.Value < 0.05 || breach.CandidatePods != 3 || breach.StablePods != 4 || breach.StableUnhealthy ||
		!(share > 0.2 && share < 0.4) {
		t.Errorf("got %+v", breach)
	}
	s.until("latency", record.NotBreaching)
	s.seesItFiring("errors")
	t.Logf("confirmed %s after the first bad request, effect %.3f", time.Since(began).Round(100*time.Millisecond), breach.Value)

	if a := s.prometheus.Drained(t.Context(), s.q, s.rel); a.Health != record.Bad || a.Value < 5 {
		t.Errorf("before the change: got %+v", a)
	}
	s.rollBack()
	changed := time.Now()
	if v := s.verdict(began.Add(-time.Second), 2*time.Minute); v.Outcome != record.Recovered {
		t.Fatalf("got %+v", v)
	} else {
		t.Logf("recovered %s after the change: %s", time.Since(changed).Round(100*time.Millisecond), v.Reason)
	}
	s.every(300*time.Millisecond, 2*time.Minute, "still drained", func() (bool, string) {
		a := s.prometheus.Drained(t.Context(), s.q, s.rel)
		return a.Health == record.Good, a.Text
	})
	s.service.change(func() { s.candidate.pods = 0 })
	s.every(300*time.Millisecond, 2*time.Minute, "gone and still drained", func() (bool, string) {
		a := s.prometheus.Drained(t.Context(), s.q, s.rel)
		return a.Health == record.Good && strings.Contains(a.Text, "no longer report"), a.Text
	})
	s.service.Close()
	s.every(300*time.Millisecond, 2*time.Minute, "blind once nothing is scraped", func() (bool, string) {
		health, why := verify.Judge(s.poll(began.Add(-time.Second)))
		return health == record.Unknown, why
	})
}

// seesItFiring waits for the trigger's alert in Prometheus, and for the watchdog.
func (s *stage) seesItFiring(trigger string) {
	s.t.Helper()
	alert := fmt.Sprintf(`ALERTS{autorollback="true", alertstate="firing", service="ranker", trigger=%q, severity="severe", region=%q}`, trigger, s.rel.Region)
	s.every(200*time.Millisecond, 2*time.Minute, trigger+" and the watchdog fire", func() (bool, string) {
		f, err := s.prometheus.Firing(s.t.Context())
		answer := s.prometheus.Evidence(s.t.Context(), map[string]string{"firing": alert}, time.Time{})[0].Answer
		return f.Watchdog && strings.Contains(answer, `"trigger":"`+trigger+`"`), fmt.Sprintf("%+v %v %s", f, err, answer)
	})
}

// A fault that hits both versions: the trigger falls silent with the candidate's
// traffic, and users still get errors.
func TestRealSickServiceIsNeverCalledRecovered(t *testing.T) {
	t.Parallel()
	s := setUp(t)
	s.until("errors", record.NotBreaching)
	s.every(time.Second, 9*time.Second, "a life before", func() (bool, string) {
		return time.Since(s.rel.StartedAt) > 8*time.Second, ""
	})
	began := time.Now()
	s.service.change(func() { s.candidate.errors, s.stable.errors = 0.3, 0.2 })
	s.every(200*time.Millisecond, 2*time.Minute, "the stable side is seen to be sick", func() (bool, string) {
		b := s.confirm("slo")
		return b.State == record.Breaching && b.StableUnhealthy, fmt.Sprintf("%+v", b)
	})
	s.rollBack()
	v := s.verdict(began.Add(-time.Second), 12*time.Second)
	for tries := 0; v.Outcome == record.CannotTell && tries < 5; tries++ { // the last poll met a late scrape
		v = s.verdict(began.Add(-time.Second), 12*time.Second)
	}
	if v.Outcome != record.NotRecovered {
		t.Errorf("got %+v", v)
	}
	if b := s.confirm("errors"); b.State == record.Breaching {
		t.Errorf("the trigger should have fallen silent, got %+v", b)
	}
	s.every(300*time.Millisecond, 2*time.Minute, "the cause is known to be another", func() (bool, string) {
		answers := s.poll(began.Add(-time.Second))
		v, _ := verify.Conclude(verify.Course{Answers: answers, Need: 3, Deadline: time.Now(), StableUnhealthy: true}, time.Now())
		return v.Outcome == record.WrongCause, fmt.Sprintf("%+v", v)
	})
}
