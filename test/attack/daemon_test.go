package attack

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/servers"
)

// built is the program, without the race detector: that takes memory many times over.
var built = servers.Daemon()

func TestMain(m *testing.M) {
	code := m.Run()
	built.Remove()
	os.Exit(code)
}

const (
	token    = "a-receiver-token-of-more-than-32-bytes-for-tests"
	password = "a password"
)

// A daemon is one process of the real program, with a store in a file.
type daemon struct {
	t                      *testing.T
	dir, hooks, web, ofrep string
	cmd                    *exec.Cmd
	ended                  chan struct{}
}

func start(t *testing.T, prometheus string) *daemon {
	t.Helper()
	bin := built.File(t)
	d := &daemon{t: t, dir: t.TempDir(), hooks: servers.FreeAddr(t), web: servers.FreeAddr(t), ofrep: servers.FreeAddr(t), ended: make(chan struct{})}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	if err != nil {
		t.Fatal(err)
	}
	d.write("ranker.yaml", string(demo.Runbook))
	d.write("token", token+"\n")
	d.route()
	d.write("web.yml", fmt.Sprintf("basic_auth_users: {demo: '%[1]s', late: '%[1]s', scrape: '%[1]s'}\n", hash))
	d.write("roles.yml", "roles: {metrics: [scrape], view: [late], operate: [demo], admin: [demo]}\n")
	d.cmd = exec.Command(bin, "serve", "--runbooks="+d.path("ranker.yaml"), "--store=file:"+d.path("store.db"),
		"--receiver.listen-address="+d.hooks, "--receiver.token-file="+d.path("token"), "--prometheus.url="+prometheus,
		"--web.listen-address="+d.web, "--web.config.file="+d.path("web.yml"), "--web.roles.file="+d.path("roles.yml"), "--approval.key-file="+d.path("keys"),
		"--ofrep.listen-address="+d.ofrep, "--ofrep.token-file="+d.path("token"), "--evidence.path="+d.path("evidence"),
		"--watch.interval=1s", "--reconcile.interval=1s")
	log, err := os.Create(d.path("log"))
	if err != nil {
		t.Fatal(err)
	}
	d.cmd.Stdout, d.cmd.Stderr = log, log
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = d.cmd.Wait(); close(d.ended) }()
	t.Cleanup(d.stop)
	d.await()
	return d
}

// route gives the service a stable version, as whoever deployed it did.
func (d *daemon) route() {
	d.t.Helper()
	kv, err := store.OpenFile(d.path("store.db"))
	if err == nil {
		err = errors.Join(demo.Route(d.t.Context(), kv, "routes/ranker/weights", "ranker-v1"), kv.Close())
	}
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *daemon) path(name string) string { return filepath.Join(d.dir, name) }

func (d *daemon) write(name, text string) {
	d.t.Helper()
	if err := os.WriteFile(d.path(name), []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// await waits until every listener answers.
func (d *daemon) await() {
	d.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range 3000 {
		req, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, "http://"+d.web+"/-/ready", nil)
		if err != nil {
			d.t.Fatal(err)
		}
		req.SetBasicAuth("demo", password)
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-d.ended:
			d.t.Fatalf("the daemon ended:\n%s", d.log())
		case <-tick.C:
		}
	}
	d.t.Fatalf("the daemon is not ready:\n%s", d.log())
}

func (d *daemon) log() string {
	text, err := os.ReadFile(d.path("log"))
	if err != nil {
		d.t.Error(err)
	}
	return string(text[max(0, len(text)-4000):])
}

// stop ends the daemon, which must still be there.
func (d *daemon) stop() {
	select {
	case <-d.ended:
		d.t.Errorf("the daemon ended:\n%s", d.log())
	default:
		_ = d.cmd.Process.Signal(syscall.SIGKILL)
		<-d.ended
	}
	if d.t.Failed() {
		d.t.Logf("the daemon's log ends with\n%s", d.log())
	}
}

var highWater = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)

// peak is the most memory that was resident, in MiB.
func (d *daemon) peak() int {
	d.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.cmd.Process.Pid))
	if err != nil {
		d.t.Fatal(err)
	}
	m := highWater.FindStringSubmatch(string(text))
	if m == nil {
		d.t.Fatalf("no VmHWM in\n%s", text)
	}
	kib, err := strconv.Atoi(m[1])
	if err != nil {
		d.t.Fatal(err)
	}
	return kib >> 10
}

func lines(n int, line string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, line, i)
	}
	return b.String()
}
