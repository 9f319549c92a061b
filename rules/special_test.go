package rules

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/sim"
)

func failing(p *pod) { p.errors = after(onset, 0.005, 0.08) }

func release(region string) record.Release {
	return record.Release{ID: "r1", Service: "ranker", Region: region,
		Stable: record.Side{Version: "v1"}, Candidate: record.Side{Version: "v2"}}
}

// bulk keeps a long trace out of the race detector, under which the engine is some
// ten times slower. The package starts no goroutines; the rest of the suite covers it.
func bulk(t *testing.T) {
	t.Helper()
	sim.Bulk(t)
}

func fires(t *testing.T, got map[string]time.Duration, want ...string) {
	t.Helper()
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, want) {
		t.Fatalf("fired %v, want %v", got, want)
	}
}

func TestNativeHistogram(t *testing.T) {
	bulk(t)
	for _, c := range []struct {
		name   string
		slower float64
		want   []string
	}{{"40 % slower", 1.4, []string{"ranker/latency-p95 default"}}, {"10 % slower", 1.1, nil}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rb := ranker("ranker")
			rb.Metrics.Latency = &runbook.Latency{Histogram: "latency_seconds", Kind: runbook.Native}
			pods := of(fleet("ranker", 3, 2, 200, 0.25), everyPod, func(p *pod) {
				p.native = true
				if p.candidate() {
					p.slower = after(onset, 1, c.slower)
				}
			})
			fires(t, newWorld(t, 3, pods, rb).run(22*time.Minute), c.want...)
		})
	}
}

func TestTwoDaemonsCountOnce(t *testing.T) {
	bulk(t)
	t.Parallel()
	run := func(daemons int) map[string]time.Duration {
		w := newWorld(t, 5, of(fleet("ranker", 4, 2, 200, 0.25), candidates, failing), ranker("ranker"))
		w.daemons = daemons
		return w.run(15 * time.Minute)
	}
	one, two := run(1), run(2)
	fires(t, one, "ranker/error-rate default")
	if !maps.Equal(one, two) {
		t.Fatalf("one daemon: %v, two: %v", one, two)
	}
}

func TestDaemonsThatDisagreeAreBlindNotBroken(t *testing.T) {
	bulk(t)
	t.Parallel()
	pods := of(fleet("ranker", 4, 2, 200, 0.25), candidates, failing)
	w := newWorld(t, 5, append(pods, newPod("ranker", "v0", "ranker-old", 0)), ranker("ranker"))
	w.role = func(p *pod, since time.Duration) (string, string) {
		if p.version == "v0" { // a daemon cut off from the store goes on about an old release
			return "candidate", "r0"
		}
		return usualRole(p, since)
	}
	fires(t, w.run(14*time.Minute), "ranker/blind default") // and no rule fails: tick looks
}

func TestRoleGoneResolvesEverything(t *testing.T) {
	bulk(t)
	t.Parallel()
	rb := ranker("ranker")
	w := newWorld(t, 6, of(fleet("ranker", 4, 2, 200, 0.25), candidates, failing), rb)
	gone := 16 * time.Minute
	w.role = func(p *pod, since time.Duration) (string, string) {
		if since > gone {
			return "", ""
		}
		return usualRole(p, since)
	}
	w.run(gone)
	if got := w.firing(); !slices.Equal(got, []string{"ranker/error-rate default"}) {
		t.Fatalf("before: %v", got)
	}
	w.run(rb.Triggers[1].For.Std()/2 + 4*rb.Metrics.Interval.Std())
	if got := w.firing(); len(got) > 0 {
		t.Fatalf("after: %v still fire", got)
	}
	all, _ := ParseExpr(`{__name__=~"autorollback_role:.*"}`)
	if got := w.ask(all); len(got) > 0 {
		t.Fatalf("%d series are still recorded, e.g. %s", len(got), got[0].Metric)
	}
}

func TestTwoServicesAtOnce(t *testing.T) {
	bulk(t)
	t.Parallel()
	bad := of(fleet("ranker", 4, 2, 200, 0.25), candidates, failing)
	w := newWorld(t, 8, append(bad, fleet("ads", 4, 2, 200, 0.25)...), ranker("ranker"), ranker("ads"))
	fires(t, w.run(14*time.Minute), "ranker/error-rate default")
}

func TestTwoRegionsApart(t *testing.T) {
	bulk(t)
	t.Parallel()
	rb := ranker("ranker")
	rb.Regions, rb.Metrics.RegionLabel = []string{"eu", "us"}, "dc"
	eu := of(fleet("ranker", 3, 2, 200, 0.25), everyPod, func(p *pod) { p.region, p.name = "eu", "eu-"+p.name })
	us := of(fleet("ranker", 3, 2, 200, 0.25), everyPod, func(p *pod) { p.region, p.name = "us", "us-"+p.name })
	of(eu, candidates, func(p *pod) { failing(p); p.slower = after(onset, 1, 1.5) })
	w := newWorld(t, 9, append(eu, us...), rb)
	fires(t, w.run(17*time.Minute), "ranker/error-rate eu", "ranker/latency-p95 eu")
	q, _ := Ask(rb)
	if sick, _ := q.Gate("error-rate", release("eu")); len(w.ask(sick)) != 1 {
		t.Errorf("eu does not breach: %s", sick)
	}
	if well, _ := q.Gate("error-rate", release("us")); len(w.ask(well)) != 0 {
		t.Errorf("us breaches: %s", well)
	}
}

func TestTrackLabel(t *testing.T) {
	bulk(t)
	t.Parallel()
	rb := ranker("ranker")
	rb.Metrics.VersionLabel, rb.Metrics.Track = "", &runbook.Track{Label: "track", Stable: "main", Candidate: "canary"}
	w := newWorld(t, 10, of(fleet("ranker", 3, 2, 200, 0.25), candidates, failing), rb)
	fires(t, w.run(14*time.Minute), "ranker/error-rate default")
	q, _ := Ask(rb)
	if got := w.ask(q.Rate(release("default"), runbook.Candidate)); len(got) != 1 || got[0].F < 40 || got[0].F > 60 {
		t.Errorf("candidate's rate is %v, want about 50", got)
	}
}

func TestIntervalOfOneSecond(t *testing.T) {
	t.Parallel()
	rb := ranker("ranker")
	rb.Metrics.Interval = dur(time.Second)
	for i := range rb.Triggers {
		rb.Triggers[i].For = dur(10 * time.Second)
	}
	rb.Triggers[2].For = dur(20 * time.Second)
	begin := 30 * time.Second
	w := newWorld(t, 11, of(fleet("ranker", 2, 2, 100, 0.3), candidates, func(p *pod) { p.errors = after(begin, 0.002, 0.25) }), rb)
	w.proves = provedFrom(begin)
	got := w.run(70 * time.Second)
	at := got["ranker/error-rate default"]
	if at < begin || at > begin+20*time.Second {
		t.Fatalf("fired %v, want error-rate within 20 s of %s", got, begin)
	}
	t.Logf("fired %s after the onset", at-begin)
}

func TestRestartLosesNothing(t *testing.T) {
	bulk(t)
	t.Parallel()
	run := func(restart bool) map[string]time.Duration {
		w := newWorld(t, 12, of(fleet("ranker", 4, 2, 200, 0.25), candidates, failing), ranker("ranker"))
		w.run(onset + time.Minute)
		if restart {
			w.load()
		}
		return w.run(3 * time.Minute)
	}
	if plain, restarted := run(false), run(true); len(plain) != 1 || !maps.Equal(plain, restarted) {
		t.Fatalf("without a restart %v, with one %v", plain, restarted)
	}
}

func TestLostScrapesAndRestartedPods(t *testing.T) {
	bulk(t)
	t.Parallel()
	pods := of(fleet("ranker", 4, 2, 200, 0.25), everyPod, func(p *pod) {
		n := 0
		p.silent = func(time.Duration) bool { n++; return n%7 == 3 }
	})
	w := newWorld(t, 13, pods, ranker("ranker"))
	first := w.run(6 * time.Minute)
	for _, p := range pods[3:5] { // one stable, one candidate pod start anew
		p.ok, p.failed, p.tried, p.converted = 0, 0, 0, 0
		clear(p.buckets)
	}
	maps.Copy(first, w.run(8*time.Minute))
	fires(t, first)
	of(pods, candidates, func(p *pod) { p.errors = constant(0.08) })
	fires(t, w.run(4*time.Minute), "ranker/error-rate default")
}

func TestSeriesStayFew(t *testing.T) {
	bulk(t)
	t.Parallel()
	w := busy(t, 1)
	w.run(5 * time.Minute)
	total, names := w.recorded()
	t.Logf("8 triggers, 10+2 pods, 10 features: %d series, %d rules: %v", total, len(w.groups[0].Rules())+len(w.groups[1].Rules()), names)
	if total > 60 || total < 30 {
		t.Errorf("%d series for one release, want 30 to 60", total)
	}
}

func TestQuestionsAnswerWhatTheyPromise(t *testing.T) {
	t.Parallel()
	rb := ranker("ranker")
	rb.LastKnownGood.Health = runbook.Health{Metric: "model_ready"}
	w := newWorld(t, 15, of(fleet("ranker", 4, 2, 200, 0.25), candidates, failing), rb)
	q, err := Ask(rb)
	if err != nil {
		t.Fatal(err)
	}
	rel := release("default")
	w.run(onset)
	if e, _ := q.Gate("error-rate", rel); len(w.ask(e)) != 0 {
		t.Errorf("breaches before the onset")
	}
	w.run(5 * time.Minute)
	one := func(name string, e Expr, low, high float64) {
		t.Helper()
		if got := w.ask(e); len(got) != 1 || !(got[0].F >= low && got[0].F <= high) {
			t.Errorf("%s: %v, want one value from %g to %g: %s", name, got, low, high, e)
		}
	}
	gate, _ := q.Gate("error-rate", rel)
	effect, _ := q.Effect("latency-p95", rel)
	absolute, _ := q.Effect("users-see-errors", rel)
	one("gate", gate, 0.06, 0.1)
	one("effect", effect, 0.9, 1.1)
	one("absolute effect", absolute, 0.015, 0.035)
	one("age", q.Age(rel), 0, 0)
	one("age without a release", q.Age(record.Release{Region: "default"}), 0, 15)
	one("candidate pods", q.Pods(rel, runbook.Candidate), 2, 2)
	one("stable pods", q.Pods(rel, runbook.Stable), 4, 4)
	one("candidate rate", q.Rate(rel, runbook.Candidate), 40, 60)
	one("stable rate", q.Rate(rel, runbook.Stable), 130, 170)
	if got := w.ask(q.StableUnhealthy(rel)); len(got) != 0 {
		t.Errorf("stable is sick: %v", got)
	}
	for name, other := range map[string]record.Release{"other release": {ID: "r2", Region: "default"}, "other region": {ID: "r1", Region: "mars"}} {
		if e, _ := q.Gate("error-rate", other); len(w.ask(e)) != 0 {
			t.Errorf("%s breaches", name)
		}
		if got := w.ask(q.Age(other)); len(got) != 0 {
			t.Errorf("%s has an age: %v", name, got)
		}
	}
	for _, r := range q.Recovery(rel) {
		limits := map[string][2]float64{"error rate": {0.015, 0.035}, "p95 latency": {0.2, 0.26}, "kpi conversion": {0.08, 0.12}}[r.Name]
		one(r.Name, r.Now, limits[0], limits[1])
		one(r.Name+" samples", r.Samples, 8000, 16000)
		low := limits[0]
		if strings.HasPrefix(r.Name, "error") {
			low = 0.002
		}
		one(r.Name+" before", r.Before, low, limits[1])
	}
}
