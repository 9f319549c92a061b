package plan

import (
	"bytes"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/runbook"
)

func server(t *testing.T, name string) *runbook.Runbook {
	t.Helper()
	rb, err := runbook.Load(filepath.Join("..", "runbook", "testdata", "good", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return rb
}

// The same histogram in milliseconds has the same plan, and is told in the bounds that its
// metric shows.
func TestThePlanOfALatencyInMilliseconds(t *testing.T) {
	seconds, millis := ranker(), ranker()
	l := *millis.Metrics.Latency
	l.Unit, l.Buckets = runbook.InMilliseconds, nil
	for _, b := range seconds.Metrics.Latency.Buckets {
		l.Buckets = append(l.Buckets, b*1000)
	}
	millis.Metrics.Latency = &l
	traffic := Traffic{Rate: 10, P50: 0.1, P95: 0.2276}
	a, b := mustPlan(t, seconds, traffic), mustPlan(t, millis, traffic)
	for i, one := range a.Triggers {
		for step, c := range one.Cells {
			if got := b.Triggers[i].Cells[step]; got.State != c.State || got.Need != c.Need || got.Late != c.Late {
				t.Errorf("%s: %+v, in seconds %+v", one.Trigger, got, c)
			}
		}
	}
	for rb, says := range map[*runbook.Runbook]string{seconds: "buckets at 0.1s and 0.5s are", millis: "buckets at 100ms and 500ms are"} {
		few := *rb.Metrics.Latency
		few.Buckets = []float64{0.1 * few.Unit.PerSecond(), 0.5 * few.Unit.PerSecond(), few.Unit.PerSecond()}
		rb.Metrics.Latency = &few
		found := ""
		for _, l := range mustPlan(t, rb, traffic).Lints {
			found += l.String() + "\n"
		}
		if !strings.Contains(found, says) {
			t.Errorf("the lints lack %q:\n%s", says, found)
		}
	}
}

// Each latency is planned by its own percentiles; a mean has no plan.
func TestThePlanOfSeveralLatencies(t *testing.T) {
	rb := server(t, "vllm")
	answers := map[string]float64{"rate": 40, "seen": 3600, "p50": 0.8, "p95": 1.8, "p50 answer": 8, "p95 answer": 18, "stable_pods": 4}
	p := mustPlan(t, rb, TrafficFrom(rb, answers, "Prometheus"))
	for name, want := range map[string]float64{"": 1.8, "ttft": 1.8, "answer": 18} {
		if got := p.latency(name, 0).quantile(0.95); math.Abs(got-want) > 0.01*want {
			t.Errorf("the P95 of %q is %g, want %g", name, got, want)
		}
	}
	var out bytes.Buffer
	if err := p.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"ttft P50 800ms (Prometheus), P95 1.8s (Prometheus), answer P50 8s (Prometheus), P95 18s (Prometheus)", "P95 latency of answer 30% above stable over 5m"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("the text lacks %q:\n%s", part, out.String())
		}
	}
	if assumed := Assume(rb); assumed.P95 != assumedP95 || assumed.Latencies["answer"].P95 != 15 {
		t.Errorf("assumed %+v", assumed)
	}
	more := TrafficFrom(rb, answers, "Prometheus").But(Traffic{Latencies: map[string]Percentiles{"answer": {P95: 20}}, Sources: map[string]string{"p95 answer": "flag"}})
	if more.Latencies["answer"] != (Percentiles{8, 20}) || more.Sources["p95 answer"] != "flag" {
		t.Errorf("%+v", more)
	}
	triton := mustPlan(t, server(t, "triton"), Traffic{Rate: 10})
	if c := triton.Triggers[0].Cells[0]; c.State != Unknown || c.Why != "there is no planning formula for latency_mean" {
		t.Errorf("a mean is planned: %+v", c)
	}
	if triton.Traffic.Latencies != nil {
		t.Errorf("a mean has percentiles: %v", triton.Traffic.Latencies)
	}
}
