package rules

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// A story is one trigger of one type on one kind of traffic, with the real engine.
type story struct {
	name    string
	trigger runbook.Trigger
	pods    func(pods []*pod) []*pod
	before  func(*world, *runbook.Runbook) // the rules are made; its world is nil
	adjust  func(*world, *runbook.Runbook) // they run
	minutes float64
	fires   bool
	also    string        // another alert that is right to fire
	since   time.Duration // after the onset, not before
	within  time.Duration
	value   [2]float64 // what the gate answers at the end, if it fires
}

func usualFleet() []*pod { return fleet("ranker", 4, 3, 200, 0.25) }

func tell(t *testing.T, stories []story) {
	for _, s := range stories {
		t.Run(s.name, func(t *testing.T) {
			bulk(t)
			t.Parallel()
			s.trigger.Name = "told"
			if s.trigger.Severity == "" {
				s.trigger.Severity = runbook.Severe
			}
			rb := data(s.trigger)
			if s.before != nil {
				s.before(nil, rb)
			}
			pods := usualFleet()
			if s.pods != nil {
				pods = s.pods(pods)
			}
			w := newWorld(t, 21, pods, rb)
			if s.adjust != nil {
				s.adjust(w, rb)
			}
			got := w.run(time.Duration(s.minutes * float64(time.Minute)))
			s.judge(t, w, rb, got)
		})
	}
}

func (s story) judge(t *testing.T, w *world, rb *runbook.Runbook, got map[string]time.Duration) {
	t.Helper()
	t.Logf("fired: %v", got)
	var want []string
	if s.fires {
		want = []string{"ranker/told default"}
	}
	if s.also != "" {
		want = append([]string{s.also}, want...)
	}
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, want) {
		t.Fatalf("fired %v, want %v", got, want)
	}
	q, err := Ask(rb)
	if err != nil {
		t.Fatal(err)
	}
	gate, err := q.Gate("told", w.release("default"))
	if err != nil {
		t.Fatal(err)
	}
	effect, err := q.Effect("told", w.release("default"))
	if err != nil {
		t.Fatal(err)
	}
	if e := w.ask(effect); len(e) != 1 {
		t.Errorf("effect answers %v: %s", e, effect)
	}
	answers := w.ask(gate)
	if !s.fires {
		if len(answers) > 0 {
			t.Errorf("silent alert, but its gate is open: %v", answers)
		}
		return
	}
	if at := got["ranker/told default"]; at < onset+s.since || at > onset+s.within {
		t.Errorf("fired at %s, want %s to %s after %s", at, s.since, s.within, onset)
	}
	if len(answers) != 1 || answers[0].F < s.value[0] || answers[0].F > s.value[1] {
		t.Errorf("the gate answers %v, want one value in %v", answers, s.value)
	}
}

func failingAt(share float64) func([]*pod) []*pod {
	return func(pods []*pod) []*pod {
		return of(pods, candidates, func(p *pod) { p.errors = after(onset, 0.001, share) })
	}
}

// calm makes errors rare everywhere first.
func calm(then func([]*pod) []*pod) func([]*pod) []*pod {
	return func(pods []*pod) []*pod {
		return then(of(pods, everyPod, func(p *pod) { p.errors = constant(0.001) }))
	}
}

func TestErrorIncrease(t *testing.T) {
	increase := runbook.Trigger{Type: runbook.ErrorIncrease, For: dur(5 * time.Minute), By: 0.005, MinRatio: 1.5}
	tell(t, []story{
		{name: "errors rise from 0.1 to 1 %", trigger: increase, pods: calm(failingAt(0.01)), minutes: 18, fires: true, within: 7 * time.Minute, value: [2]float64{0.005, 0.013}},
		{name: "errors rise from 0.1 to 0.3 %", trigger: increase, pods: calm(failingAt(0.003)), minutes: 18},
	})
}

func TestLatencyCeiling(t *testing.T) {
	slower := func(by float64) func([]*pod) []*pod {
		return func(pods []*pod) []*pod {
			return of(pods, candidates, func(p *pod) { p.slower = after(onset, 1, by) })
		}
	}
	ceiling := runbook.Trigger{Type: runbook.LatencyQuantile, For: dur(3 * time.Minute), Quantile: 0.95, Ceiling: dur(300 * time.Millisecond)}
	both := ceiling
	both.Increase = 1
	tell(t, []story{
		{name: "above the ceiling", trigger: ceiling, pods: slower(1.5), minutes: 16, fires: true, within: 5 * time.Minute, value: [2]float64{0.3, 0.4}},
		{name: "slower, below the ceiling", trigger: ceiling, pods: slower(1.2), minutes: 16},
		{name: "above the ceiling, not by the increase", trigger: both, pods: slower(1.5), minutes: 16, fires: true, within: 5 * time.Minute, value: [2]float64{1.4, 1.7}},
	})
}

func TestSchemaMismatch(t *testing.T) {
	schema := runbook.Trigger{Type: runbook.SchemaMismatch, For: dur(5 * time.Minute), Above: 0.001}
	mismatches := func(good, bad float64) func([]*pod) []*pod {
		return func(pods []*pod) []*pod { return counts(pods, "mismatches_total", good, bad) }
	}
	tell(t, []story{
		{name: "from none to 2 %", trigger: schema, pods: mismatches(0, 0.02), minutes: 15, fires: true, within: 4 * time.Minute, value: [2]float64{0.01, 0.03}},
		{name: "both have some", trigger: schema, pods: mismatches(0.02, 0.02), minutes: 15},
	})
}

func TestCompare(t *testing.T) {
	compare := runbook.Trigger{Type: runbook.Compare, For: dur(5 * time.Minute), By: 0.005, MinRatio: 1.5, Bad: `fallbacks_total{kind="empty"}`, All: "requests_total"}
	fallbacks := func(good, bad float64) func([]*pod) []*pod {
		return func(pods []*pod) []*pod {
			return counts(counts(pods, "fallbacks_total", good, bad, "kind", "empty"), "fallbacks_total", 0.3, 0.9, "kind", "other")
		}
	}
	tell(t, []story{
		{name: "from 1 to 4 %", trigger: compare, pods: fallbacks(0.01, 0.04), minutes: 18, fires: true, within: 6 * time.Minute, value: [2]float64{0.02, 0.04}},
		{name: "no change", trigger: compare, pods: fallbacks(0.01, 0.01), minutes: 15},
	})
}

func TestThresholdStyle(t *testing.T) {
	rate := runbook.Trigger{Type: runbook.ErrorRate, For: dur(3 * time.Minute), Above: 0.05, Style: runbook.ByThreshold}
	slow := runbook.Trigger{Type: runbook.LatencyQuantile, For: dur(3 * time.Minute), Quantile: 0.95, Increase: 0.3, Style: runbook.ByThreshold}
	tell(t, []story{
		{name: "8 % errors for good", trigger: rate, pods: failingAt(0.08), minutes: 16, fires: true, within: 5 * time.Minute, value: [2]float64{0.05, 0.12}},
		{name: "8 % errors for two minutes", trigger: rate, minutes: 16, pods: func(pods []*pod) []*pod {
			return of(pods, candidates, func(p *pod) {
				p.errors = func(t time.Duration) float64 {
					if t >= onset && t < onset+2*time.Minute {
						return 0.08
					}
					return 0.001
				}
			})
		}},
		{name: "60 % slower", trigger: slow, minutes: 18, fires: true, within: 6 * time.Minute, value: [2]float64{1.4, 1.8}, pods: func(pods []*pod) []*pod {
			return of(pods, candidates, func(p *pod) { p.slower = after(onset, 1, 1.6) })
		}},
	})
}

func TestAnomaly(t *testing.T) {
	anomaly := runbook.Trigger{Type: runbook.Anomaly, Severity: runbook.Mild, For: dur(3 * time.Minute), Expr: "max(queue_length) > 100"}
	queue := func(begin, end time.Duration) func([]*pod) []*pod {
		return func(pods []*pod) []*pod {
			return with(pods, func(*pod) *extra {
				return &extra{name: "queue_length", gauge: func(t time.Duration) float64 {
					if t >= begin && t < end {
						return 200
					}
					return 5
				}}
			})
		}
	}
	tell(t, []story{
		{name: "true for good", trigger: anomaly, pods: queue(onset, time.Hour), minutes: 16, fires: true, within: 4 * time.Minute, value: [2]float64{1, 1}},
		{name: "true for two minutes", trigger: anomaly, pods: queue(onset, onset+2*time.Minute), minutes: 16},
	})
}

func TestDriftGauge(t *testing.T) {
	drift := runbook.Trigger{Type: runbook.DriftGauge, Severity: runbook.Mild, For: dur(3 * time.Minute)}
	gauges := func(candidate, stable, last func(time.Duration) float64) func([]*pod) []*pod {
		return func(pods []*pod) []*pod {
			for _, pick := range []string{"ranker-s0", "ranker-c0"} {
				score := stable
				if pick == "ranker-c0" {
					score = candidate
				}
				for name, gauge := range map[string]func(time.Duration) float64{"ml_drift_score": score, "ml_drift_threshold": constant(0.1), "ml_drift_last_run_timestamp_seconds": last} {
					with(pods, func(p *pod) *extra {
						if p.name != pick {
							return nil
						}
						return &extra{name: name, labels: []string{"feature", "age"}, gauge: gauge}
					})
				}
			}
			return pods
		}
	}
	start := float64(time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC).Unix())
	fresh := func(t time.Duration) float64 { return start + t.Seconds() }
	tracks := func(label string) func(*world, *runbook.Runbook) {
		return func(_ *world, rb *runbook.Runbook) {
			rb.Metrics.VersionLabel, rb.Metrics.Track = "", &runbook.Track{Label: "track", Stable: "main", Candidate: "canary"}
			rb.Metrics.Drift.Label = label
		}
	}
	called := func(label string) func(*world, *runbook.Runbook) {
		return func(w *world, _ *runbook.Runbook) { w.called = map[string]string{"version": label} }
	}
	other := func(_ *world, rb *runbook.Runbook) { rb.Metrics.VersionLabel = "service.version" }
	drifts := gauges(after(onset, 0.05, 0.2), constant(0.05), fresh)
	tell(t, []story{
		{name: "gauges that carry the track alone", trigger: drift, before: tracks(""), adjust: called("build"), pods: drifts, minutes: 16, fires: true, within: 4 * time.Minute, value: [2]float64{2, 2}},
		{name: "gauges that carry the version beside a track", trigger: drift, before: tracks("version"), pods: drifts, minutes: 16, fires: true, within: 4 * time.Minute, value: [2]float64{2, 2}},
		{name: "gauges with another version label", trigger: drift, before: other, adjust: called("service.version"), pods: drifts, minutes: 16, fires: true, within: 4 * time.Minute, value: [2]float64{2, 2}},
		{name: "candidate drifts", trigger: drift, pods: gauges(after(onset, 0.05, 0.2), constant(0.05), fresh), minutes: 16, fires: true, within: 4 * time.Minute, value: [2]float64{2, 2}},
		{name: "both drift", trigger: drift, pods: gauges(after(onset, 0.05, 0.2), after(onset, 0.05, 0.2), fresh), minutes: 16},
	})
	t.Run("a score that nobody renews", func(t *testing.T) {
		bulk(t)
		rb := data(drift)
		rb.Triggers[0].Name, rb.Metrics.Drift.MaxAge = "told", dur(5*time.Minute)
		w := newWorld(t, 22, gauges(after(onset, 0.05, 0.2), constant(0.05), constant(start))(usualFleet()), rb)
		fires(t, w.run(16*time.Minute), "ranker/blind default")
	})
}
