package runbook

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func TestUnitOfANameIsToldByItsEnd(t *testing.T) {
	for name, want := range map[string]Unit{
		"http_request_duration_seconds": InSeconds, "vllm:e2e_request_latency_seconds": InSeconds, "http_server_requests_seconds_sum": InSeconds,
		"istio_request_duration_milliseconds": InMilliseconds, "latency_ms": InMilliseconds, "request_millis": InMilliseconds, "http.client.duration.ms": InMilliseconds,
		"nv_inference_request_duration_us": InMicroseconds, "ts_inference_latency_microseconds": InMicroseconds, "latency_usec_total": InMicroseconds,
		"queue_time_ns": InNanoseconds, "gc_nanoseconds_total": InNanoseconds,
		":tensorflow:serving:request_latency": "", "envoy_cluster_upstream_rq_time": "", "http.server.request.duration": "", "requests": "", "ms": "", "items": "", "status": "",
	} {
		if got := unitOf(name); got != want {
			t.Errorf("%s counts in %q, want %q", name, got, want)
		}
	}
}

func TestBoundsThatCanHardlyBeSeconds(t *testing.T) {
	for _, c := range []struct {
		bounds []float64
		want   bool
	}{
		{[]float64{0.005, 0.01, 0.1, 1, 10}, false},
		{[]float64{0.1, 0.3, 1.2, 5}, false},       // Traefik
		{[]float64{1, 2, 5, 10, 30, 60}, false},    // a slow model
		{[]float64{0.001, 0.5, 1, 300}, false},     // five minutes
		{[]float64{0.5, 1, 5, 10, 3600000}, true},  // Envoy and Istio
		{[]float64{10, 18, 32.4, 1.33826e7}, true}, // TF Serving
		{[]float64{5, 10, 25, 50, 100, 250}, true}, // milliseconds of OpenTelemetry, cut short
		{[]float64{1, 5, 10, 50, 100, 200}, true},  // milliseconds
		{nil, false},
	} {
		if got := implausible(c.bounds); got != c.want {
			t.Errorf("bounds %v: implausible is %v", c.bounds, got)
		}
	}
}

func TestUnitsTurnTimesIntoNumbersAndBack(t *testing.T) {
	limit := Duration(800 * time.Millisecond)
	for unit, want := range map[Unit]float64{"": 0.8, InSeconds: 0.8, InMilliseconds: 800, InMicroseconds: 800_000, InNanoseconds: 8e8} {
		if got := unit.Of(limit); got != want {
			t.Errorf("%s in %s is %v, want %v", limit, unit.Words(), got, want)
		}
		l := Latency{Unit: unit, Buckets: []float64{unit.Of(limit)}}
		if got := l.Seconds(); !slices.Equal(got, []float64{0.8}) || l.Buckets[0] != want {
			t.Errorf("the bound %v %s is %v s", l.Buckets, unit.Symbol(), got)
		}
	}
}

func TestHealthIsAConditionOrAName(t *testing.T) {
	for _, c := range []struct {
		health Health
		is     string
	}{
		{Health{Metric: "model_ready"}, "model_ready at 1 / == 1"},
		{Health{Metric: "kube_pod_status_ready", Where: `condition="true",`}, `kube_pod_status_ready{condition="true"} at 1 / == 1`},
		{Health{Metric: "queue_length", Is: " <1e2 "}, "queue_length < 1e2 / < 1e2"},
		{Health{Metric: "down", Is: "!= -1.5"}, "down != -1.5 / != -1.5"},
	} {
		if got := fmt.Sprintf("%s / %s", c.health, c.health.Condition()); got != c.is {
			t.Errorf("got %s, want %s", got, c.is)
		}
	}
}
