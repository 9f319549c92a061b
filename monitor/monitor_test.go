package monitor

import (
	"bytes"
	"context"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// watched runs a test in a bubble with a monitor of one release that is hours old.
func watched(t *testing.T, age time.Duration, test func(t *testing.T, m *Monitor, p *paper, x Target)) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(48 * time.Hour) // so that there is history
		p := &paper{state: state{series: 12}}
		m, x := New(p, zap.NewNop()), paperTarget(t, time.Now().Add(-age))
		ctx, cancel := context.WithCancel(t.Context())
		defer func() { cancel(); m.Wait() }()
		m.Watch(ctx, []Target{x})
		test(t, m, p, x)
	})
}

func says(t *testing.T, m *Monitor, problem string) {
	t.Helper()
	s := m.Significance("rel-1", "errors", time.Now())
	if problem == "" && s.Problem != "" || !strings.Contains(s.Problem, problem) {
		t.Errorf("it says %q, want %q", s.Problem, problem)
	}
}

func TestSignificanceIsRebuilt(t *testing.T) {
	watched(t, 24*time.Hour, func(t *testing.T, m *Monitor, p *paper, x Target) {
		p.set(func(p *paper) { p.slow = 100 * time.Millisecond })
		says(t, m, "rebuilt")
		synctest.Wait()
		says(t, m, "rebuilt")
		time.Sleep(10 * time.Second)
		s := m.Significance("rel-1", "errors", time.Now())
		if s.Problem != "" || time.Since(s.At) > 2*paperInterval || s.Value >= 1 || s.Method != analysis.Method {
			t.Errorf("after the rebuild: %+v", s)
		}
		p.set(func(p *paper) { p.harm = time.Now() })
		time.Sleep(5 * time.Minute)
		if s := m.Significance("rel-1", "errors", time.Now()); !s.Proved() {
			t.Errorf("five minutes of 20 %% errors: %+v", s)
		}
		if s := m.Significance("rel-1", "slo", time.Now()); s.Problem != "the trigger compares nothing" {
			t.Errorf("an absolute trigger: %+v", s)
		}
		if s := m.Significance("rel-2", "errors", time.Now()); s.Problem == "" {
			t.Errorf("a release that nobody watches: %+v", s)
		}
	})
}

// Two daemons of which one saw everything as it came and the other rebuilt it agree.
func TestLiveAndRebuiltAgree(t *testing.T) {
	watched(t, time.Hour, func(t *testing.T, m *Monitor, p *paper, x Target) {
		p.set(func(p *paper) { p.harm = time.Now().Add(time.Minute) })
		time.Sleep(20 * time.Minute)
		at := m.Snapshots()[0].At
		again, err := New(p, zap.NewNop()).Replica(x).CatchUp(t.Context(), at.Add(Lag(paperInterval)))
		if err != nil {
			t.Fatal(err)
		}
		live := m.Snapshots()[0]
		if !again.At.Equal(at) || math.Abs(live.Results["errors"].Significance-again.Results["errors"].Significance) > 1e-9 {
			t.Errorf("live %v at %s, rebuilt %v at %s", live.Results["errors"].Significance, at, again.Results["errors"].Significance, again.At)
		}
		if v := live.Smallest["errors"]; !(v > 0.01 && v < 0.2) {
			t.Errorf("the smallest provable share is %v", v)
		}
	})
}

func TestSignificanceGrowsStale(t *testing.T) {
	for name, c := range map[string]struct {
		trouble func(*paper)
		says    string
	}{
		"no answer":      {func(p *paper) { p.down = true }, "connection refused"},
		"partial answer": {func(p *paper) { p.partial = true }, "a store did not answer"},
	} {
		t.Run(name, func(t *testing.T) {
			watched(t, time.Hour, func(t *testing.T, m *Monitor, p *paper, x Target) {
				time.Sleep(time.Minute)
				says(t, m, "")
				p.set(c.trouble)
				time.Sleep(2 * paperInterval)
				says(t, m, "")
				time.Sleep(3 * paperInterval)
				says(t, m, "ago: ")
				says(t, m, c.says)
				reg := prometheus.NewPedanticRegistry()
				reg.MustRegister(m)
				if n, err := testutil.GatherAndCount(reg, "autorollback_trigger_significance"); n != 0 || err != nil {
					t.Errorf("%d old significances are exported, %v", n, err)
				}
				if n, err := testutil.GatherAndCount(reg, "autorollback_release_evaluated_timestamp_seconds"); n != 1 || err != nil {
					t.Errorf("%d times of the last evaluation are exported, %v", n, err)
				}
				p.set(func(p *paper) { p.down, p.partial = false, false })
				time.Sleep(2 * paperInterval)
				says(t, m, "")
				if n, err := testutil.GatherAndCount(reg, "autorollback_trigger_significance", "autorollback_trigger_level"); n != 3 || err != nil {
					t.Errorf("%d series of now, want a significance and two levels, %v", n, err)
				}
			})
		})
	}
}

func TestNothingIsJudgedInTheWarmup(t *testing.T) {
	watched(t, 0, func(t *testing.T, m *Monitor, _ *paper, _ Target) {
		time.Sleep(time.Minute)
		says(t, m, "warming up")
		time.Sleep(2 * time.Minute)
		says(t, m, "")
	})
}

func TestWatchFollowsReleases(t *testing.T) {
	watched(t, time.Hour, func(t *testing.T, m *Monitor, p *paper, x Target) {
		time.Sleep(time.Minute)
		queries := func() (n int) { p.set(func(p *paper) { n = len(p.asked) }); return }
		before := queries()
		x.Release.Weight = 50
		m.Watch(t.Context(), []Target{x})
		synctest.Wait()
		if got := m.Snapshots()[0].Release.Weight; got != 50 || queries() != before {
			t.Errorf("after a change of the weight: %v, and %d queries more", got, queries()-before)
		}
		changed := *x.Runbook
		changed.Digest = "sha256:other"
		m.Watch(t.Context(), []Target{{&changed, x.Release}})
		says(t, m, "rebuilt")
		synctest.Wait()
		says(t, m, "")
		m.Watch(t.Context(), nil)
		says(t, m, "not watched")
		before = queries()
		time.Sleep(time.Hour)
		if queries() != before {
			t.Errorf("%d queries about a release that has ended", queries()-before)
		}
	})
}

// A hundred releases at once ask for history by twos.
func TestHistoryIsAskedByTwos(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(48 * time.Hour)
		p := &paper{state: state{series: 12, slow: 50 * time.Millisecond}}
		m := New(p, zap.NewNop())
		ctx, cancel := context.WithCancel(t.Context())
		defer func() { cancel(); m.Wait() }()
		var all []Target
		for i := range 100 {
			x := paperTarget(t, time.Now().Add(-time.Duration(i%5)*time.Hour))
			x.Release.ID += string(rune('a'+i/26)) + string(rune('a'+i%26))
			all = append(all, x)
		}
		m.Watch(ctx, all)
		time.Sleep(2 * time.Minute)
		p.set(func(p *paper) {
			if p.mostBusy != historyAtOnce {
				t.Errorf("%d questions about history at once, want %d", p.mostBusy, historyAtOnce)
			}
		})
		for _, s := range m.Snapshots() {
			if s.problem(time.Now()) != "" {
				t.Errorf("%s: %s", s.Release.ID, s.problem(time.Now()))
			}
		}
	})
}

func TestManySeriesAreAddedUpByPrometheus(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(48 * time.Hour)
		p := &paper{state: state{series: mostSeries + 1}}
		if _, err := New(p, zap.NewNop()).Replica(paperTarget(t, time.Now().Add(-time.Hour))).CatchUp(t.Context(), time.Now()); err != nil {
			t.Fatal(err)
		}
		sums, raw := 0, 0
		for _, q := range p.asked {
			if strings.HasPrefix(q, "range sum by") {
				sums++
			} else if rangeOf.MatchString(q) {
				raw++
			}
		}
		if sums == 0 || raw > 0 {
			t.Errorf("%d questions for sums, %d for raw samples", sums, raw)
		}
	})
}

// What is kept of a decision gives the same number again.
func TestRecordGivesTheSameNumber(t *testing.T) {
	watched(t, time.Hour, func(t *testing.T, m *Monitor, p *paper, x Target) {
		p.set(func(p *paper) { p.harm = time.Now() })
		time.Sleep(4 * time.Minute)
		live := m.Significance("rel-1", "errors", time.Now())
		time.Sleep(10 * time.Minute)
		file, _, err := m.Record(t.Context(), x, live.At, live.At)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Recompute(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		if got := again.Results["errors"].Significance; !again.At.Equal(live.At) || got != live.Value || again.Release.ID != "rel-1" || again.Method != live.Method {
			t.Errorf("recomputed %v at %s, decided on %v at %s", got, again.At, live.Value, live.At)
		}
		check := func(change func(*record.Significance)) view.Recheck {
			b := record.Breach{Trigger: "errors", Significance: live}
			change(&b.Significance)
			r, err := Recheck(bytes.NewReader(file), b)
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		if r := check(func(*record.Significance) {}); !r.Known || !r.Agrees {
			t.Errorf("checked again: %+v", r)
		}
		for name, r := range map[string]view.Recheck{
			"another number": check(func(s *record.Significance) { s.Value /= 2 }),
			"another moment": check(func(s *record.Significance) { s.At = s.At.Add(time.Second) }),
		} {
			if !r.Known || r.Agrees {
				t.Errorf("%s: %+v", name, r)
			}
		}
		if r := check(func(s *record.Significance) { s.Method = "another" }); r.Known {
			t.Errorf("by another method: %+v", r)
		}
		for name, torn := range map[string][]byte{"no gzip": []byte("{}"), "cut": file[:len(file)/2], "empty": nil} {
			if _, err := Recompute(bytes.NewReader(torn)); err == nil {
				t.Errorf("%s: no error", name)
			}
		}
	})
}

func TestBluntedInWords(t *testing.T) {
	rb := &runbook.Runbook{Triggers: []runbook.Trigger{
		{Name: "errors", Type: runbook.ErrorRate, Above: 0.05},
		{Name: "latency", Type: runbook.LatencyQuantile, Quantile: 0.95, Increase: 0.3},
		{Name: "conversion", Type: runbook.KPIDrop, KPI: "conversion", Drop: 0.02},
	}}
	for name, c := range map[string]struct {
		trigger                  string
		smallest, effect, stable float64
		want                     string
	}{
		"a share":         {"errors", 0.07, 0.01, 0.01, "only from this on could be proved now: error rate 7 %; the runbook says 5 %"},
		"sharp enough":    {"errors", 0.04, 0.01, 0.01, ""},
		"the gate's own":  {"errors", 0.07, 0.06, 0.06, ""},
		"a ratio above 1": {"latency", 1.45, 1, 0.1, "only from this on could be proved now: P95 latency 45 % above stable; the runbook says 30 %"},
		"a ratio below 1": {"conversion", 0.95, 1, 0.2, "only from this on could be proved now: conversion 5 % below stable; the runbook says 2 %"},
		"a smaller drop":  {"conversion", 0.99, 1, 0.2, ""},
		"nothing at all":  {"conversion", math.NaN(), 1, 0.2, "not even the greatest harm could be proved now, the runbook says 2 %"},
		"no data":         {"conversion", math.NaN(), math.NaN(), math.NaN(), ""},
		"no such trigger": {"slo", 1, 1, 1, ""},
	} {
		s := Snapshot{Target: Target{Runbook: rb}, Results: map[string]analysis.Result{c.trigger: {Effect: c.effect, Level: [2]float64{0, c.stable}}}, Smallest: map[string]float64{c.trigger: c.smallest}}
		if got := s.blunted(c.trigger); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if got := (Snapshot{Target: Target{Runbook: rb}}).blunted(c.trigger); got != "" {
			t.Errorf("%s, before anything is judged: %q", name, got)
		}
	}
}
