package arming_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autorollback/autorollback/arming"
	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/servers"
)

const runbookText = `
schema: 1
service: SERVICE
owner: {team: ranking, contact: "#ranking"}
metrics:
  selector: job="SERVICE"
  interval: 1s
  warmup: 1s
  requests: {counter: http_requests_total, errors: 'code=~"5.."'}
  latency: {histogram: http_request_duration_seconds, kind: classic, buckets: [0.05, 0.1, 0.2, 0.5, 1]}
  kpis: [{name: conversion, successes: orders_total, trials: recommendations_total}]
triggers:
  - {name: errors, type: error_rate, severity: severe, above: 5%, for: 5s}
  - {name: latency, type: latency_quantile, severity: severe, quantile: 0.95, increase: 30%, for: 5s}
  - {name: conversion, type: kpi_drop, severity: severe, kpi: conversion, drop: 5%, for: 20s}
  - {name: slo, type: absolute_slo, above: 10%, for: 5s}
routing: {router: json, key: routes/SERVICE/weights}
verification:
  window: 5s
  min_requests: 50
  system:
    error_rate: {below: 1%}
    latency: {quantile: 0.95, below: 500ms}
  business: [{kpi: conversion}]
policy: {approvers: [ann]}
evidence: {archive: "s3://evidence/ranker"}
`

// A fault is one mistake in one service's world: in its runbook, in what its pods expose, in
// how Prometheus scrapes them or the daemon, or in the daemon's clock. Each of its services is
// well but for that.
type fault struct {
	name             string
	runbook, exposed []string            // pairs of texts to replace
	scrape, daemon   string              // more of the scrape configurations
	clock            time.Duration       // how far the daemon's is off
	twice            bool                // the pods are scraped by a second job as well
	rules            func(string) string // what is loaded instead of the generated rules
	want             rules.Kind
	triggers         string // that are said not to be armed; empty: all
	says             string
}

var faults = []fault{
	{name: "well"},
	{name: "typo", runbook: []string{"orders_total", "order_total"}, want: arming.Series, triggers: "conversion", says: "Prometheus has no series order_total"},
	{name: "typo-requests", runbook: []string{"http_requests_total", "http_request_total"}, want: arming.Series, says: "no series http_request_total"},
	{name: "without-total", runbook: []string{"orders_total", "orders"}, want: arming.Series, triggers: "conversion", says: "but it has orders_total"},
	{name: "not-native", runbook: []string{"kind: classic, buckets: [0.05, 0.1, 0.2, 0.5, 1]", "kind: native"}, want: arming.Series, triggers: "latency", says: "but it has http_request_duration_seconds_bucket"},
	{name: "missing", exposed: []string{"http_request_duration_seconds", "other_seconds"}, want: arming.Matcher, triggers: "latency"},
	{name: "matcher", runbook: []string{`code=~"5.."`, `code=~"timeout"`}, want: arming.Matcher, triggers: "errors slo", says: "selects no series, and did not within a day"},
	{name: "bounds", runbook: []string{"0.2, 0.5, 1]", "0.25, 0.5, 1]"}, want: arming.Bounds, triggers: "latency", says: "it has no bound 0.25; the runbook leaves out 0.2"},
	{name: "unit", exposed: []string{`le="0.05"`, `le="50"`, `le="0.1"`, `le="100"`, `le="0.2"`, `le="200"`, `le="0.5"`, `le="500"`, `le="1"`, `le="1000"`},
		runbook: []string{"[0.05, 0.1, 0.2, 0.5, 1]", "[50, 100, 200, 500, 1000]"}, want: arming.Unit, triggers: "latency", says: "and the runbook's own limit is 500 ms"},
	{name: "failures", runbook: []string{`{counter: http_requests_total, errors: 'code=~"5.."'}`, `{success: {counter: http_requests_total, where: 'code="200"'}, failure: {counter: http_errors_total}}`},
		want: arming.Series, triggers: "errors slo", says: "no series http_errors_total"},
	{name: "mean", runbook: []string{"  kpis:", "  latencies: [{name: infer, sum: infer_seconds_sum, count: infer_seconds_count, unit: s}]\n  kpis:",
		"triggers:", "triggers:\n  - {name: slower, type: latency_mean, latency: infer, severity: mild, increase: 30%, for: 5s}"}, want: arming.Series, triggers: "slower", says: "gets no data"},
	{name: "replicas", runbook: []string{"  interval: 1s", "  interval: 1s\n  ignore_labels: [job]", `job="SERVICE"`, `app="SERVICE"`}, scrape: "labels: {app: replicas}", twice: true},
	{name: "doubled", runbook: []string{`job="SERVICE"`, `app="SERVICE"`}, scrape: "labels: {app: doubled}", twice: true, want: arming.Doubled, says: "is counted twice: job is"},
	{name: "share", exposed: []string{"orders_total", "recommendations_total", "recommendations_total", "orders_total"}, want: arming.Share, triggers: "conversion", says: "orders_total counts"},
	{name: "unversioned", exposed: []string{`version="`, `revision="`}, want: arming.Version, triggers: "conversion latency", says: "carries the label version"},
	{name: "other-version", exposed: []string{`version="v1"`, `version="1.0"`}, want: arming.Version, triggers: "conversion latency", says: "there are 1.0, v2"},
	{name: "rewritten", daemon: "labels: {service: autorollback}", want: arming.Rewritten, says: "service has become exported_service"},
	{name: "unscraped", daemon: "none", want: arming.Unscraped, says: "none of its series is about this release"},
	{name: "not-loaded", rules: func(string) string { return "groups: []" }, want: rules.Missing, triggers: "blind conversion errors latency slo", says: "is missing"},
	{name: "edited", rules: func(text string) string { return strings.Replace(text, "> 0.05", "> 0.5", 1) }, want: rules.Edited, triggers: "errors", says: "differ"},
	{name: "late", rules: func(text string) string {
		return strings.Replace(text, "  interval: 1s", "  interval: 1s\n  query_offset: 20s", 1)
	}, want: arming.Late, says: "rules are evaluated 2"},
	{name: "clock", clock: time.Minute, want: arming.Clock, says: "the daemon's clock is 1m0s off"},
}

// TestEachFaultIsFound has one world with a service for each fault, scraped by a real
// Prometheus. Each fault is found, says which triggers it concerns, and is all that is found.
func TestEachFaultIsFound(t *testing.T) {
	servers.NotShort(t)
	x := &exporter{began: time.Now()}
	server := httptest.NewServer(x)
	t.Cleanup(server.Close)
	files := map[string]string{}
	runbooks := map[string]*runbook.Runbook{}
	for _, f := range faults {
		runbooks[f.name], files["rules-"+f.name+".yml"] = f.compiled(t)
	}
	prom := servers.Prometheus(t, configOf(strings.TrimPrefix(server.URL, "http://")), files)
	api, err := promapi.New(prom.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			rb := runbooks[f.name]
			checker := arming.New(api, func() time.Time { return time.Now().Add(f.clock) })
			f.expect(t, checker, rb)
			if f.exposed == nil || f.want == arming.Unit {
				return
			}
			x.fix(f.name)
			fault{name: f.name}.expect(t, checker, rb)
		})
	}
}

// compiled is the runbook, and what is loaded of its rules.
func (f fault) compiled(t *testing.T) (*runbook.Runbook, string) {
	t.Helper()
	rb, err := runbook.Parse(f.name+".yaml", []byte(strings.ReplaceAll(strings.NewReplacer(f.runbook...).Replace(runbookText), "SERVICE", f.name)))
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
	own, _, _ := strings.Cut(string(text), "\n- name: \"autorollback-watchdog\"") // there is one for all
	if f.rules == nil {
		return rb, own
	}
	changed := f.rules(own)
	if changed == own {
		t.Fatalf("%s changes nothing in\n%s", f.name, own)
	}
	return rb, changed
}

// expect polls until what is found is what the fault says, and nothing else.
func (f fault) expect(t *testing.T, c arming.Checker, rb *runbook.Runbook) {
	t.Helper()
	rel := record.Release{Schema: 1, ID: "rel-" + f.name, Service: f.name, Region: runbook.DefaultRegion, Phase: record.Open, Weight: 20,
		Stable: record.Side{Version: "v1"}, Candidate: record.Side{Version: "v2"}, StartedAt: time.Now().Add(-time.Hour), WeightChangedAt: time.Now().Add(-time.Hour)}
	tick, began := time.NewTicker(time.Second), time.Now()
	defer tick.Stop()
	for end := began.Add(2 * time.Minute); ; <-tick.C {
		found, err := c.Release(t.Context(), rb, rel)
		if err != nil {
			t.Fatal(err)
		}
		problem := f.judge(found)
		if problem == "" {
			t.Logf("%s: found after %.0f s", f.name, time.Since(began).Seconds())
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not within two minutes: %s; last: %v", problem, found)
		}
	}
}

func (f fault) judge(found []rules.Drift) string {
	var triggers []string
	said := f.says == ""
	for _, d := range found {
		if d.Kind == arming.Recovery && slices.Contains([]rules.Kind{arming.Series, arming.Matcher, arming.Version}, f.want) {
			continue // what cannot be judged cannot be proved either
		}
		if d.Kind != f.want {
			return fmt.Sprintf("%s is found as well", d.Kind)
		}
		if d.Trigger != "" {
			triggers = append(triggers, d.Trigger)
		}
		said = said || strings.Contains(d.What, f.says)
		if d.Fix == "" {
			return "it does not say what to do"
		}
	}
	slices.Sort(triggers)
	switch got := strings.Join(slices.Compact(triggers), " "); {
	case f.want == "" && len(found) > 0, f.want != "" && len(found) == 0:
		return fmt.Sprintf("want %q", f.want)
	case got != f.triggers:
		return fmt.Sprintf("it concerns %q, want %q", got, f.triggers)
	case !said:
		return fmt.Sprintf("it does not say %q", f.says)
	}
	return ""
}

// configOf scrapes the pods of each service, and the daemon once for each.
func configOf(target string) string {
	var b strings.Builder
	b.WriteString("global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\nrule_files: [\"rules-*.yml\"]\nscrape_configs:\n")
	job := func(name, path, more string) {
		fmt.Fprintf(&b, "  - job_name: %s\n    metrics_path: %s\n    honor_labels: %t\n    static_configs: [{targets: [%q], %s}]\n", name, path, more == "" || strings.Contains(more, "app"), target, more)
	}
	for _, f := range faults {
		job(f.name, "/"+f.name, f.scrape)
		if f.twice {
			job(f.name+"-again", "/"+f.name, f.scrape)
		}
		if f.daemon != "none" {
			job(f.name+"-daemon", "/daemon/"+f.name, f.daemon)
		}
	}
	return b.String()
}

// An exporter exposes what the pods of every service, and the daemon, would.
type exporter struct {
	began time.Time
	mu    sync.Mutex
	fixed []string
}

func (x *exporter) fix(name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.fixed = append(x.fixed, name)
}

func (x *exporter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if name, ok := strings.CutPrefix(r.URL.Path, "/daemon/"); ok {
		of := fmt.Sprintf("service=%q,region=\"default\",release=\"rel-%s\"", name, name)
		fmt.Fprintf(w, "autorollback_release_evaluated_timestamp_seconds{%s} %d\n", of, time.Now().Unix())
		for version, role := range map[string]string{"v1": "stable", "v2": "candidate"} {
			fmt.Fprintf(w, "autorollback_release_role{%s,version=%q,role=%q} 1\n", of, version, role)
		}
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/")
	i := slices.IndexFunc(faults, func(f fault) bool { return f.name == name })
	text := x.pods()
	x.mu.Lock()
	if i >= 0 && !slices.Contains(x.fixed, name) {
		text = strings.NewReplacer(faults[i].exposed...).Replace(text)
	}
	x.mu.Unlock()
	_, _ = w.Write([]byte(text))
}

// pods are three stable and two candidate ones, each with ten requests a second, of which one
// in a thousand fails, and most take up to 0.1 of the histogram's unit.
func (x *exporter) pods() string {
	var b strings.Builder
	n := int(time.Since(x.began).Seconds()*10) + 1000
	for pod, version := range map[string]string{"a": "v1", "b": "v1", "c": "v1", "d": "v2", "e": "v2"} {
		of := fmt.Sprintf("version=%q,instance=%q", version, pod)
		fmt.Fprintf(&b, "http_requests_total{%s,code=\"200\"} %d\nhttp_requests_total{%s,code=\"500\"} %d\n", of, n, of, n/1000)
		for i, le := range []string{"0.05", "0.1", "0.2", "0.5", "1", "+Inf"} {
			fmt.Fprintf(&b, "http_request_duration_seconds_bucket{%s,le=%q} %d\n", of, le, n*min(i+8, 10)/10)
		}
		fmt.Fprintf(&b, "http_request_duration_seconds_sum{%s} %d\nhttp_request_duration_seconds_count{%s} %d\n", of, n/20, of, n)
		fmt.Fprintf(&b, "recommendations_total{%s} %d\norders_total{%s} %d\n", of, n, of, n/10)
	}
	return b.String()
}
