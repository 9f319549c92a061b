package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/autorollback/autorollback/receiver"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/servers"
	"github.com/autorollback/autorollback/test/sim"
)

var acknowledged = flag.Int("acks", 200, "how many acknowledged webhooks the daemon is killed among, at least")

const (
	fleet = 60 // services, each with an open release
	token = "a-receiver-token-of-more-than-32-bytes-for-tests"
)

// A camp is where a real daemon on a file store is killed: its Prometheus does not answer, so that
// each alert is committed as not confirmed yet before it is acknowledged.
type camp struct {
	t                *testing.T
	dir, bin         string
	hooks, web, prom string
	launches         map[string][]byte
}

// The daemon is killed with SIGKILL while webhooks pour in. Every alert that it acknowledged is an
// incident in the store, with a message to people, when it is opened again.
func TestKilledWhileWebhooksPourIn(t *testing.T) {
	if testing.Short() {
		t.Skip("short: it builds the daemon and kills it again and again")
	}
	sim.Bulk(t) // another process has its own race detector, or none
	c := &camp{t: t, dir: t.TempDir(), hooks: servers.FreeAddr(t), web: servers.FreeAddr(t), prom: servers.FreeAddr(t), launches: map[string][]byte{}}
	c.build()
	template := c.prepare()
	began, acks, kills, lost := time.Now(), 0, 0, 0
	for acks < *acknowledged {
		c.write("store.db", template)
		if err := os.RemoveAll(filepath.Join(c.dir, "evidence")); err != nil { // its journal knows a newer store
			t.Fatal(err)
		}
		told := map[string]bool{}
		for pour := range 2 { // in the second, alerts come again
			d := diceOf(uint64(kills+1), "kill")
			most := fleet
			if pour == 0 {
				most = 1 + d.n(fleet)
			}
			acks += c.pour(told, most)
			kills++
			lost += c.lost(told)
		}
	}
	fmt.Printf("%d webhooks acknowledged among %d kills, %d lost, %.0f s\n", acks, kills, lost, time.Since(began).Seconds())
}

func (c *camp) build() {
	daemon := servers.Daemon()
	c.t.Cleanup(daemon.Remove)
	c.bin = daemon.File(c.t)
	s := newScenery(c.t)
	for n := range fleet {
		name := fmt.Sprintf("service-%d", n)
		text := strings.ReplaceAll(strings.ReplaceAll(runbookText, "ranker", name), "EXPIRY", "page")
		c.write("runbooks/"+name+".yaml", []byte(text))
		l := s.launches[services[0]]
		l.Service, l.Stable.Backend, l.Candidate.Backend = name, name+"-v1", name+"-v2"
		launch, err := json.Marshal(l)
		if err != nil {
			c.t.Fatal(err)
		}
		c.launches[name] = launch
	}
	c.write("receiver.token", []byte(token+"\n"))
}

func (c *camp) write(name string, text []byte) {
	path := filepath.Join(c.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, text, 0o600)); err != nil {
		c.t.Fatal(err)
	}
}

// prepare opens every release and returns the store as it is then.
func (c *camp) prepare() []byte {
	kv, err := store.OpenFile(filepath.Join(c.dir, "store.db"))
	if err != nil {
		c.t.Fatal(err)
	}
	for name := range c.launches {
		op := store.Op{Key: routeKey(name), Value: fmt.Appendf(nil, `{"weights":{"%s-v1":100}}`, name)}
		if err := kv.Commit(c.t.Context(), store.NewTx(op)); err != nil {
			c.t.Fatal(err)
		}
	}
	if err := kv.Close(); err != nil {
		c.t.Fatal(err)
	}
	d := c.start()
	for name, launch := range c.launches {
		resp, err := http.Post("http://"+c.web+"/api/v1/releases", "application/yaml", bytes.NewReader(launch))
		if err != nil {
			c.t.Fatal(err)
		}
		if said, _ := io.ReadAll(resp.Body); resp.StatusCode/100 != 2 {
			c.t.Fatalf("start %s: %s %s", name, resp.Status, said)
		}
		resp.Body.Close()
	}
	c.kill(d)
	text, err := os.ReadFile(filepath.Join(c.dir, "store.db"))
	if err != nil {
		c.t.Fatal(err)
	}
	return text
}

func (c *camp) start() *exec.Cmd {
	cmd := exec.Command(c.bin, "serve", "--runbooks="+filepath.Join(c.dir, "runbooks"), "--store=file:"+filepath.Join(c.dir, "store.db"),
		"--receiver.listen-address="+c.hooks, "--receiver.token-file="+filepath.Join(c.dir, "receiver.token"), "--web.listen-address="+c.web, "--web.insecure-no-auth",
		"--prometheus.url=http://"+c.prom, "--evidence.path="+filepath.Join(c.dir, "evidence"), "--approval.key-file="+filepath.Join(c.dir, "approval.keys"))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	for until := time.Now().Add(90 * time.Second); ; {
		resp, err := http.Get("http://" + c.web + "/-/ready")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return cmd
			}
		}
		if time.Now().After(until) {
			c.kill(cmd)
			c.t.Fatalf("the daemon is not ready: %v\n%s", err, said.Bytes())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (c *camp) kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // killed, which is no success
}

// pour sends an alert of each service, from several senders at once, and kills the daemon once it
// has acknowledged so many. It returns how many it has acknowledged.
func (c *camp) pour(told map[string]bool, most int) int {
	cmd := c.start()
	ctx, cancel := context.WithCancel(c.t.Context())
	defer cancel()
	names := make(chan string, len(c.launches))
	for name := range c.launches {
		names <- name
	}
	close(names)
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		count atomic.Int64
		once  sync.Once
	)
	for range 8 {
		wg.Go(func() {
			for name := range names {
				if c.hook(ctx, name) {
					mu.Lock()
					told[name] = true
					mu.Unlock()
					if count.Add(1) >= int64(most) {
						once.Do(func() { c.kill(cmd); cancel() })
					}
				}
			}
		})
	}
	wg.Wait()
	once.Do(func() { c.kill(cmd) })
	return int(count.Load())
}

// hook sends one webhook and reports whether it was acknowledged.
func (c *camp) hook(ctx context.Context, service string) bool {
	body := fmt.Sprintf(`{"version":"4","groupKey":"g","status":"firing","receiver":"r","groupLabels":{},"commonLabels":{},"commonAnnotations":{},"externalURL":"http://am","alerts":[
{"status":"firing","labels":{"alertname":"a","autorollback":"true","service":%q,"trigger":"errors","severity":"severe"},"annotations":{},"startsAt":%q,"endsAt":"0001-01-01T00:00:00Z","generatorURL":"","fingerprint":"%016x"}]}`,
		service, time.Now().UTC().Format(time.RFC3339), len(service))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.hooks+receiver.Path, strings.NewReader(body))
	if err != nil {
		c.t.Error(err)
		return false
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// lost counts the acknowledged alerts that are not in the store.
func (c *camp) lost(told map[string]bool) (n int) {
	c.t.Helper()
	kv, err := store.OpenFile(filepath.Join(c.dir, "store.db"))
	if err != nil {
		c.t.Fatal(err)
	}
	defer kv.Close()
	snap, err := kv.Read(c.t.Context(), store.IncidentKey(""), store.OutboxKey(""))
	if err != nil {
		c.t.Fatal(err)
	}
	found := map[string]bool{}
	for _, en := range snap.Under(store.IncidentKey("")) {
		var i record.Incident
		if err := json.Unmarshal(en.Value, &i); err != nil {
			c.t.Fatal(err)
		}
		found[i.Service] = i.Phase == record.Unconfirmed && len(i.Triggers) == 1 && i.Messages > 0
	}
	for name := range told {
		if !found[name] {
			c.t.Errorf("the alert of %s was acknowledged and is lost", name)
			n++
		}
	}
	return n
}
