package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/servers"
)

// A stage is one installation with a breach that stays.
type stage struct {
	b          *testing.B
	dir, bin   string
	rb         *runbook.Runbook
	consul     *servers.ConsulServer
	prom       *servers.PrometheusServer
	kv         *store.Consul
	hooks, web string
	cmd        *exec.Cmd
	store      string // the address that the daemon has of it
	out        *os.File
	open       []op   // the keys of the open release
	index      uint64 // of the router's key
	held       int    // turns in which nothing was rolled back

	mu  sync.Mutex
	rel record.Release
	act []byte // the body of the transaction that wrote the router's key last
}

const token = "a-receiver-token-of-more-than-32-bytes-for-benchmarks"

func start(b *testing.B) *stage { return startWith(b, demo.Runbook) }

func startWith(b *testing.B, text []byte) *stage {
	s := newStage(b)
	var err error
	if s.rb, err = runbook.Parse("ranker.yaml", text); err != nil {
		b.Fatal(err)
	}
	s.write("runbooks/ranker.yaml", string(text))
	if err := demo.Route(b.Context(), s.kv, s.rb.Routing.Key, "ranker-v1"); err != nil {
		b.Fatal(err)
	}
	s.startPrometheus()
	s.serve(s.recorder(), webhookOnly...)
	s.launch()
	return s
}

// newStage builds the program and starts Consul.
func newStage(b *testing.B) *stage {
	s := &stage{b: b, dir: b.TempDir(), hooks: servers.FreeAddr(b), web: servers.FreeAddr(b)}
	s.build()
	s.consul = servers.Consul(b)
	s.write("token", token+"\n")
	if err := os.Mkdir(filepath.Join(s.dir, "runbooks"), 0o700); err != nil {
		b.Fatal(err)
	}
	var err error
	if s.kv, err = store.OpenConsul(store.ConsulConfig{Address: s.consul.Addr, Scheme: "http", Replica: "bench"}); err != nil {
		b.Fatal(err)
	}
	return s
}

func (s *stage) build() {
	daemon := servers.Daemon()
	s.b.Cleanup(daemon.Remove)
	s.bin = daemon.File(s.b)
}

func (s *stage) startPrometheus() {
	group, err := rules.Compile(s.rb)
	if err != nil {
		s.b.Fatal(err)
	}
	text, err := rules.Marshal([]rules.Group{group})
	if err != nil {
		s.b.Fatal(err)
	}
	config := fmt.Sprintf(`
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
scrape_configs:
- {job_name: ranker, static_configs: [{targets: ["%s"]}]}
- {job_name: autorollback, static_configs: [{targets: ["%s", "%s"]}]}
`, strings.Join(pods(s.b, s.rb), `", "`), roles(s.b, s.release), s.web)
	s.prom = servers.Prometheus(s.b, config, map[string]string{"rules.yml": string(text)})
}

// webhookOnly is a daemon without a watcher, so that the webhook is what acts.
var webhookOnly = []string{"--watch.interval=-1s", "--reconcile.interval=100ms"}

// serve starts the daemon.
func (s *stage) serve(consul string, flags ...string) {
	out, err := os.OpenFile(filepath.Join(s.dir, "daemon.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		s.b.Fatal(err)
	}
	s.out, s.store = out, consul
	s.cmd = exec.Command(s.bin, append([]string{"serve", "--runbooks=" + filepath.Join(s.dir, "runbooks"), "--store=consul://" + consul, "--replica=bench-daemon",
		"--receiver.listen-address=" + s.hooks, "--receiver.token-file=" + filepath.Join(s.dir, "token"),
		"--web.listen-address=" + s.web, "--web.insecure-no-auth", "--web.external-url=http://" + s.web, "--prometheus.url=" + s.prom.URL,
		"--approval.key-file=" + filepath.Join(s.dir, "approval.keys"), "--evidence.path=" + filepath.Join(s.dir, "evidence"),
		"--log.level=error"}, flags...)...)
	s.cmd.Stdout, s.cmd.Stderr = out, out
	if err := s.cmd.Start(); err != nil {
		s.b.Fatal(err)
	}
	cmd := s.cmd
	s.b.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }) // both fail if it was stopped before
	s.await("the daemon", func() error {
		resp, err := http.Get("http://" + s.web + "/-/ready")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return errors.New(resp.Status)
		}
		return nil
	})
}

// direct starts the daemon again with nothing between it and Consul.
func (s *stage) direct() {
	s.stop()
	s.serve(s.consul.Addr, webhookOnly...)
}

// stop ends the daemon.
func (s *stage) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait()
}

// launch starts the release and keeps its keys once the alert is true for it.
func (s *stage) launch() {
	rel, err := api.Client{URL: "http://" + s.web}.Start(s.b.Context(), demo.Release)
	if err != nil {
		s.b.Fatal(err)
	}
	s.mu.Lock()
	s.rel = rel
	s.mu.Unlock()
	s.await("the alert", func() error {
		if text := s.get(s.prom.URL + "/api/v1/query?query=" + url.QueryEscape(`ALERTS{alertstate="firing",trigger="error-rate"}`)); !bytes.Contains(text, []byte(rel.ID)) {
			return fmt.Errorf("%s", text)
		}
		return nil
	})
	for _, key := range []string{s.rb.Routing.Key, s.rb.Routing.Flags + "v1", s.rb.Routing.Flags + "v2", store.ReleaseKey("ranker", "default")} {
		s.open = append(s.open, set(key, []byte(s.value(key))))
	}
	s.open = append(s.open, op{map[string]any{"Verb": "delete", "Key": store.BudgetKey}})
}

func (s *stage) release() record.Release {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rel
}

// recorder is a proxy that keeps the transactions on the router's key.
func (s *stage) recorder() string {
	forward := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: s.consul.Addr}) }}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/txn" {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			if bytes.Contains(body, []byte(`"`+s.rb.Routing.Key+`"`)) && bytes.Contains(body, []byte(`"cas"`)) {
				s.mu.Lock()
				s.act = body
				s.mu.Unlock()
			}
		}
		forward.ServeHTTP(w, r)
	}))
	s.b.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	return srv.Listener.Addr().String()
}

func (s *stage) recorded() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.act
}

// wait returns the router's index once it is past the given one: a consistent read that
// blocks.
func (s *stage) wait(ctx context.Context, index uint64) (uint64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/v1/kv/%s?consistent&index=%d&wait=60s", s.consul.URL, s.rb.Routing.Key, index), nil)
	if err != nil {
		return 0, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var entries []struct{ ModifyIndex uint64 }
	if err := json.NewDecoder(resp.Body).Decode(&entries); err != nil || len(entries) != 1 {
		return 0, fmt.Errorf("read weights: %d entries, %w", len(entries), err)
	}
	return entries[0].ModifyIndex, nil
}

func (s *stage) modified(key string) uint64 {
	var entries []struct{ ModifyIndex uint64 }
	if err := json.Unmarshal(s.get(s.consul.URL+"/v1/kv/"+key+"?consistent"), &entries); err != nil || len(entries) != 1 {
		s.b.Fatalf("read %s: %v", key, err)
	}
	return entries[0].ModifyIndex
}

func (s *stage) value(key string) string {
	return string(s.get(s.consul.URL + "/v1/kv/" + key + "?raw&consistent"))
}

func (s *stage) await(what string, f func() error) {
	s.awaitWithin(what, 90*time.Second, 2*time.Millisecond, f)
}

func (s *stage) awaitWithin(what string, within, every time.Duration, f func() error) {
	ctx, cancel := context.WithTimeout(s.b.Context(), within)
	defer cancel()
	for {
		err := f()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			s.b.Fatalf("wait for %s: %v\n%s", what, err, s.log())
		case <-time.After(every):
		}
	}
}

func (s *stage) log() string {
	text, _ := os.ReadFile(s.out.Name())
	return string(text)
}

func (s *stage) write(name, text string) {
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		s.b.Fatal(err)
	}
}
