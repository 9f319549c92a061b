package e2e

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
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/receiver"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/servers"
)

// built is the program with the crash points in it.
var built = servers.Daemon("-race", "-tags", "faultpoint")

// atOnce is how many stories run at once. They mostly wait for windows to pass, so
// more than the machine has cores.
const atOnce = "6"

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Println("every story here needs real servers: run without -short")
		os.Exit(0)
	}
	if err := flag.Set("test.parallel", atOnce); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	built.Remove()
	os.Exit(code)
}

// by is for running all stories once more by one source of alerts alone:
//
//	go test ./test/e2e -by webhook
var by = flag.String("by", "", "webhook or watcher: what alone tells the daemons, where a story does not say it; empty: both")

// A stack is one installation: servers, a model service, and some daemons.
type stack struct {
	t       *testing.T
	dir     string
	consul  *servers.ConsulServer
	prom    *servers.PrometheusServer
	ams     []*servers.AlertmanagerServer
	service *demo.Service
	kv      *store.Consul
	rb      *runbook.Runbook
	daemons []*daemon
	launch  []byte   // the release file
	flip    func()   // not nil: it starts without traffic, is flipped, and then this is called
	targets []string // further ones of the service
	pods    string   // the address of pods that only count
	users   func(*stack)
}

// options of a stack. The zero value is one daemon and one Alertmanager, both sources.
type options struct {
	daemons, alertmanagers int
	noWebhook              bool // Alertmanager does not know us
	noWatcher              bool
	both                   bool                        // the story is about both of them
	alone                  bool                        // no Alertmanager, and Prometheus has no rule file
	native                 bool                        // Prometheus scrapes native histograms
	rules                  string                      // loaded instead of the runbook's
	server                 *servers.ConsulServer       // instead of one of its own
	users                  func(*stack)                // lays out a real router by the runbook's keys, and sends users through it
	consul                 func(address string) string // puts something between the daemons and Consul
	fault                  string                      // crash the first daemon once at this boundary
	runbook                func(text string) string
	tap                    *tap     // takes Alertmanager's webhooks instead of the daemon
	args                   []string // further ones of every daemon
	flip                   func()   // not nil: the release starts without traffic, a human flips, and then this is called
	targets                []string // further ones that Prometheus scrapes as the service
	people                 bool     // the web listener knows the demo's approver, and nobody else
}

const token = "a-receiver-token-of-more-than-32-bytes-for-tests"

// start brings everything up, with all traffic on v1 and a release at 5 %.
func start(t *testing.T, o options) *stack {
	t.Helper()
	s := &stack{t: t, dir: t.TempDir(), launch: demo.Release, flip: o.flip, targets: o.targets, users: o.users}
	if o.flip != nil {
		s.launch = bytes.Replace(s.launch, []byte("weight: 5"), []byte("weight: 0"), 1)
	}
	if s.consul = o.server; s.consul == nil {
		s.consul = servers.Consul(t)
	}
	s.writeRunbook(o)
	if !o.both && !o.alone && !o.noWebhook && !o.noWatcher {
		// Nothing is promoted while Alertmanager's way to us is not proved.
		o.noWatcher, o.noWebhook = *by == string(record.Webhook), *by == string(record.Watcher) && s.rb.Rollout == nil
	}
	s.openService()
	n := max(o.daemons, 1)
	for i := range n {
		s.daemons = append(s.daemons, s.newDaemon(i, o))
	}
	s.startAlertmanagers(o)
	s.startPrometheus(o)
	for i, d := range s.daemons {
		if i == 0 && o.fault != "" {
			d.mark = filepath.Join(s.dir, "crashed")
			d.env = []string{"AUTOROLLBACK_FAULT=" + o.fault, "AUTOROLLBACK_FAULT_MARK=" + d.mark}
		}
		d.start()
	}
	s.release()
	return s
}

// patient is where these runs differ from the demo: several installations share one
// machine, which is slow by itself now and then. Errors and conversions, which no load
// makes worse, prove the recovery here.
var patient = map[string]string{"latency: {quantile: 0.95, below: 200ms, tolerance: 30%}": "latency: {quantile: 0.95, below: 30s, tolerance: 10000%}",
	"within: 1m": "within: 5m"}

// slack is by how much a machine under load may be slower than what each wait says. It
// costs nothing where all is well.
const slack = 4

// replace changes what must be there.
func (s *stack) replace(text string, changes map[string]string) string {
	s.t.Helper()
	for from, to := range changes {
		if !strings.Contains(text, from) {
			s.t.Fatalf("the demo's runbook has no %q any more", from)
		}
		text = strings.Replace(text, from, to, 1)
	}
	return text
}

func (s *stack) writeRunbook(o options) {
	text := s.replace(string(demo.Runbook), patient)
	text = s.replace(text, map[string]string{"approval_ttl: 60s": "approval_ttl: 15m"}) // nobody here forgets to answer
	if o.runbook != nil {
		text = o.runbook(text)
	}
	s.write("runbooks/ranker.yaml", text)
	s.write("receiver.token", token+"\n")
	rb, err := runbook.Load(filepath.Join(s.dir, "runbooks/ranker.yaml"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.rb = rb
}

// openService starts the pods, the router and the traffic.
func (s *stack) openService() {
	var err error
	if s.kv, err = store.OpenConsul(store.ConsulConfig{Address: s.consul.Addr, Scheme: "http", Replica: "test"}); err != nil {
		s.t.Fatal(err)
	}
	if s.users == nil {
		if err := demo.Route(s.t.Context(), s.kv, s.rb.Routing.Key, "ranker-v1"); err != nil {
			s.t.Fatal(err)
		}
	}
	if s.service, err = demo.NewService(s.kv, s.rb.Routing, 60); err != nil {
		s.t.Fatal(err)
	}
	if s.users != nil {
		s.users(s)
	}
	ctx, stop := context.WithCancel(context.Background())
	var g errgroup.Group
	g.Go(func() error { return s.service.Run(ctx) })
	s.t.Cleanup(func() { stop(); _ = g.Wait() })
}

func (s *stack) startAlertmanagers(o options) {
	if o.alone {
		return
	}
	config := "route: {receiver: nobody, group_wait: 0s, group_interval: 1s, repeat_interval: 1h, group_by: ['...']}\nreceivers: [{name: nobody}]\n"
	switch {
	case o.tap != nil:
		config = s.route(o.tap.addr)
	case !o.noWebhook:
		var hooks []string
		for _, d := range s.daemons {
			hooks = append(hooks, d.hooks)
		}
		config = s.route(hooks...)
	}
	if o.alertmanagers > 1 {
		s.ams = servers.AlertmanagerCluster(s.t, config, o.alertmanagers)
		return
	}
	s.ams = []*servers.AlertmanagerServer{servers.Alertmanager(s.t, config)}
}

// route is the generated Alertmanager configuration, with one webhook per address.
func (s *stack) route(hooks ...string) string {
	text, err := rules.Route("http://"+hooks[0]+receiver.Path, filepath.Join(s.dir, "receiver.token"))
	if err != nil {
		s.t.Fatal(err)
	}
	config := string(text)
	at := strings.Index(config, "  - url:")
	if at < 0 {
		s.t.Fatalf("the generated route has no webhook:\n%s", config)
	}
	hook := config[at:]
	for _, h := range hooks[1:] {
		config += strings.ReplaceAll(hook, hooks[0], h)
	}
	return config
}

func (s *stack) startPrometheus(o options) {
	text := o.rules
	if text == "" {
		text = s.ruleFile()
	}
	var ams, daemons []string
	for _, am := range s.ams {
		ams = append(ams, am.Addr)
	}
	for _, d := range s.daemons {
		daemons = append(daemons, d.web)
	}
	tells := fmt.Sprintf("rule_files: [rules.yml]\nalerting: {alertmanagers: [{static_configs: [{targets: %s}]}]}", list(ams))
	if o.alone {
		tells = ""
	}
	config := fmt.Sprintf(`
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
%s
scrape_configs:
- {job_name: ranker, scrape_native_histograms: %t, static_configs: [{targets: %s}]}
- {job_name: autorollback, basic_auth: {username: demo, password: demo}, static_configs: [{targets: %s}]}
`, tells, o.native, list(append(s.service.Targets(), s.targets...)), list(daemons))
	s.prom = servers.Prometheus(s.t, config, map[string]string{"rules.yml": text})
	for _, d := range s.daemons {
		d.args = append(d.args, "--prometheus.url="+s.prom.URL)
		if len(s.ams) > 0 {
			d.args = append(d.args, "--alertmanager.url="+s.ams[0].URL)
		}
	}
}

// release starts the release once Prometheus has seen v1 for a while.
func (s *stack) release() {
	s.await("a daemon to be ready", 20*time.Second, func() error { return get(s.t.Context(), "http://"+s.daemons[0].web+"/-/ready") })
	s.await("the level of v1 before the release", 30*time.Second, func() error { return s.has(`count_over_time(model_impressions_total{version="v1"}[1m]) > 10`) })
	s.await("the release to be started", 20*time.Second, func() error {
		_, err := s.client().Start(s.t.Context(), s.launch)
		if errors.Is(err, runbook.ErrRefused) && s.daemons[0].crashed() {
			return nil // the answer was lost, and the release is open: the next wait sees it
		}
		return err
	})
	if s.flip != nil {
		s.await("the flip", 90*time.Second, func() error { _, err := s.client().Flip(s.t.Context(), "ranker", "default"); return err })
		s.flip()
	}
	s.await("the roles to be seen and compared", 60*time.Second, func() error {
		return s.has(`count_over_time(autorollback_release_role{role="candidate"}[1m]) > 8`)
	})
}

// breakCandidate makes v2 fail and returns the moment.
func (s *stack) breakCandidate() time.Time {
	b := demo.Well
	b.Errors, b.Latency = 0.5, 200*time.Millisecond
	s.service.Candidate.Behave(b)
	return time.Now()
}

// client speaks to the first daemon that answers.
func (s *stack) client() api.Client {
	for _, d := range s.daemons {
		if get(s.t.Context(), "http://"+d.web+"/-/healthy") == nil {
			return d.client()
		}
	}
	return s.daemons[0].client()
}

func (d *daemon) client() api.Client {
	return api.Client{URL: "http://" + d.web, HTTP: &http.Client{Transport: signedIn{}, Timeout: 90 * time.Second}}
}

// signedIn is the demo's approver, where anybody asks.
type signedIn struct{}

func (signedIn) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.SetBasicAuth("demo", "demo")
	return http.DefaultTransport.RoundTrip(r)
}

// incident waits until the newest incident satisfies the condition.
func (s *stack) incident(what string, within time.Duration, ok func(record.Incident) bool) record.Incident {
	s.t.Helper()
	var inc record.Incident
	s.await(what, within, func() error {
		all, err := s.client().Incidents(s.t.Context())
		if err != nil || len(all) == 0 {
			return fmt.Errorf("%d incidents, %v", len(all), err)
		}
		if inc = all[0]; !ok(inc) {
			return fmt.Errorf("incident %s is %s (%s, %v), verdict %+v", inc.ID, inc.Phase, inc.Decision.Guard, inc.Decision.Reasons, inc.Verdict)
		}
		return nil
	})
	return inc
}

func settled(i record.Incident) bool { return i.Phase == record.Done }

// has asks Prometheus whether the expression has an answer.
func (s *stack) has(expr string) error {
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.prom.URL+"/api/v1/query", nil)
	if err != nil {
		return err
	}
	q := req.URL.Query()
	q.Set("query", expr)
	req.URL.RawQuery = q.Encode()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var body struct {
		Data struct{ Result []json.RawMessage }
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		return err
	}
	if len(body.Data.Result) == 0 {
		return fmt.Errorf("%s has no answer", expr)
	}
	return nil
}

// await polls until f returns nil.
func (s *stack) await(what string, within time.Duration, f func() error) {
	s.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	within *= slack
	deadline := time.Now().Add(within)
	for {
		s.daemons[0].revive()
		err := f()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("waited %s for %s: %v", within, what, err)
		}
		select {
		case <-s.t.Context().Done():
			s.t.Fatalf("waiting for %s: %v", what, s.t.Context().Err())
		case <-tick.C:
		}
	}
}

func (s *stack) write(name, text string) string {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// A daemon is one process of the real program.
type daemon struct {
	t          *testing.T
	name       string
	hooks, web string
	args, env  []string
	mark       string // the file a crash point leaves
	starts     int    // how often it was started
	cmd        *exec.Cmd
	ended      chan struct{}
	log        *os.File
}

func (s *stack) newDaemon(i int, o options) *daemon {
	d := &daemon{t: s.t, name: fmt.Sprintf("replica-%d", i), hooks: servers.FreeAddr(s.t), web: servers.FreeAddr(s.t)}
	consul := s.consul.Addr
	if o.consul != nil {
		consul = o.consul(s.consul.Addr)
	}
	watch := "1s"
	if o.noWatcher {
		watch = "-1s"
	}
	d.args = []string{"serve", "--runbooks=" + filepath.Join(s.dir, "runbooks"), "--store=consul://" + consul, "--replica=" + d.name,
		"--receiver.listen-address=" + d.hooks, "--receiver.token-file=" + filepath.Join(s.dir, "receiver.token"),
		"--web.listen-address=" + d.web, "--web.external-url=http://" + d.web,
		"--approval.key-file=" + filepath.Join(s.dir, "approval.keys"), "--evidence.path=" + filepath.Join(s.dir, "evidence-"+d.name),
		"--watch.interval=" + watch, "--reconcile.interval=1s"}
	d.args = append(d.args, o.args...)
	if o.people {
		d.args = append(d.args, "--web.config.file="+s.write("web.yml", "basic_auth_users: {demo: '"+s.hash("demo")+"'}\n"),
			"--web.roles.file="+s.write("roles.yml", "roles: {operate: [demo], admin: [demo]}\n"))
	} else {
		d.args = append(d.args, "--web.insecure-no-auth")
	}
	return d
}

func (s *stack) hash(password string) string {
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(h)
}

func (d *daemon) start() {
	d.t.Helper()
	bin := built.File(d.t)
	if d.log == nil {
		log, err := os.Create(filepath.Join(d.t.TempDir(), d.name+".log"))
		if err != nil {
			d.t.Fatal(err)
		}
		d.log = log
		d.t.Cleanup(func() { d.stop(syscall.SIGKILL); d.show() })
	}
	d.cmd = exec.Command(bin, d.args...)
	d.cmd.Stdout, d.cmd.Stderr = d.log, d.log
	d.cmd.Env = append(os.Environ(), d.env...)
	d.ended = make(chan struct{})
	if err := d.cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.starts++
	go func(cmd *exec.Cmd, ended chan struct{}) { _ = cmd.Wait(); close(ended) }(d.cmd, d.ended)
}

// crashed reports whether one of the daemon's crash points was reached.
func (d *daemon) crashed() bool { return d.crashes() > 0 }

// crashes is how many of them were.
func (d *daemon) crashes() int {
	if d.mark == "" {
		return 0
	}
	marks, err := filepath.Glob(d.mark + "*")
	if err != nil {
		d.t.Error(err)
	}
	return len(marks)
}

// revive starts a daemon again that has crashed where it was told to.
func (d *daemon) revive() {
	if d.cmd == nil || !d.crashed() {
		return
	}
	select {
	case <-d.ended:
		d.t.Logf("%s crashed and is started again", d.name)
		d.start()
	default:
	}
}

// stop ends the process and waits for it.
func (d *daemon) stop(sig syscall.Signal) {
	if d.cmd == nil {
		return
	}
	_ = d.cmd.Process.Signal(sig) // it may have ended
	<-d.ended
}

// show prints the end of the log of a failed test, and any data race of any test.
func (d *daemon) show() {
	text, err := os.ReadFile(d.log.Name())
	if err != nil {
		d.t.Error(err)
		return
	}
	if strings.Contains(string(text), "DATA RACE") {
		d.t.Errorf("%s: data race:\n%s", d.name, text)
		return
	}
	if d.t.Failed() {
		lines := strings.Split(string(text), "\n")
		d.t.Logf("%s:\n%s", d.name, strings.Join(lines[max(0, len(lines)-60):], "\n"))
	}
}

func get(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	req.SetBasicAuth("demo", "demo")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", url, resp.Status)
	}
	return nil
}

func list(addresses []string) string { return `["` + strings.Join(addresses, `", "`) + `"]` }
