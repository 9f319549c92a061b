package e2e

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
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
	"github.com/autorollback/autorollback/receiver"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/receivers"
	"github.com/autorollback/autorollback/test/servers"
)

// unasked is what a server sends where nobody asked it.
const unasked = "canary-unasked-4723-ghjkl"

// An indiscreet server is Prometheus, Alertmanager, a chat's hook and the model, and repeats every
// header of a request where it refuses it.
type indiscreet struct {
	*httptest.Server
	mu     sync.Mutex
	asked  int
	heard  strings.Builder // headers and addresses
	bodies strings.Builder
}

func newIndiscreet(t *testing.T) *indiscreet {
	s := new(indiscreet)
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *indiscreet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	headers := fmt.Sprint(r.Header)
	fmt.Fprintln(&s.heard, r.URL, headers)
	fmt.Fprintf(&s.bodies, "%s\n", body)
	switch part := strings.TrimPrefix(r.URL.Path, "/prometheus/api/v1/"); {
	case part == "query" && s.asked%3 != 0:
		_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"vector","result":[]}}`)
	case part == "query":
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"status":"error","errorType":"bad_data","error":%q}`, headers)
	case part == "query_range":
		_, _ = io.WriteString(w, `{"status":"success","data":{"resultType":"matrix","result":[]}}`)
	case part == "alertmanagers":
		fmt.Fprintf(w, `{"status":"success","data":{"activeAlertmanagers":[{"url":"%s/alertmanager/api/v2/alerts"}]}}`, s.URL)
	case part == "rules":
		c, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 500 "+unasked+"\r\nContent-Length: 2\r\n\r\nnoHTTP/1.1 200 OK\r\nX: "+unasked+"\r\n\r\n")
			c.Close()
		}
	default:
		w.WriteHeader(http.StatusInternalServerError)
		_, _ = io.WriteString(w, "Refused.\n")
		_ = r.Header.Write(w)
	}
}

func (s *indiscreet) said() (heard, bodies string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.heard.String(), s.bodies.String()
}

// canaries are secrets, by where they stand.
type canaries map[string]string

// forms are the ways in which one may be written.
func forms(user, text string) []string {
	raw := []byte(text)
	return []string{text, hex.EncodeToString(raw), base64.StdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw),
		base64.StdEncoding.EncodeToString([]byte(user + ":" + text))}
}

// in names those that a text has.
func (c canaries) in(text string) (found []string) {
	for name, secret := range c {
		for _, form := range forms("demo", secret) {
			if strings.Contains(text, form) {
				found = append(found, name)
				break
			}
		}
	}
	return found
}

// A secret of every kind is given to the real program, which then lives through an incident among servers
// that repeat what they are told. None of them is in what it writes, says or shows.
func TestNoSecretGetsOut(t *testing.T) {
	t.Parallel()
	consul, world := servers.ConsulACL(t), newIndiscreet(t)
	s := &stack{t: t, dir: t.TempDir(), consul: consul}
	d := &daemon{t: t, name: "keeper", hooks: servers.FreeAddr(t), web: servers.FreeAddr(t)}
	flags := servers.FreeAddr(t)
	s.daemons = []*daemon{d}
	secrets := canaries{
		"receiver token":       "canary-receiver-4711-qwertzuiopasdfghjkl",
		"OFREP token":          "canary-ofrep-4712-yxcvbnmqwertzuiopasdfg",
		"approval key":         "canary-approval-4713-asdfghjklyxcvbnm",
		"webhook secret":       "canary-whsec-4714-asdfghjklyxcvbnmqwert",
		"webhook address":      "canary4715Gxcvbnmasdfghjkl",
		"Slack's address":      "canary4724Gxcvbnmasdfghjkl",
		"Teams' address":       "canary4725Gxcvbnmasdfghjkl",
		"mail's password":      "canary-mail-4726-ghjkl",
		"Prometheus' password": "canary-prometheus-4716-ghjkl",
		"Prometheus' header":   "canary-header-4717-ghjkl",
		"Alertmanager's token": "canary-alertmanager-4718-ghjkl",
		"model's token":        "canary-model-4719-ghjklqwertzuiop",
		"user's password":      "canary-user-4720-ghjkl",
		"wrong password":       "canary-wrong-4721-ghjkl",
		"unasked for":          unasked,
		"wrong token":          "canary-wrong-4722-ghjklqwertzuiopasdfgh",
	}
	secrets["Consul token"] = consul.Token(`key_prefix "" { policy = "write" } service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }`)
	file := func(name, text string) string { return s.write("secrets/"+name, text+"\n") }
	golden := "verification:\n  golden:\n    url: " + world.URL + "/model/{version}\n    token_file: " + file("model", secrets["model's token"]) +
		"\n    cases: [{request: '{}', answer: '{}'}]\n"
	s.write("runbooks/ranker.yaml", s.replace(string(demo.Runbook), map[string]string{"verification:\n  within: 1m": golden + "  within: 4s", "polls: 5": "polls: 2"}))
	promHTTP := file("prometheus.yml", "basic_auth: {username: demo, password_file: prometheus.password}\nhttp_headers: {X-Api-Key: {secrets: ["+secrets["Prometheus' header"]+"]}}")
	file("slack", world.URL+"/slack/"+secrets["Slack's address"])
	file("teams", world.URL+"/teams?sig="+secrets["Teams' address"])
	file("mail", secrets["mail's password"])
	letters := receivers.Mail(t, "starttls", "PLAIN") // it repeats a password that it refuses
	file("prometheus.password", secrets["Prometheus' password"])
	password := file("password", secrets["user's password"])
	d.args = []string{"serve", "--log.level=debug", "--runbooks=" + filepath.Join(s.dir, "runbooks"), "--replica=keeper",
		"--store=consul://" + consul.Addr, "--store.consul-token-file=" + file("consul", secrets["Consul token"]),
		"--prometheus.url=" + world.URL + "/prometheus", "--prometheus.http-config-file=" + promHTTP,
		"--receiver.listen-address=" + d.hooks, "--receiver.token-file=" + file("receiver", secrets["receiver token"]),
		"--web.listen-address=" + d.web, "--web.external-url=http://" + d.web,
		"--web.config.file=" + s.write("web.yml", "basic_auth_users: {demo: '"+s.hash(secrets["user's password"])+"'}\n"),
		"--web.roles.file=" + s.write("roles.yml", "roles: {operate: [demo], admin: [demo]}\n"),
		"--ofrep.listen-address=" + flags, "--ofrep.token-file=" + file("ofrep", secrets["OFREP token"]),
		"--approval.key-file=" + file("keys", "k1:"+base64.StdEncoding.EncodeToString([]byte(secrets["approval key"]))),
		"--evidence.path=" + filepath.Join(s.dir, "evidence"),
		"--alertmanager.url=" + world.URL + "/alertmanager",
		"--alertmanager.http-config-file=" + file("alertmanager.yml", "authorization: {credentials: "+secrets["Alertmanager's token"]+"}"),
		"--message.webhook-url-file=" + file("hook", world.URL+"/hook/"+secrets["webhook address"]),
		"--message.webhook-secret-file=" + file("whsec", "whsec_"+base64.StdEncoding.EncodeToString([]byte(secrets["webhook secret"]))),
		"--message.sinks-file=" + file("sinks.yml", "sinks:\n  slack: {slack: {url_file: slack}}\n  teams: {teams: {url_file: teams}}\n"+
			"  mail: {mail: {server: '"+letters.Address+"', ca_file: '"+letters.CAFile+"', user: demo, password_file: mail, from: a@example.com, to: [b@example.com]}}"),
		"--watch.interval=1s", "--reconcile.interval=1s", "--rules.interval=1s"}
	out := map[string]string{}
	var err error
	if s.kv, err = store.OpenConsul(store.ConsulConfig{Address: consul.Addr, Scheme: "http", Token: servers.ManagementToken, Replica: "test"}); err != nil {
		t.Fatal(err)
	}
	if err := demo.Route(t.Context(), s.kv, "routes/ranker/weights", "ranker-v1"); err != nil {
		t.Fatal(err)
	}
	d.start()

	user := secrets["user's password"]
	s.await("a daemon to be ready", 20*time.Second, func() error { return s.asks("http://"+d.web+"/-/ready", user, nil) })
	cmdline, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", d.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	out["arguments"] = string(cmdline)
	if err := s.asks("http://"+d.web+"/-/ready", secrets["wrong password"], nil); err == nil {
		t.Error("a wrong password is taken")
	}
	alert := `{"version":"4","status":"firing","alerts":[{"status":"firing","labels":{"autorollback":"true","alertname":"x","service":"ranker","trigger":"error-rate"}}]}`
	for token, want := range map[string]int{secrets["receiver token"]: 200, secrets["wrong token"]: 401} {
		if got := s.bears(http.MethodPost, "http://"+d.hooks+receiver.Path, token, alert); got != want {
			t.Errorf("an alert is answered %d, want %d", got, want)
		}
	}
	for token, want := range map[string]int{secrets["OFREP token"]: 400, secrets["wrong token"]: 401} {
		if got := s.bears(http.MethodPost, "http://"+flags+"/ofrep/v1/evaluate/flags/nothing", token, "{}"); got != want {
			t.Errorf("a flag is answered %d, want %d", got, want)
		}
	}
	bin := built.File(t)
	run := func(args ...string) {
		args = append(args, "--url=http://"+d.web, "--user=demo", "--password-file="+password)
		text, err := exec.CommandContext(t.Context(), bin, args...).CombinedOutput()
		out["autorollback "+strings.Join(args, " ")] = fmt.Sprintf("%s%v", text, err)
	}
	s.lives(d, user, out, run)
	for _, args := range [][]string{{"release", "status"}, {"doctor"}, {"incident", "list"}} {
		run(args...)
	}
	for _, path := range []string{"/", "/metrics", "/why/ranker", "/api/v1/status", "/api/v1/incidents"} {
		var text strings.Builder
		_ = s.asks("http://"+d.web+path, user, &text)
		out[path] = text.String()
	}
	d.stop(syscall.SIGTERM)
	s.collect(out, d)
	heard, bodies := world.said()
	out["messages and questions"] = bodies
	for name := range out {
		if found := secrets.in(out[name]); len(found) > 0 {
			t.Errorf("%s: %q", name, found)
		}
	}
	t.Logf("%d outputs, %d bytes of log, %d bytes heard", len(out), len(out["log"]), len(heard))
	for _, name := range []string{"Prometheus' password", "Prometheus' header", "Alertmanager's token", "webhook address", "Slack's address", "Teams' address", "model's token"} {
		if len((canaries{name: secrets[name]}).in(heard)) == 0 {
			t.Errorf("%s was never sent: the test is broken", name)
		}
	}
	if !strings.Contains(out["log"], "[redacted]") {
		t.Error("the log repeats nothing of what the servers said: the test is broken")
	}
}

// lives is a release that a human rolls back.
func (s *stack) lives(d *daemon, password string, out map[string]string, run func(...string)) {
	s.t.Helper()
	run("release", "start", "--file="+s.write("release.yaml", string(demo.Release)))
	client := api.Client{URL: "http://" + d.web, HTTP: &http.Client{Transport: basic(password)}}
	if _, err := client.Release(s.t.Context(), "ranker", "default"); err != nil {
		s.t.Fatalf("%v: %v", err, out)
	}
	run("rollback", "ranker", "--region=default", "--reason=a test")
	s.await("the incident's end", 60*time.Second, func() error {
		all, err := client.Incidents(s.t.Context())
		if err != nil || len(all) == 0 || !settled(all[0]) {
			return fmt.Errorf("%d incidents, %v", len(all), err)
		}
		run("incident", "show", all[0].ID)
		run("why", all[0].ID)
		return nil
	})
}

// collect adds the log, the evidence and everything in Consul.
func (s *stack) collect(out map[string]string, d *daemon) {
	s.t.Helper()
	read := func(name, path string) {
		text, err := os.ReadFile(path)
		if err != nil {
			s.t.Error(err)
		}
		out[name] = string(text)
	}
	read("log", d.log.Name())
	files := 0
	err := filepath.WalkDir(filepath.Join(s.dir, "evidence"), func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files++
			read(path, path)
		}
		return err
	})
	if err != nil || files < 3 {
		s.t.Errorf("%d files of evidence: %v", files, err)
	}
	snap, err := s.kv.Read(s.t.Context(), "autorollback/", "routes/", "features/")
	if err != nil || len(snap.Entries) < 3 {
		s.t.Errorf("%d entries in Consul, %v", len(snap.Entries), err)
	}
	for _, e := range snap.Entries {
		out["Consul "+e.Key] = string(e.Value)
	}
}

// basic signs requests in as demo.
type basic string

func (b basic) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.SetBasicAuth("demo", string(b))
	return http.DefaultTransport.RoundTrip(r)
}

// asks gets a page as somebody who is signed in; into may be nil.
func (s *stack) asks(url, password string, into io.Writer) error {
	text, err := s.fetch(&http.Client{Transport: basic(password), Timeout: 30 * time.Second}, url)
	if into != nil {
		_, err = io.WriteString(into, text)
	}
	return errors.Join(err)
}

// bears sends a body with a token and returns the status.
func (s *stack) bears(method, url, token, body string) int {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Error(err)
		return 0
	}
	defer resp.Body.Close()
	return resp.StatusCode
}
