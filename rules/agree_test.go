package rules

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"

	"github.com/autorollback/autorollback/runbook"
)

// sick is the fleet of a service whose candidate does everything wrong from a moment on.
func sick(begin time.Duration) []*pod {
	pods := fleet("ranker", 4, 2, 200, 0.2)
	bad := func(good, bad float64) func(p *pod) func(time.Duration) float64 {
		return func(p *pod) func(time.Duration) float64 {
			if p.candidate() {
				return after(begin, good, bad)
			}
			return constant(good)
		}
	}
	of(pods, candidates, func(p *pod) {
		p.errors, p.slower, p.converts = after(begin, 0.005, 0.3), after(begin, 1, 2), after(begin, 0.1, 0.05)
		p.rps = after(begin, p.rps(0), p.rps(0)/5)
	})
	scores(bad(1, 3))(pods)
	for name, share := range map[string]float64{"mismatches_total": 0.2, "rows_total": 1} {
		labels := []string(nil)
		if name == "rows_total" {
			labels = []string{"feature", "age"}
		}
		with(pods, func(p *pod) *extra {
			e := &extra{name: name, labels: labels, share: bad(0.001, share)(p)}
			if name == "rows_total" {
				e.share = constant(1)
			}
			return e
		})
	}
	with(pods, func(p *pod) *extra {
		return &extra{name: "nulls_total", labels: []string{"feature", "age"}, share: bad(0.01, 0.3)(p)}
	})
	with(pods, func(*pod) *extra { return &extra{name: "queue_length", gauge: after(begin, 0, 90)} })
	start := float64(time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC).Unix())
	with(pods, func(p *pod) *extra { return &extra{name: "ml_drift_score", gauge: bad(0.05, 0.2)(p)} })
	with(pods, func(*pod) *extra { return &extra{name: "ml_drift_threshold", gauge: constant(0.1)} })
	with(pods, func(*pod) *extra {
		return &extra{name: "ml_drift_last_run_timestamp_seconds", gauge: func(t time.Duration) float64 { return start + t.Seconds() }}
	})
	return pods
}

// whole is a runbook with a trigger of each type, also by ceiling and without alternative.
func whole() *runbook.Runbook {
	rb := everything("ranker")
	anomaly := slices.IndexFunc(rb.Triggers, func(t runbook.Trigger) bool { return t.Type == runbook.Anomaly })
	rb.Triggers[anomaly].Expr = "sum(queue_length) > 100"
	minutes := func(n int) runbook.Duration { return dur(time.Duration(n) * time.Minute) }
	rb.Triggers = append(rb.Triggers,
		runbook.Trigger{Name: "ceiling", Type: runbook.LatencyQuantile, Severity: runbook.Severe, For: minutes(2), Quantile: 0.95, Ceiling: dur(300 * time.Millisecond)},
		runbook.Trigger{Name: "either", Type: runbook.LatencyQuantile, Severity: runbook.Severe, For: minutes(2), Quantile: 0.9, Increase: 5, Ceiling: dur(300 * time.Millisecond)},
		runbook.Trigger{Name: "steady-slow", Type: runbook.LatencyQuantile, Severity: runbook.Severe, For: minutes(2), Quantile: 0.95, Increase: 0.3, Style: runbook.ByThreshold},
		runbook.Trigger{Name: "users", Type: runbook.AbsoluteSLO, Severity: runbook.Page, For: minutes(2), Above: 0.01})
	return rb
}

// What an alert reads of recorded levels, and the question about the service's own series,
// are the same number, and open and close at the same evaluation.
func TestGateAndAlertAgree(t *testing.T) {
	bulk(t)
	const begin = 5 * time.Minute
	for name, change := range map[string]func(*runbook.Runbook){
		"by version": func(*runbook.Runbook) {},
		"by track": func(rb *runbook.Runbook) {
			rb.Metrics.VersionLabel, rb.Metrics.Track = "", &runbook.Track{Label: "track", Stable: "main", Candidate: "canary"}
		},
		"shared rows": func(rb *runbook.Runbook) {
			rb.Metrics.Features.SharedRows, rb.Metrics.Features.Rows = true, "requests_total"
		},
		"in a region": func(rb *runbook.Runbook) {
			rb.Regions, rb.Metrics.RegionLabel = []string{"default"}, "dc"
			for i, tr := range rb.Triggers {
				if tr.Type == runbook.Anomaly {
					rb.Triggers[i].Expr = "sum by (dc) (queue_length) > 100"
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rb := whole()
			change(rb)
			w := newWorld(t, 51, sick(begin), rb)
			w.weight = func(p *pod, _ time.Duration) float64 { return map[bool]float64{true: 20, false: 80}[p.candidate()] }
			w.proves = func(string, time.Duration) float64 { return 1 }
			seen := map[string]map[bool]int{}
			for w.now.Sub(w.start) < 18*time.Minute {
				w.tick()
				for _, tr := range rb.Triggers {
					open := w.agrees(t, rb, tr)
					if seen[tr.Name] == nil {
						seen[tr.Name] = map[bool]int{}
					}
					seen[tr.Name][open]++
				}
			}
			for _, name := range slices.Sorted(maps.Keys(seen)) {
				if seen[name][true] == 0 || seen[name][false] == 0 {
					t.Errorf("%s: open at %d evaluations, closed at %d", name, seen[name][true], seen[name][false])
				}
			}
		})
	}
}

// agrees compares the two views of one trigger now, and reports whether its gate is open.
func (w *world) agrees(t *testing.T, rb *runbook.Runbook, tr runbook.Trigger) bool {
	t.Helper()
	q, err := Ask(rb)
	if err != nil {
		t.Fatal(err)
	}
	asked, err := q.Gate(tr.Name, w.release("default"))
	if err != nil {
		t.Fatal(err)
	}
	gate := w.ask(asked)
	if tr.Lasting() {
		w.lasts(t, tr.Name, len(gate) > 0)
		return len(gate) > 0
	}
	alert := w.ask(w.condition(t, rb, tr))
	if len(gate) > 1 || len(alert) > 1 || len(gate) != len(alert) || len(gate) == 1 && math.Abs(gate[0].F-alert[0].F) > 1e-9 {
		t.Errorf("%s: %s: asked %v, the alert reads %v", w.now.Sub(w.start), tr.Name, gate, alert)
	}
	if !tr.Absolute() {
		onlyRegionAndRelease(t, tr.Name, alert)
	}
	return len(gate) > 0
}

// lasts: an alert with a for counts the moment at which it became true, and the question
// the intervals since, so that the question may be open one evaluation earlier, and no
// more.
func (w *world) lasts(t *testing.T, name string, open bool) {
	t.Helper()
	since, known := w.opened[name]
	fires := slices.Contains(w.firing(), "ranker/"+name+" default")
	switch {
	case open && !known:
		w.opened[name] = w.now
	case open && !fires && w.now.Sub(since) >= w.interval:
		t.Errorf("%s: %s is open since %s, and its alert does not fire", w.now.Sub(w.start), name, since.Sub(w.start))
	case !open && fires && !known:
		t.Errorf("%s: the alert of %s fires, and its gate is not open", w.now.Sub(w.start), name)
	}
}

func (w *world) condition(t *testing.T, rb *runbook.Runbook, tr runbook.Trigger) Expr {
	t.Helper()
	g, err := Compile(rb)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range g.Rules {
		if r.Labels["trigger"] == tr.Name {
			return r.Expr
		}
	}
	t.Fatalf("no alert of %s", tr.Name)
	return Expr{}
}

// onlyRegionAndRelease: what else an alert carried would make a new alert of it.
func onlyRegionAndRelease(t *testing.T, name string, found promql.Vector) {
	t.Helper()
	for _, s := range found {
		if got := s.Metric.String(); got != `{region="default", release="r1"}` {
			t.Errorf("%s: the alert carries %s", name, got)
		}
	}
}

// called is what a service calls its labels; empty: as we do.
type called struct{ version, track, region, pod, feature string }

// Whatever a service calls its labels, the rules find both sides and the question does.
func TestLabelsOfAnyName(t *testing.T) {
	bulk(t)
	const begin = 2 * time.Minute
	names := []string{"service", "release", "role", "region", "instance", "signal", "version", "track", "part", "trigger"}
	var cases []called
	for i, n := range names {
		other := names[(i+1)%len(names)]
		cases = append(cases, called{version: n, region: other}, called{track: n}, called{feature: n, pod: other, version: "v"})
	}
	cases = append(cases, called{version: "region", region: "version"}, called{version: "part", region: "version", feature: "region"}, called{version: "release", region: "role", feature: "service", pod: "signal"})
	for _, c := range cases {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			t.Parallel()
			c.play(t, begin)
		})
	}
}

func (c called) play(t *testing.T, begin time.Duration) {
	rb := whole()
	rb.Triggers = slices.DeleteFunc(rb.Triggers, func(tr runbook.Trigger) bool {
		return tr.Type == runbook.DriftGauge || tr.Type == runbook.Anomaly || tr.For > dur(5*time.Minute)
	})
	w := map[string]string{"version": "was_version", "instance": "was_instance", "dc": "was_dc", "track": "was_track"}
	set := func(ours, theirs string, into *string) {
		if theirs != "" {
			w[ours], *into = theirs, theirs
		} else if *into == ours {
			*into = w[ours]
		}
	}
	if c.track != "" {
		rb.Metrics.VersionLabel, rb.Metrics.Track = "", &runbook.Track{Label: c.track, Stable: "main", Candidate: "canary"}
		w["track"] = c.track
	} else {
		set("version", c.version, &rb.Metrics.VersionLabel)
	}
	set("instance", c.pod, &rb.Metrics.PodLabel)
	if c.region != "" {
		rb.Regions, rb.Metrics.RegionLabel, w["dc"] = []string{"default"}, c.region, c.region
	}
	if c.feature != "" {
		rb.Metrics.Features.Label, w["feature"] = c.feature, c.feature
	}
	pods := sick(begin)
	world := newWorld(t, 52, pods, rb)
	world.called = w
	world.weight = func(p *pod, _ time.Duration) float64 { return map[bool]float64{true: 20, false: 80}[p.candidate()] }
	world.proves = provedFrom(begin)
	got := world.run(begin + 6*time.Minute)
	for _, tr := range rb.Triggers {
		world.agrees(t, rb, tr)
		name := "ranker/" + tr.Name + " default"
		if tr.Absolute() && c.region == "" {
			name = "ranker/" + tr.Name
		}
		if _, ok := got[name]; !ok {
			t.Errorf("%s did not fire: %v", name, got)
		}
	}
	if _, blind := got["ranker/blind default"]; blind {
		t.Errorf("blind: %v", got)
	}
	q, err := Ask(rb)
	if err != nil {
		t.Fatal(err)
	}
	if pods := world.ask(q.Pods(world.release("default"), runbook.Candidate)); len(pods) != 1 || pods[0].F != 2 {
		t.Errorf("candidate pods: %v", pods)
	}
}
