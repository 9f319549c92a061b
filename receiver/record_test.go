package receiver_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var (
	recordWith = flag.String("record", "", "path of an alertmanager program to record testdata with")
	recordAs   = flag.String("as", "", "folder below testdata to record into, e.g. alertmanager-0.34.2")
)

const recordingConfig = `
route:
  receiver: plain
  group_by: ['...']
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 1h
  routes:
  - matchers: ['scene="life"']
    receiver: life
    repeat_interval: 1s
  - matchers: ['scene="many"']
    receiver: many
    group_by: [scene]
    group_wait: 1s
  - matchers: ['scene="mixed"']
    receiver: mixed
    group_by: [scene]
    group_wait: 1s
receivers:
- name: plain
  webhook_configs: [{url: 'HOOK/plain', send_resolved: true}]
- name: life
  webhook_configs: [{url: 'HOOK/life', send_resolved: true}]
- name: many
  webhook_configs: [{url: 'HOOK/many', send_resolved: true, max_alerts: 2}]
- name: mixed
  webhook_configs: [{url: 'HOOK/mixed', send_resolved: true}]
`

// TestRecord makes testdata with a real Alertmanager. It is a tool, not a test: see
// testdata/README.md.
func TestRecord(t *testing.T) {
	if *recordWith == "" {
		return
	}
	bodies := map[string]chan []byte{}
	for _, scene := range []string{"plain", "life", "many", "mixed"} {
		bodies["/"+scene] = make(chan []byte, 100)
	}
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies[r.URL.Path] <- body
	}))
	defer hook.Close()
	am := startAlertmanager(t, strings.ReplaceAll(recordingConfig, "HOOK", hook.URL))
	keep := func(scene, name string, accept func(string) bool) {
		t.Helper()
		for {
			select {
			case body := <-bodies["/"+scene]:
				if accept(string(body)) {
					saveBody(t, name, body)
					return
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("no body for %s", name)
			}
		}
	}
	any := func(string) bool { return true }
	has := func(s string) func(string) bool { return func(b string) bool { return strings.Contains(b, s) } }

	life := labels("scene", "life")
	am.post(t, time.Time{}, life)
	keep("life", "firing", any)
	keep("life", "repeated", any)
	am.post(t, time.Now(), life)
	keep("life", "resolved", has(`"status":"resolved"`))

	am.post(t, time.Time{}, labels("scene", "many", "trigger", "latency"), labels("scene", "many", "trigger", "errors"),
		labels("scene", "many", "trigger", "conversion"), labels("scene", "many", "trigger", "slo"))
	keep("many", "truncated", has(`"truncatedAlerts":2`))

	am.post(t, time.Time{}, labels("scene", "mixed", "region", "eu-west-1"), labels("scene", "mixed", "region", "us-east-1"))
	keep("mixed", "both-firing", func(b string) bool { return strings.Contains(b, "eu-west-1") && strings.Contains(b, "us-east-1") })
	am.post(t, time.Now(), labels("scene", "mixed", "region", "eu-west-1"))
	keep("mixed", "one-resolved", has(`"status":"resolved"`))

	am.post(t, time.Time{}, map[string]string{"alertname": "Other", "service": "ranker"})
	keep("plain", "not-ours", any)
	am.post(t, time.Time{}, map[string]string{"alertname": "AutorollbackWatchdog", "autorollback": "true", "trigger": "watchdog"})
	keep("plain", "watchdog", any)
	am.post(t, time.Time{}, labels("trigger", "errors", "note", "<script>alert(1)</script> \u202egnp.exe\u2066 \x1b[31mred\r\nnext <!channel>", "long", strings.Repeat("ä", 3000)))
	keep("plain", "hostile-text", any)
	am.post(t, time.Time{}, labels("service", "../../budget"))
	keep("plain", "hostile-name", any)
}

func labels(pairs ...string) map[string]string {
	l := map[string]string{
		"alertname": "AutorollbackRankerLatency", "autorollback": "true", "service": "ranker",
		"trigger": "latency", "severity": "severe", "runbook": "ranker", "region": "default",
	}
	for i := 0; i < len(pairs); i += 2 {
		l[pairs[i]] = pairs[i+1]
	}
	return l
}

type alertmanager struct{ url string }

func startAlertmanager(t *testing.T, config string) alertmanager {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "alertmanager.yml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, *recordWith, "--config.file="+file, "--storage.path="+dir,
		"--web.listen-address="+addr, "--cluster.listen-address=", "--web.external-url=http://alertmanager.example:9093")
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	am := alertmanager{"http://" + addr}
	for range 200 {
		if resp, err := http.Get(am.url + "/-/ready"); err == nil {
			resp.Body.Close()
			return am
		}
		<-time.After(50 * time.Millisecond)
	}
	t.Fatal("alertmanager does not answer")
	return am
}

// post gives the alerts; a zero end lets them fire.
func (am alertmanager) post(t *testing.T, end time.Time, sets ...map[string]string) {
	t.Helper()
	var alerts []map[string]any
	for _, set := range sets {
		alerts = append(alerts, map[string]any{
			"labels": set, "startsAt": time.Now().Add(-10 * time.Second),
			"annotations":  map[string]string{"summary": "P95 of ranker is 34 % above stable", "autorollback_threshold": "30%"},
			"generatorURL": "http://prometheus.example:9090/graph",
		})
		if !end.IsZero() {
			alerts[len(alerts)-1]["endsAt"] = end
		}
	}
	body, err := json.Marshal(alerts)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(am.url+"/api/v2/alerts", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if said, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK {
		t.Fatalf("post alerts: %s: %s", resp.Status, said)
	}
}

func saveBody(t *testing.T, name string, body []byte) {
	t.Helper()
	dir := filepath.Join("testdata", *recordAs)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, name+".json")
	if err := os.WriteFile(file, body, 0o644); err != nil {
		t.Fatal(err)
	}
	fmt.Println("recorded", file)
}
