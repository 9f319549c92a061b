package rules

import (
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/autorollback/autorollback/runbook"
)

// A server is how a server of some kind exposes what a pod has served.
type server struct {
	median float64 // of a request that is not slower, in seconds
	labels []string
	expose func(p *pod, s *handled, put func(name string, v float64, more ...string))
}

// handled is what one pod has done, beside what every pod keeps.
type handled struct {
	*pod
	bounds  []float64
	buckets []float64 // one more than bounds
	seconds float64   // of all requests together
}

// take adds requests whose latencies are log-normal, sigma 0.5.
func (s *handled) take(n, median float64) {
	below := 0.0
	for i := range s.buckets {
		share := 1.0
		if i < len(s.bounds) {
			share = 0.5 * math.Erfc(-math.Log(s.bounds[i]/median)/0.5/math.Sqrt2)
		}
		s.buckets[i] += n * (share - below)
		below = share
	}
	s.seconds += n * median * math.Exp(0.125)
}

// histogram puts a classic histogram in its own unit; bounds are written as the exporter does.
func (s *handled) histogram(put func(string, float64, ...string), name string, perSecond float64, write func(float64) string, more ...string) {
	sum := 0.0
	for i, n := range s.buckets {
		sum += n
		le := "+Inf"
		if i < len(s.bounds) {
			le = write(s.bounds[i] * perSecond)
		}
		put(name+"_bucket", sum, append([]string{"le", le}, more...)...)
	}
	put(name+"_sum", s.seconds*perSecond, more...)
	put(name+"_count", sum, more...)
}

// sixDigits is C++'s default and Go's %g with six digits: 1.27482e+06.
func sixDigits(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

// inGo is how client_golang writes a bound: 3.6e+06.
func inGo(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

var serversAsTheyAre = map[string]server{
	// Istio's sidecar reports each request twice: as its source saw it, and its destination.
	"istio": {median: 0.1, labels: []string{"job", "istio-mesh", "destination_workload_namespace", "ml", "destination_canonical_service", "ranker"},
		expose: func(p *pod, s *handled, put func(string, float64, ...string)) {
			for _, reporter := range []string{"source", "destination"} {
				put("istio_requests_total", p.ok, "reporter", reporter, "response_code", "200")
				if p.failed > 0 {
					put("istio_requests_total", p.failed, "reporter", reporter, "response_code", "503")
				}
			}
			s.histogram(put, "istio_request_duration_milliseconds", 1e3, inGo, "reporter", "destination")
			put("ranker_pod_status", 1, "condition", "true")
			put("ranker_pod_status", 0, "condition", "false")
		}},
	"tensorflow": {median: 0.1, labels: []string{"job", "tf-serving", "model_name", "ranker"},
		expose: func(p *pod, s *handled, put func(string, float64, ...string)) {
			put(":tensorflow:serving:request_count", p.ok, "status", "OK")
			put(":tensorflow:serving:request_count", p.failed, "status", "INTERNAL")
			s.histogram(put, ":tensorflow:serving:request_latency", 1e6, sixDigits)
		}},
	// Triton's failures have their own series, and its times are of what succeeded.
	"triton": {median: 0.1, labels: []string{"job", "triton", "model", "ranker"},
		expose: func(p *pod, s *handled, put func(string, float64, ...string)) {
			put("nv_inference_request_success", p.ok)
			if p.failed > 0 {
				put("nv_inference_request_failure", p.failed, "reason", "BACKEND")
			}
			put("nv_inference_request_failure", p.ok/2, "reason", "CANCELED")
			put("nv_inference_request_duration_us", s.seconds*1e6*p.ok/(p.ok+p.failed))
			put("schema_mismatches_total", 0)
		}},
	// The first token comes after a tenth of the whole answer.
	"vllm": {median: 8, labels: []string{"job", "vllm", "model_name", "ranker"},
		expose: func(p *pod, s *handled, put func(string, float64, ...string)) {
			put("vllm:request_success_total", p.converted, "finished_reason", "stop")
			put("vllm:request_success_total", p.ok-p.converted, "finished_reason", "length")
			put("vllm:request_success_total", p.failed, "finished_reason", "error")
			s.histogram(put, "vllm:e2e_request_latency_seconds", 1, inGo)
			first := &handled{bounds: firstToken, buckets: make([]float64, len(firstToken)+1)}
			first.take(p.ok+p.failed, 0.8*p.slower(0))
			first.histogram(put, "vllm:time_to_first_token_seconds", 1, inGo)
		}},
}

var firstToken = []float64{0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560}

// serverWorld is a release whose pods are such servers, and the runbook of testdata.
func serverWorld(t *testing.T, name string, change func(p *pod)) (*world, Questions) {
	t.Helper()
	rb, err := runbook.Load(filepath.Join("..", "runbook", "testdata", "good", name+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	q, err := Ask(rb)
	if err != nil {
		t.Fatal(err)
	}
	kind, version := serversAsTheyAre[name], rb.Metrics.VersionLabel
	pods := of(fleet("ranker", 4, 2, 200, 0.25), everyPod, func(p *pod) { p.converts = constant(0.7) })
	for _, p := range pods {
		change(p)
		s := &handled{pod: p}
		for _, l := range rb.Metrics.AllLatencies() {
			s.bounds = l.Seconds() // of vLLM the last one
		}
		s.buckets = make([]float64, len(s.bounds)+1)
		before := 0.0
		p.expose = func(put func(v float64, pairs ...string), since time.Duration) {
			s.take(p.ok+p.failed-before, kind.median*p.slower(since))
			before = p.ok + p.failed
			kind.expose(p, s, func(name string, v float64, more ...string) {
				pairs := append([]string{labels.MetricName, name, "instance", p.name, version, p.version}, kind.labels...)
				put(v, append(pairs, more...)...)
			})
		}
	}
	return newWorld(t, 51, pods, rb), q
}

// one is the only answer to a question.
func (w *world) one(t *testing.T, what string, e Expr, low, high float64) {
	t.Helper()
	if got := w.ask(e); len(got) != 1 || !(got[0].F >= low && got[0].F <= high) {
		t.Errorf("%s: %v, want one value from %g to %g: %s", what, got, low, high, e)
	}
}

// What real servers expose: the right numbers, in seconds whatever they count in; a bad
// release is found and a good one left alone; recovery can be proved; and the stable side is
// not called unhealthy.
func TestServersAsTheyAre(t *testing.T) {
	bulk(t)
	fine := func(*pod) {}
	bad := func(slower, failing float64) func(p *pod) {
		return func(p *pod) {
			if p.candidate() {
				p.slower = after(onset, 1, slower)
				if failing > 0 {
					p.errors = after(onset, 0.005, failing)
				}
			}
		}
	}
	p95 := func(median float64) float64 { return median * math.Exp(0.5*1.6449) }
	for _, c := range []struct {
		name, story string
		change      func(p *pod)
		want        []string
		effects     map[string][2]float64
		recovery    map[string][2]float64
	}{
		{"istio", "good", fine, nil, map[string][2]float64{"latency-p95": {0.99, 1.01}, "latency-limit": {0.2, 0.26}, "users-wait": {0.2, 0.26}, "error-rate": {0.002, 0.01}},
			map[string][2]float64{"p95 latency": {0.2, 0.26}, "error rate": {0.002, 0.01}}},
		{"istio", "bad", bad(8, 0.08), []string{"ranker/error-rate default", "ranker/latency-limit default", "ranker/latency-p95 default"},
			map[string][2]float64{"latency-p95": {6, 11}, "latency-limit": {1.5, 2.5}, "error-rate": {0.06, 0.1}}, nil},
		{"tensorflow", "good", fine, nil, map[string][2]float64{"latency-p95": {0.99, 1.01}}, map[string][2]float64{"p95 latency": {0.2, 0.26}}},
		{"tensorflow", "bad", bad(2.5, 0), []string{"ranker/latency-p95 default"}, map[string][2]float64{"latency-p95": {2, 3}}, nil},
		{"triton", "good", fine, nil, map[string][2]float64{"infer-mean": {0.99, 1.01}, "infer-limit": {0.112, 0.1145}, "users-see-errors": {0.002, 0.01}, "starved": {0.95, 1.05}},
			map[string][2]float64{"mean latency of infer": {0.112, 0.1145}, "error rate": {0.002, 0.01}}},
		{"triton", "bad", bad(9, 0.08), []string{"ranker/error-rate default", "ranker/infer-both default", "ranker/infer-limit default", "ranker/infer-mean default"},
			map[string][2]float64{"infer-mean": {8.8, 9.2}, "infer-limit": {1, 1.06}, "error-rate": {0.06, 0.1}}, nil},
		{"vllm", "good", fine, nil, map[string][2]float64{"first-token": {0.99, 1.01}, "answer-p95": {0.99, 1.01}, "stopped-drop": {0.97, 1.03}, "answer-limit": {16, 20}},
			map[string][2]float64{"p95 latency of answer": {16, 20}, "kpi stopped": {0.67, 0.73}}},
		{"vllm", "bad", bad(2, 0), []string{"ranker/answer-p95 default"}, map[string][2]float64{"first-token": {0.99, 1.01}, "answer-p95": {1.6, 2.4}}, nil},
	} {
		t.Run(c.name+" "+c.story, func(t *testing.T) {
			t.Parallel()
			w, q := serverWorld(t, c.name, c.change)
			w.weight = func(p *pod, _ time.Duration) float64 { return map[bool]float64{true: 25, false: 75}[p.candidate()] }
			got := w.run(onset + 8*time.Minute)
			fires(t, got, c.want...)
			rel := w.release("default")
			for trigger, in := range c.effects {
				e, err := q.Effect(trigger, rel)
				if err != nil {
					t.Fatal(err)
				}
				w.one(t, "effect of "+trigger, e, in[0], in[1])
				gate, _ := q.Gate(trigger, rel)
				if open := len(w.ask(gate)) == 1; open != slices.Contains(c.want, "ranker/"+trigger+" default") {
					t.Errorf("the gate of %s is open: %v: %s", trigger, open, gate)
				}
			}
			for _, r := range q.Recovery(rel) {
				in, ok := c.recovery[r.Name]
				if !ok {
					continue
				}
				w.one(t, r.Name+" now", r.Now, in[0], in[1])
				w.one(t, r.Name+" before", r.Before, in[0], in[1])
				w.one(t, r.Name+" samples", r.Samples, 11000, 12500)
				if limit := r.Limit(in[0]); r.Floor != (limit < in[0]) {
					t.Errorf("%s must be %g, and is from %g on", r.Name, limit, in[0])
				}
				delete(c.recovery, r.Name)
			}
			if len(c.recovery) > 0 {
				t.Errorf("no checks of %v", c.recovery)
			}
			if sick := w.ask(q.StableUnhealthy(rel)); len(sick) > 0 {
				t.Errorf("the stable side is called unhealthy: %v", sick)
			}
			w.one(t, "rate", q.Rate(rel, runbook.Candidate), 45, 55)
			w.one(t, "age", q.Age(rel), 0, 15)
			w.one(t, "pods that serve", q.Pods(rel, runbook.Candidate), 2, 2)
			w.one(t, "warm pods", q.Warm(rel, runbook.Stable), 4, 4)
			for _, a := range q.Traffic() {
				switch a.Name {
				case "rate":
					w.one(t, a.Name, a.Expr, 190, 210)
				case "p95":
					if c.story == "good" {
						at := p95(serversAsTheyAre[c.name].median)
						if c.name == "vllm" {
							at = p95(0.8)
						}
						w.one(t, a.Name, a.Expr, at*0.8, at*1.4)
					}
				case "stable_pods":
					w.one(t, a.Name, a.Expr, 6, 6)
				}
			}
		})
	}
}

// Successes and failures are counted together as one counter is: a join brings their side,
// and replicas count once.
func TestSuccessesApartAreJoinedAsOneCounter(t *testing.T) {
	rb, err := runbook.Load(filepath.Join("..", "runbook", "testdata", "good", "triton.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	rb.Metrics.VersionLabel, rb.Metrics.IgnoreLabels = "app.version", []string{"replica"}
	rb.Metrics.Join = &runbook.Join{Metric: "kube_pod_labels", On: []string{"namespace", "pod"}, Label: "app.version"}
	q, err := Ask(rb)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Compile(rb); err != nil {
		t.Error(err)
	}
	for name, e := range everyQuestion(t, q, release("default")) {
		if e.IsZero() {
			t.Errorf("%s cannot be asked", name)
		}
	}
	w := newWorld(t, 52, nil, ranker("ranker"))
	for range 4 {
		w.now = w.now.Add(w.interval)
		n := w.now.Sub(w.start).Seconds()
		app := w.db.Appender(t.Context())
		for pod, version := range map[string]string{"a": "v1", "b": "v2"} {
			of := []string{"job", "triton", "model", "ranker", "namespace", "ml", "pod", pod, "instance", pod}
			for _, replica := range []string{"0", "1"} {
				w.append(app, w.now, 9*n, append(of, "__name__", "nv_inference_request_success", "replica", replica)...)
				w.append(app, w.now, n, append(of, "__name__", "nv_inference_request_failure", "reason", "BACKEND", "replica", replica)...)
			}
			w.append(app, w.now, 1, "__name__", "kube_pod_labels", "namespace", "ml", "pod", pod, "app.version", version)
		}
		if err := app.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	rel := release("default")
	w.one(t, "rate", q.Rate(rel, runbook.Candidate), 9.99, 10.01)
	w.one(t, "pods", q.Pods(rel, runbook.Candidate), 1, 1)
	w.one(t, "age", q.Age(rel), 0, 0)
	effect, err := q.Effect("error-rate", rel)
	if err != nil {
		t.Fatal(err)
	}
	w.one(t, "error rate", effect, 0.0999, 0.1001)
}
