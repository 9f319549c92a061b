package bench

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/receiver"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/store"
)

// BenchmarkWebhookToConsul measures the time from Alertmanager's POST to the moment a
// consistent read of Consul shows the new weights, with a real Consul, a real
// Prometheus and the real program. In the same run and in turns it measures what cannot
// be done without: one Consul transaction of the same size, and one instant query of
// the alert's own expression. ratio-p50 is the first over the sum of the other two. For
// scale, script is a shell that runs "curl -X PUT" once.
//
// After each rollback the keys are put back as they were, in one transaction, so that
// every turn begins with the same open release.
func BenchmarkWebhookToConsul(b *testing.B) {
	s := start(b)
	tx := s.recordTransaction()
	query := s.breachQuery()
	var whole, txn, ask, answered, script []time.Duration
	for b.Loop() {
		for range turns {
			s.reset()
			time.Sleep(quiet)
			txn = append(txn, s.timed(func() { s.put(tx) }))
			ask = append(ask, s.timed(func() { s.get(query) }))
			script = append(script, s.timed(s.curl))
			seen, done := s.rollBack()
			whole, answered = append(whole, seen), append(answered, done)
		}
	}
	report(b, "", whole)
	report(b, "webhook-answered-", answered)
	report(b, "bare-txn-", txn)
	report(b, "bare-query-", ask)
	report(b, "script-", script)
	b.ReportMetric(quantile(whole, 0.5)/(quantile(txn, 0.5)+quantile(ask, 0.5)), "ratio-p50")
	b.ReportMetric(float64(s.held), "turns-held")
	b.ReportMetric(0, "ns/op") // includes putting things back
}

// turns are enough for a 99th percentile, whatever -benchtime says.
const turns = 100

// quiet lets the daemon finish with the rollback before, which would otherwise compete
// with this one and with the bare calls: an alert does not come in the middle of another.
const quiet = 150 * time.Millisecond

// rollBack posts the alert and returns how long it took until the weights had changed
// and until the webhook was answered. Now and then, when the machine is too busy to
// scrape in time, the daemon rightly holds instead: then the turn is taken again.
func (s *stage) rollBack() (seen, answered time.Duration) {
	for range 20 {
		ctx, cancel := context.WithCancel(s.b.Context())
		changed := make(chan time.Time, 1)
		index := s.index
		go func() {
			if _, err := s.wait(ctx, index); err == nil {
				changed <- time.Now()
			}
		}()
		time.Sleep(quiet) // a change is waited for, not asked about
		began := time.Now()
		s.hook(s.alert())
		answered = time.Since(began)
		if strings.Contains(s.value(s.rb.Routing.Key), `"ranker-v1":100`) {
			seen = (<-changed).Sub(began)
			cancel()
			return seen, answered
		}
		cancel()
		s.held++
		time.Sleep(time.Second)
		s.reset()
	}
	s.b.Fatalf("the daemon held 20 times: is the machine too busy to scrape?\n%s", s.get("http://"+s.web+"/metrics"))
	return 0, 0
}

// breachQuery is the address of the alert's expression for the release.
func (s *stage) breachQuery() string {
	q, err := rules.Ask(s.rb)
	if err != nil {
		s.b.Fatal(err)
	}
	expr, err := q.Gate("error-rate", s.release())
	if err != nil {
		s.b.Fatal(err)
	}
	return s.prom.URL + "/api/v1/query?query=" + url.QueryEscape(expr.String())
}

// alert is the webhook's body, with a moment of its own.
func (s *stage) alert() []byte {
	now := time.Now().UTC().Format(time.RFC3339Nano)
	return fmt.Appendf(nil, `{"version":"4","status":"firing","receiver":"autorollback","groupKey":"{}:{}","truncatedAlerts":0,`+
		`"groupLabels":{},"commonLabels":{},"commonAnnotations":{},"externalURL":"http://alertmanager.example:9093","alerts":[{"status":"firing",`+
		`"labels":{"alertname":"AutorollbackRankerErrorRate","autorollback":"true","region":"default","runbook":"ranker","service":"ranker","severity":"severe","trigger":"error-rate"},`+
		`"annotations":{"summary":"errors"},"startsAt":%q,"endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":"71508ab5013a17ac"}]}`, now)
}

func (s *stage) hook(body []byte) {
	req, err := http.NewRequestWithContext(s.b.Context(), http.MethodPost, "http://"+s.hooks+receiver.Path, bytes.NewReader(body))
	if err != nil {
		s.b.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	s.do(req)
}

// do sends a request that must be answered 200.
func (s *stage) do(req *http.Request) []byte {
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.b.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		s.b.Fatalf("%s: %s, %v: %s\n%s", req.URL, resp.Status, err, text, s.log())
	}
	return text
}

func (s *stage) get(address string) []byte {
	req, err := http.NewRequestWithContext(s.b.Context(), http.MethodGet, address, nil)
	if err != nil {
		s.b.Fatal(err)
	}
	return s.do(req)
}

// put sends a transaction.
func (s *stage) put(tx []byte) {
	req, err := http.NewRequestWithContext(s.b.Context(), http.MethodPut, s.consul.URL+"/v1/txn", bytes.NewReader(tx))
	if err != nil {
		s.b.Fatal(err)
	}
	s.do(req)
}

// curl is what a webhook that runs a script does, and nothing around it: no question
// whether it is true, no check of what it overwrites.
func (s *stage) curl() {
	cmd := exec.Command("sh", "-c", `curl -sf -X PUT -d '{"weights":{"ranker-v1":100}}' "$0"`, s.consul.URL+"/v1/kv/bench/script")
	if out, err := cmd.CombinedOutput(); err != nil {
		s.b.Fatalf("curl: %v: %s", err, out)
	}
}

func (s *stage) timed(f func()) time.Duration {
	began := time.Now()
	f()
	return time.Since(began)
}

// recordTransaction does one rollback with a recorder before Consul and returns its
// transaction with keys of its own and without conditions: as many operations with as
// many bytes.
func (s *stage) recordTransaction() []byte {
	s.reset()
	s.rollBack()
	var ops []struct{ KV map[string]any }
	if err := json.Unmarshal(s.recorded(), &ops); err != nil {
		s.b.Fatal(err)
	}
	for _, op := range ops {
		op.KV["Key"] = "bench/" + op.KV["Key"].(string)
		switch op.KV["Verb"] {
		case "cas":
			op.KV["Verb"] = "set"
		case "check-index", "check-not-exists":
			op.KV["Verb"], op.KV["Key"] = "check-not-exists", "bench-none/"+op.KV["Key"].(string)
		default:
			s.b.Fatalf("the rollback has a %v, which this benchmark does not know", op.KV["Verb"])
		}
		delete(op.KV, "Index")
	}
	text, err := json.Marshal(ops)
	if err != nil {
		s.b.Fatal(err)
	}
	s.b.Logf("the rollback is %d operations of %d bytes", len(ops), len(text))
	s.direct()
	return text
}

func report(b *testing.B, name string, d []time.Duration) {
	b.ReportMetric(quantile(d, 0.5), name+"p50-ms")
	b.ReportMetric(quantile(d, 0.99), name+"p99-ms")
}

func quantile(d []time.Duration, q float64) float64 {
	d = slices.Clone(d)
	slices.Sort(d)
	return float64(d[min(int(q*float64(len(d))), len(d)-1)]) / float64(time.Millisecond)
}

// reset puts everything back to the open release, and waits until the daemon knows. A daemon that runs, or
// has its journal, would notice that the store went back in time, and hold: it begins anew.
func (s *stage) reset() {
	s.stop()
	if err := os.RemoveAll(filepath.Join(s.dir, "evidence")); err != nil {
		s.b.Fatal(err)
	}
	ops := slices.Clone(s.open)
	for _, prefix := range []string{store.IncidentKey(""), store.OutboxKey(""), store.QuarantineKey(""), store.ApprovalKey(""), store.AnchorKey(""), store.InstallationKey} {
		ops = append(ops, op{map[string]any{"Verb": "delete-tree", "Key": prefix}})
	}
	text, err := json.Marshal(ops)
	if err != nil {
		s.b.Fatal(err)
	}
	s.put(text)
	s.serve(s.store, webhookOnly...)
	s.index = s.modified(s.rb.Routing.Key)
	s.await("the daemon to see the release", func() error {
		page := s.get("http://" + s.web + "/metrics")
		found := significance.FindSubmatch(page)
		if !bytes.Contains(page, []byte(`autorollback_release_role{`)) || found == nil {
			return fmt.Errorf("no role, or no significance")
		}
		if v, err := strconv.ParseFloat(string(found[1]), 64); err != nil || v < 1 {
			return fmt.Errorf("significance %s", found[1])
		}
		return nil
	})
}

// significance is what the daemon knows of the trigger.
var significance = regexp.MustCompile(`autorollback_trigger_significance\{[^}]*trigger="error-rate"\} (\S+)`)

// op is an operation of a Consul transaction.
type op struct{ KV map[string]any }

func opText(o op) string {
	text, _ := json.Marshal(o) // of texts alone
	return string(text)
}

func set(key string, value []byte) op {
	return op{map[string]any{"Verb": "set", "Key": key, "Value": base64.StdEncoding.EncodeToString(value)}}
}
