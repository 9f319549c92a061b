package exporters

import (
	"maps"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/sim"
	"github.com/autorollback/autorollback/verify"
	"go.uber.org/zap"
)

const usual = `
  requests: {counter: http_requests_total, errors: code=~"5.."}
  latency: {histogram: http_request_duration_seconds, kind: classic, buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]}
`

// plain stores the usual names of a server with the labels of its target.
func plain(w *world, p *pod, at time.Time, target ...string) {
	w.put(at, "http_requests_total", p.ok, append(slices.Clone(target), "code", "200")...)
	if p.failed > 0 {
		w.put(at, "http_requests_total", p.failed, append(slices.Clone(target), "code", "503")...)
	}
	w.histogram(at, "http_request_duration_seconds_bucket", p, target...)
}

var sources = []source{
	{
		name: "OpenTelemetry with UTF-8 names",
		metrics: `
  selector: job="ranker"
  version_label: service.version
  pod_label: service.instance.id
  requests: {counter: http.server.request.duration_count, errors: '"http.response.status_code"=~"5.."'}
  latency: {histogram: http.server.request.duration, kind: classic, buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]}
`,
		scrape: func(w *world, p *pod, at time.Time) {
			of := []string{"job", "ranker", "service.instance.id", p.name, "service.version", p.version}
			w.put(at, "http.server.request.duration_count", p.ok, append(slices.Clone(of), "http.response.status_code", "200")...)
			if p.failed > 0 {
				w.put(at, "http.server.request.duration_count", p.failed, append(slices.Clone(of), "http.response.status_code", "503")...)
			}
			w.histogram(at, "http.server.request.duration_bucket", p, of...)
		},
	},
	{
		name: "kube_pod_labels",
		metrics: `
  selector: job="ranker"
  pod_label: pod
  join: {metric: kube_pod_labels, selector: namespace="ml", on: [namespace, pod], label: label_app_version}
` + usual,
		scrape: func(w *world, p *pod, at time.Time) {
			plain(w, p, at, "job", "ranker", "namespace", "ml", "pod", p.name, "instance", "10.0.0.1:8080")
			for _, replica := range []string{"ksm-0", "ksm-1"} { // two kube-state-metrics
				w.put(at, "kube_pod_labels", 1, "job", "kube-state-metrics", "instance", replica, "namespace", "ml", "pod", p.name, "label_app_version", p.version)
			}
			if p.name == "candidate-0" { // what the second one said is not gone yet, and always older
				w.put(at.Add(-70*time.Second), "kube_pod_labels", 1, "job", "kube-state-metrics", "instance", "ksm-1", "namespace", "ml", "pod", p.name, "label_app_version", "v0")
			}
			w.put(at, "kube_pod_labels", 1, "job", "kube-state-metrics", "instance", "ksm-0", "namespace", "other", "pod", p.name, "label_app_version", "v9")
		},
	},
	{
		name: "target_info",
		metrics: `
  selector: job="ranker"
  version_label: service_version
  join: {metric: target_info, on: [job, instance]}
` + usual,
		scrape: func(w *world, p *pod, at time.Time) {
			plain(w, p, at, "job", "ranker", "instance", p.name)
			w.put(at, "target_info", 1, "job", "ranker", "instance", p.name, "service_version", p.version, "host_name", "node")
		},
	},
	{
		name: "stable without a track label",
		metrics: `
  selector: job="ranker"
  track: {label: track, stable: "", candidate: canary}
` + usual,
		scrape: func(w *world, p *pod, at time.Time) {
			plain(w, p, at, "job", "ranker", "instance", p.name, "track", map[bool]string{true: "canary"}[p.candidate])
		},
	},
	{
		name: "track by a join",
		metrics: `
  selector: job="ranker"
  pod_label: pod
  track: {stable: "", candidate: canary}
  join: {metric: kube_pod_labels, on: [pod], label: label_track}
` + usual,
		scrape: func(w *world, p *pod, at time.Time) {
			plain(w, p, at, "job", "ranker", "pod", p.name)
			w.put(at, "kube_pod_labels", 1, "job", "ksm", "pod", p.name, "label_track", map[bool]string{true: "canary"}[p.candidate])
		},
	},
	{
		name: "an HA pair",
		metrics: `
  selector: job="ranker"
  ignore_labels: [prometheus_replica]
` + usual,
		scrape: func(w *world, p *pod, at time.Time) {
			plain(w, p, at, "job", "ranker", "instance", p.name, "version", p.version, "prometheus_replica", "a")
			if at.Unix()/15%5 != 2 { // b misses a scrape now and then
				plain(w, p, at.Add(-500*time.Millisecond), "job", "ranker", "instance", p.name, "version", p.version, "prometheus_replica", "b")
			}
		},
	},
	{
		name: "scraped once a minute",
		metrics: `
  selector: job="ranker"
  interval: 15s
  scrape_interval: 60s
` + usual,
		every: time.Minute,
		scrape: func(w *world, p *pod, at time.Time) {
			plain(w, p, at, "job", "ranker", "instance", p.name, "version", p.version)
		},
	},
	{
		name: "Traefik",
		metrics: `
  selector: job="traefik"
  version_label: service
  pod_label: instance
  vantage: router
  requests: {counter: traefik_service_requests_total, errors: code=~"5.."}
  latency: {histogram: traefik_service_request_duration_seconds, kind: classic, buckets: [0.1, 0.3, 1.2, 5]}
`,
		health:   "traefik_service_server_up",
		bounds:   []float64{0.1, 0.3, 1.2, 5},
		versions: [2]string{"ranker-v1@consul", "ranker-v2@consul"},
		scrape: func(w *world, p *pod, at time.Time) { // a pod's traffic goes through three routers
			for i, part := range []float64{0.5, 0.3, 0.2} {
				of := []string{"job", "traefik", "instance", []string{"router-0", "router-1", "router-2"}[i], "service", p.version}
				w.put(at, "traefik_service_server_up", 1, append(slices.Clone(of), "url", "http://"+p.name)...)
				w.routed(at, p, part, append(of, "protocol", "http", "method", "GET")...)
			}
		},
	},
}

// routed stores a router's part of what the side of a pod did, once for all its pods.
func (w *world) routed(at time.Time, p *pod, part float64, of ...string) {
	sum := w.pod(p.name, p.candidate)
	last := true
	for i, o := range w.pods {
		if o.candidate != p.candidate {
			continue
		}
		last = i <= slices.Index(w.pods, p)
		sum.ok, sum.failed = sum.ok+part*o.ok, sum.failed+part*o.failed
		for b := range sum.buckets {
			sum.buckets[b] += part * o.buckets[b]
		}
	}
	if !last {
		return
	}
	w.put(at, "traefik_service_requests_total", sum.ok, append(slices.Clone(of), "code", "200")...)
	w.put(at, "traefik_service_requests_total", sum.failed, append(slices.Clone(of), "code", "503")...)
	w.histogram(at, "traefik_service_request_duration_seconds_bucket", sum, of...)
}

// named is a source whose version, or pod, is told by a label of that name.
func named(version, instance string) source {
	return source{
		name:    "version in " + version + ", pod in " + instance,
		metrics: "\n  selector: job=\"ranker\"\n  version_label: " + version + "\n  pod_label: " + instance + usual,
		scrape: func(w *world, p *pod, at time.Time) {
			plain(w, p, at, "job", "ranker", instance, p.name, version, p.version)
		},
	}
}

// joined is one whose version another metric tells by a label of that name.
func joined(label, on string) source {
	return source{
		name:    "version joined from " + label + " on " + on,
		metrics: "\n  selector: job=\"ranker\"\n  pod_label: " + on + "\n  join: {metric: pod_info, on: [" + on + "], label: " + label + "}" + usual,
		scrape: func(w *world, p *pod, at time.Time) {
			plain(w, p, at, "job", "ranker", on, p.name)
			w.put(at, "pod_info", 1, on, p.name, label, p.version)
		},
	}
}

// everySource adds labels that are named like ours.
func everySource() []source {
	out := slices.Clone(sources)
	for _, names := range [][2]string{{"service", "release"}, {"release", "role"}, {"role", "service"}, {"region", "trigger"}, {"instance", "signal"}, {"signal", "region"}, {"trigger", "version"}} {
		out = append(out, named(names[0], names[1]), joined(names[0], names[1]))
	}
	return out
}

// A bad release is found and its recovery proved; a good one is left alone; and the
// numbers are those of the traffic.
func TestLabelsOfRealExporters(t *testing.T) {
	sim.Bulk(t)
	for _, s := range everySource() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			t.Run("bad", func(t *testing.T) { play(t, s, 0.15, (*world).found) })
			t.Run("good", func(t *testing.T) { play(t, s, 0, (*world).leftAlone) })
		})
	}
}

// play runs a world until well after the onset.
func play(t *testing.T, s source, harm float64, then func(w *world)) {
	w := newWorld(t, s, harm)
	synctest.Test(t, func(t *testing.T) {
		w.t, w.start = t, time.Now()
		w.runFor(onset + 9*time.Minute)
		then(w)
	})
}

func (w *world) runFor(d time.Duration) {
	every := w.runbook.Metrics.Interval.Std()
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(every)
		w.tick(time.Now())
	}
}

// numbers checks what Prometheus and the monitor say of the traffic.
func (w *world) numbers(errors float64) record.Breach {
	w.t.Helper()
	trigger, _ := w.runbook.Trigger("errors")
	b := w.prom.Confirm(w.t.Context(), w.asks, trigger, w.release, w.significance("errors", time.Now()))
	near := func(what string, got, want, tolerance float64) {
		w.t.Helper()
		if !(math.Abs(got-want) <= tolerance*want) {
			w.t.Errorf("%s is %.4g, want %.4g", what, got, want)
		}
	}
	chance := 4 / math.Sqrt(errors*rps*share*4*60) // of the errors in the trigger's window
	near("the candidate's error rate", b.Value, errors, max(chance, 0.1))
	near("the candidate's traffic", b.CandidateRate, rps*share, 0.12)
	near("the stable side's traffic", b.StableRate, rps*(1-share), 0.12)
	if b.CandidatePods != 3 || b.StablePods != 4 {
		w.t.Errorf("%d candidate and %d stable pods, want 3 and 4", b.CandidatePods, b.StablePods)
	}
	counted := map[runbook.Role]float64{}
	last := time.Now().Add(-5 * time.Minute)
	every := w.runbook.Metrics.Step().Std()
	var span time.Duration
	err := monitor.New(w, zap.NewNop()).History(w.t.Context(), monitor.Target{Runbook: w.runbook, Release: w.release}, time.Now().Add(-monitor.Lag(every)),
		func(s monitor.Step, _ map[string]analysis.Result) {
			if !s.End.After(last) {
				return
			}
			span += every
			for _, p := range s.Counts["requests"] {
				counted[p.Role] += p.All
			}
		})
	if err != nil {
		w.t.Fatal(err)
	}
	near("the monitor's count of the candidate", counted[runbook.Candidate], rps*share*span.Seconds(), 0.06)
	near("the monitor's count of stable", counted[runbook.Stable], rps*(1-share)*span.Seconds(), 0.06)
	return b
}

// found: the alert fires, the breach is confirmed, and after the rollback the recovery is
// proved.
func (w *world) found() {
	at, fired := w.fired["errors"]
	if !fired || at < onset || at > onset+6*time.Minute || len(w.fired) > 1 {
		w.t.Errorf("fired %v, want errors within 6m of %s", w.fired, onset)
	}
	b := w.numbers(w.harm)
	if b.State != record.Breaching {
		w.t.Errorf("the breach is %s: %s", b.State, b.Problem)
	}
	wellAt := w.start.Add(onset)
	w.release.Weight, w.release.WeightChangedAt = 0, time.Now()
	w.release.Moves = append(w.release.Moves, record.Move{At: time.Now(), From: 100 * share, To: 0})
	good, text := 0, ""
	for range 10 * 4 {
		w.runFor(w.runbook.Metrics.Interval.Std())
		answers := append(w.prom.Recovery(w.t.Context(), w.asks, w.release, wellAt), w.prom.Drained(w.t.Context(), w.asks, w.release))
		health, why := verify.Judge(answers)
		if good, text = verify.Count(good, health), why; good == w.runbook.Verification.Polls {
			return
		}
	}
	w.t.Errorf("the recovery is not proved: %s", text)
}

// leftAlone: nothing fires, and nothing is missing.
func (w *world) leftAlone() {
	if len(w.fired) > 0 {
		w.t.Errorf("fired %v", slices.Collect(maps.Keys(w.fired)))
	}
	if b := w.numbers(0.005); b.State != record.NotBreaching {
		w.t.Errorf("the breach is %s: %s", b.State, b.Problem)
	}
	for _, trigger := range w.runbook.Triggers {
		if s := w.significance(trigger.Name, time.Now()); s.Problem != "" || s.Value >= 1 {
			w.t.Errorf("%s: %+v", trigger.Name, s)
		}
	}
}
