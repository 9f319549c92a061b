package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report/notify"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/servers"
)

// armedRunbook is of a service whose ramp takes the step from 20 to 40 % by itself, once the
// first one has stood for STAY.
const armedRunbook = `
schema: 1
service: SERVICE
owner: {team: ranking, contact: "#ranking"}
metrics:
  selector: app="SERVICE"
  interval: 2s
  warmup: 2s
  requests: {counter: http_requests_total, errors: 'code=~"5.."'}
  latency: {histogram: http_request_duration_seconds, kind: classic, buckets: [0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1]}
  kpis: [{name: conversion, successes: orders_total, trials: recommendations_total}]
triggers:
  - {name: errors, type: error_rate, severity: severe, above: 5%, for: 10s}
  - {name: latency, type: latency_quantile, severity: mild, quantile: 0.95, increase: 100%, for: 10s, style: threshold}
  - {name: conversion, type: kpi_drop, severity: severe, kpi: conversion, drop: 30%, for: 40s}
  - {name: slo, type: absolute_slo, above: 10%, for: 10s}
routing: {router: json, key: routes/SERVICE/weights, flags: features/SERVICE/}
verification:
  window: 10s
  min_requests: 50
  system:
    error_rate: {below: 1%}
    latency: {quantile: 0.95, below: 500ms}
  business: [{kpi: conversion}]
rollout:
  promote: automatic
  bake: 1h
  steps: [{weight: 20, for: STAY}, {weight: 40, for: 1h}, {weight: 100}]
policy: {mode: active, approvers: [ann]}
communication: {channel: "#ranking"}
evidence: {archive: "s3://evidence/SERVICE"}
`

// An armedWorld is one installation with a service for each fault: real servers, the real
// program, and pods that only count. Everything that a fault can be in is written anew
// whenever one begins or ends.
type armedWorld struct {
	*stack
	began time.Time
	token string // the file that Alertmanager reads

	mu     sync.Mutex
	faults map[string]*fault
	on     map[string]bool
}

func (w *armedWorld) open(f *fault) {
	w.faults[f.name] = f
	w.write("runbooks/"+f.name+".yaml", w.runbookOf(f))
	if err := demo.Route(w.t.Context(), w.kv, "routes/"+f.name+"/weights", f.name+"-v1"); err != nil {
		w.t.Fatal(err)
	}
}

func (w *armedWorld) runbookOf(f *fault) string {
	text := armedRunbook
	if w.on[f.name] {
		text = replaced(w.t, text, f.runbook)
	}
	return strings.NewReplacer("SERVICE", f.name, "STAY", f.stay.String()).Replace(text)
}

// replaced takes pairs of what must be there and what comes in its place.
func replaced(t interface{ Fatalf(string, ...any) }, text string, pairs []string) string {
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("there is no %q in:\n%s", pairs[i], text)
		}
		text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
	}
	return text
}

// set begins or ends faults, everywhere at once, and returns when that was.
func (w *armedWorld) set(t *testing.T, on bool, faults ...*fault) time.Time {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	at := time.Now()
	for _, f := range faults {
		w.on[f.name] = on
		if f.global != nil {
			f.global(w, on)
		}
		w.write("runbooks/"+f.name+".yaml", w.runbookOf(f))
		w.prom.Write("rules-"+f.name+".yml", w.rulesOf(f))
	}
	if err := w.reloadDaemon(); err != nil {
		t.Fatal(err)
	}
	if err := w.prom.Configure(w.config()); err != nil {
		t.Fatal(err)
	}
	return at
}

func (s *stack) reloadDaemon() error {
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, "http://"+s.daemons[0].web+"/-/reload", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("reload: %s", resp.Status)
	}
	return nil
}

// rulesOf are the rules of a service that Prometheus has; the watchdog is in one file alone.
func (w *armedWorld) rulesOf(f *fault) string {
	rb, err := runbook.Parse(f.name+".yaml", []byte(w.runbookOf(f)))
	if err != nil {
		w.t.Fatal(err)
	}
	group, err := rules.Compile(rb)
	if err != nil {
		w.t.Fatal(err)
	}
	text, err := rules.Marshal([]rules.Group{group})
	if err != nil {
		w.t.Fatal(err)
	}
	own, dog, _ := strings.Cut(string(text), "\n- name: \"autorollback-watchdog\"")
	if f.name == "well" {
		return own + "\n- name: \"autorollback-watchdog\"" + dog
	}
	if w.on[f.name] && f.rules != nil {
		return f.rules(own)
	}
	return own
}

// config is Prometheus' configuration as the faults that are on leave it.
func (w *armedWorld) config() string {
	var b strings.Builder
	fmt.Fprintf(&b, "global: {scrape_interval: 2s, scrape_timeout: 2s, evaluation_interval: 2s%s}\n", w.external())
	fmt.Fprintf(&b, "rule_files: ['rules-*.yml']\nalerting: {alertmanagers: [{static_configs: [{targets: [%q]}]}]}\nscrape_configs:\n", w.ams[0].Addr)
	job := func(name, path, target, labels, more string, honor bool) {
		fmt.Fprintf(&b, "- {job_name: %s, metrics_path: %s, honor_labels: %t, static_configs: [{targets: [%q], labels: {%s}}], metric_relabel_configs: [%s]}\n",
			name, path, honor, target, labels, more)
	}
	var kept []string
	for name, f := range w.faults {
		on := w.on[name]
		relabel := ""
		if on {
			relabel = f.relabel
		}
		job(name, "/"+name, w.pods, "app: "+name, relabel, true)
		if f.twice { // whose page is empty but for the fault: a job that goes leaves its series for five minutes
			job(name+"-again", "/"+name+again, w.pods, "app: "+name, "", true)
		}
		if on && f.daemon != "" {
			kept = append(kept, name)
			job(name+"-daemon", "/metrics", w.daemons[0].web, f.daemon, fmt.Sprintf("{source_labels: [exported_service], regex: %s, action: keep}", name), false)
		}
	}
	job("autorollback", "/metrics", w.daemons[0].web, "", fmt.Sprintf("{source_labels: [service], regex: %q, action: drop}", strings.Join(kept, "|")+"|nobody"), true)
	return b.String()
}

func (w *armedWorld) external() string {
	for name := range w.on {
		if w.on[name] && w.faults[name].external != "" {
			return ", external_labels: {" + w.faults[name].external + "}"
		}
	}
	return ""
}

// routeTo writes Alertmanager's configuration anew.
func (w *armedWorld) routeTo(hooks string) {
	text, err := rules.Route("http://"+hooks+"/v1/alertmanager", w.token)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.ams[0].Configure(string(text)); err != nil {
		w.t.Fatal(err)
	}
}

const again = "/again" // ends the path that a second job scrapes

// ServeHTTP exposes what the pods of each service count.
func (w *armedWorld) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	name, twice := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/"), again)
	w.mu.Lock()
	f, on := w.faults[name], w.on[name]
	w.mu.Unlock()
	if twice && !on {
		return
	}
	text := w.counted()
	if on && f != nil {
		text = strings.NewReplacer(f.exposed...).Replace(text)
		if f.silences != "" {
			text = without(text, f.silences)
		}
	}
	_, _ = rw.Write([]byte(text))
}

func without(text, prefix string) string {
	var kept []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, prefix) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// counted is what three stable and two candidate pods count, each with a thousand requests a
// second of which one in a thousand fails.
func (w *armedWorld) counted() string {
	var b strings.Builder
	n := int(time.Since(w.began).Seconds()*1000) + 100_000
	for i, pod := range []string{"a", "b", "c", "d", "e"} {
		of := fmt.Sprintf("version=\"v%d\",instance=%q", 1+i/3, pod)
		fmt.Fprintf(&b, "http_requests_total{%s,code=\"200\"} %d\nhttp_requests_total{%s,code=\"500\"} %d\n", of, n, of, n/1000)
		for i, le := range []string{"0.05", "0.1", "0.15", "0.2", "0.3", "0.5", "1", "+Inf"} {
			fmt.Fprintf(&b, "http_request_duration_seconds_bucket{%s,le=%q} %d\n", of, le, n*[]int{80, 90, 96, 100, 100, 100, 100, 100}[i]/100)
		}
		fmt.Fprintf(&b, "recommendations_total{%s} %d\norders_total{%s} %d\n", of, n, of, n/5)
	}
	return b.String()
}

// check is how the triggers of a service stand, and what is said of them.
func (w *armedWorld) check(service string) (record.RulesCheck, error) {
	st, err := w.client().Status(w.t.Context())
	if err != nil {
		return record.RulesCheck{}, err
	}
	for _, c := range st.Rules {
		if c.Service == service {
			return c, nil
		}
	}
	return record.RulesCheck{}, fmt.Errorf("nothing is known of %s", service)
}

// message is the text of one of a kind about a service that Alertmanager has.
func (w *armedWorld) message(kind, service string) (string, error) {
	q := url.Values{"filter": {"alertname=" + notify.AlertName, fmt.Sprintf("kind=%q", kind), fmt.Sprintf("service=%q", service)}}
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.ams[0].URL+"/api/v2/alerts?"+q.Encode(), nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var alerts []struct{ Annotations map[string]string }
	if err := json.NewDecoder(resp.Body).Decode(&alerts); err != nil {
		return "", err
	}
	if len(alerts) == 0 {
		return "", fmt.Errorf("Alertmanager has no %s of %s", kind, service)
	}
	return fmt.Sprint(alerts[0].Annotations), nil
}

// openArmedWorld starts the servers and the daemon with every service, and no release yet.
func openArmedWorld(s *stack, all []*fault) *armedWorld {
	t := s.t
	w := &armedWorld{stack: s, began: time.Now(), faults: map[string]*fault{}, on: map[string]bool{}}
	pods := httptest.NewServer(w)
	t.Cleanup(pods.Close)
	s.pods = strings.TrimPrefix(pods.URL, "http://")
	s.write("receiver.token", token+"\n")
	w.token = s.write("alertmanager.token", token)
	for _, f := range all {
		w.open(f)
	}
	d := s.newDaemon(0, options{})
	d.env = []string{"AUTOROLLBACK_FAULT_CLOCK=" + filepath.Join(s.dir, "clock")}
	s.daemons = []*daemon{d}
	s.ams = []*servers.AlertmanagerServer{servers.Alertmanager(t, "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")}
	w.routeTo(d.hooks)
	files := map[string]string{}
	for _, f := range all {
		files["rules-"+f.name+".yml"] = w.rulesOf(f)
	}
	s.prom = servers.Prometheus(t, w.config(), files)
	d.args = append(d.args, "--prometheus.url="+s.prom.URL, "--alertmanager.url="+s.ams[0].URL)
	d.start()
	s.await("the daemon to be ready", time.Minute, func() error { return get(t.Context(), "http://"+d.web+"/-/ready") })
	return w
}

func (w *armedWorld) startRelease(service string) {
	w.t.Helper()
	launch := strings.NewReplacer("service: ranker", "service: "+service, "ranker-v", service+"-v", "weight: 5", "weight: 20").Replace(string(demo.Release))
	if _, err := w.client().Start(w.t.Context(), []byte(launch)); err != nil {
		w.t.Fatal(err)
	}
}

// clock puts the daemon's clock off, and right again.
func (w *armedWorld) clock(off time.Duration) {
	if off == 0 {
		_ = os.Remove(filepath.Join(w.dir, "clock"))
		return
	}
	w.write("clock", off.String())
}
