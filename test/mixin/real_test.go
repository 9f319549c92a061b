package mixin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/servers"
)

const patience = 3 * time.Minute

// Every query of the dashboards is answered by a real Prometheus that scrapes a real daemon with
// an open release, and no query of the alerts is an error. Each metric and label that they use is
// one that the daemon exports.
func TestEveryQueryHasAnAnswer(t *testing.T) {
	w := open(t)
	for _, q := range queries(t) {
		w.await(q.where, func() error { return w.check(q) })
	}
	for _, wrong := range []asked{{expr: `autorollback_verdict_total`}, {expr: `sum by (parts) (autorollback_problems_total)`}, {expr: `autorollback_up{peers="store"}`}} {
		if w.exported(wrong) == nil {
			t.Errorf("%s uses a name that no daemon exports, and it is not found", wrong.expr)
		}
	}
	w.await("the alerts to be evaluated", w.evaluated)
}

// A world is the daemon, pods that count, and the Prometheus that scrapes both.
type world struct {
	t     *testing.T
	dir   string
	web   string
	prom  *servers.PrometheusServer
	began time.Time
}

func open(t *testing.T) *world {
	t.Helper()
	daemon := servers.Daemon()
	t.Cleanup(daemon.Remove)
	w := &world{t: t, dir: t.TempDir(), web: servers.FreeAddr(t), began: time.Now()}
	pods := httptest.NewServer(http.HandlerFunc(w.pods))
	t.Cleanup(pods.Close)
	rules, err := os.ReadFile(filepath.Join(folder, "alerts.yml"))
	if err != nil {
		t.Fatal(err)
	}
	w.prom = servers.Prometheus(t, fmt.Sprintf(`
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [alerts.yml]
scrape_configs:
- {job_name: ranker, honor_labels: true, static_configs: [{targets: [%q]}]}
- {job_name: autorollback, static_configs: [{targets: [%q]}]}
`, strings.TrimPrefix(pods.URL, "http://"), w.web), map[string]string{"alerts.yml": string(rules)})
	w.serve(daemon.File(t))
	client := api.Client{URL: "http://" + w.web, HTTP: http.DefaultClient}
	w.await("the release to be started", func() error { _, err := client.Start(t.Context(), demo.Release); return err })
	return w
}

// serve starts the daemon, with a router's instance that nobody is.
func (w *world) serve(program string) {
	w.t.Helper()
	instances := "router: json\n  instances: [http://" + servers.FreeAddr(w.t) + "]\n"
	runbook := strings.Replace(string(demo.Runbook), "router: json\n", instances, 1)
	if runbook == string(demo.Runbook) {
		w.t.Fatal("the demo's runbook has another router")
	}
	w.write("ranker.yaml", runbook)
	w.write("token", "a-receiver-token-of-more-than-32-bytes-for-tests\n")
	kv, err := store.OpenFile(w.path("store.db"))
	if err == nil {
		err = errors.Join(demo.Route(w.t.Context(), kv, "routes/ranker/weights", "ranker-v1"), kv.Close())
	}
	if err != nil {
		w.t.Fatal(err)
	}
	cmd := exec.Command(program, "serve", "--runbooks="+w.path("ranker.yaml"), "--store=file:"+w.path("store.db"),
		"--receiver.listen-address="+servers.FreeAddr(w.t), "--receiver.token-file="+w.path("token"), "--prometheus.url="+w.prom.URL,
		"--web.listen-address="+w.web, "--web.insecure-no-auth", "--approval.key-file="+w.path("keys"), "--evidence.path="+w.path("evidence"),
		"--watch.interval=1s", "--reconcile.interval=1s", "--rules.interval=1s")
	log, err := os.Create(w.path("log"))
	if err != nil {
		w.t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGKILL); _ = cmd.Wait(); w.log() })
}

func (w *world) log() {
	if text, err := os.ReadFile(w.path("log")); err == nil && w.t.Failed() {
		w.t.Logf("the daemon's log ends with\n%s", text[max(0, len(text)-4000):])
	}
}

func (w *world) path(name string) string { return filepath.Join(w.dir, name) }

func (w *world) write(name, text string) {
	w.t.Helper()
	if err := os.WriteFile(w.path(name), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// pods are three of v1 and two of v2, with a thousand requests a second each.
func (w *world) pods(rw http.ResponseWriter, _ *http.Request) {
	n := int(time.Since(w.began).Seconds()*1000) + 100_000
	for i, pod := range []string{"a", "b", "c", "d", "e"} {
		of := fmt.Sprintf("version=\"v%d\",instance=%q", 1+i/3, pod)
		fmt.Fprintf(rw, "model_ready{%s} 1\nmodel_requests_total{%s,code=\"200\"} %d\nmodel_requests_total{%s,code=\"500\"} %d\n", of, of, n, of, n/1000)
		fmt.Fprintf(rw, "model_impressions_total{%s} %d\nmodel_conversions_total{%s} %d\n", of, n, of, n/5)
		for i, le := range []string{".02", ".03", ".04", ".045", ".05", ".055", ".06", ".07", ".08", ".09", ".1", ".12", ".14", ".17", ".2", ".25", ".3", ".4", ".5", ".7", "1", "2", "+Inf"} {
			fmt.Fprintf(rw, "model_request_duration_seconds_bucket{%s,le=%q} %d\n", of, le, n*min(100, 10+10*i)/100)
		}
	}
}

// check asks a query, after its names.
func (w *world) check(q asked) error {
	if err := w.exported(q); err != nil {
		return err
	}
	answer, err := w.query(q.expr)
	if err != nil {
		return err
	}
	if len(answer) == 0 && !q.rule {
		return fmt.Errorf("no answer: %s", q.expr)
	}
	for _, label := range q.legend {
		if !slices.ContainsFunc(answer, func(m map[string]string) bool { return m[label] != "" }) {
			return fmt.Errorf("the legend shows the label %s, and %s has none", label, q.expr)
		}
	}
	return nil
}

// exported says which metric, or label of one, the daemon does not export.
func (w *world) exported(q asked) error {
	for name, labels := range used(w.t, q.expr) {
		for _, label := range append(labels, "job") {
			answer, err := w.query(fmt.Sprintf(`group(%s{job="autorollback",%s!=""})`, name, label))
			if err != nil {
				return err
			}
			if len(answer) == 0 {
				return fmt.Errorf("no daemon exports %s with the label %s", name, label)
			}
		}
	}
	return nil
}

// query returns the labels of the answer's series.
func (w *world) query(expr string) (all []map[string]string, err error) {
	var result struct {
		Result []struct{ Metric map[string]string }
	}
	if err := w.get("/api/v1/query?query="+url.QueryEscape(expr), &result); err != nil {
		return nil, fmt.Errorf("%s: %w", expr, err)
	}
	for _, s := range result.Result {
		all = append(all, s.Metric)
	}
	return all, nil
}

// get reads the data of an answer that has neither an error nor a warning.
func (w *world) get(path string, data any) error {
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.prom.URL+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var body struct {
		Status, Error string
		Warnings      []string
		Data          json.RawMessage
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		return err
	}
	if body.Status != "success" || len(body.Warnings) > 0 {
		return fmt.Errorf("%s %s %v", resp.Status, body.Error, body.Warnings)
	}
	return json.Unmarshal(body.Data, data)
}

// evaluated reports whether Prometheus has evaluated every alert without an error.
func (w *world) evaluated() error {
	var data struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError string }
		}
	}
	if err := w.get("/api/v1/rules", &data); err != nil {
		return err
	}
	seen := 0
	for _, g := range data.Groups {
		for _, r := range g.Rules {
			if r.Health != "ok" {
				return fmt.Errorf("%s is %s: %s", r.Name, r.Health, r.LastError)
			}
			seen++
		}
	}
	if want := len(alerts(w.t)); seen != want {
		return fmt.Errorf("%d alerts are loaded, want %d", seen, want)
	}
	return nil
}

// await polls until f returns nil.
func (w *world) await(what string, f func() error) {
	w.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); ; {
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("waiting for %s: %v", what, err)
		}
		select {
		case <-w.t.Context().Done():
			w.t.Fatalf("waiting for %s: %v", what, err)
		case <-tick.C:
		}
	}
}
