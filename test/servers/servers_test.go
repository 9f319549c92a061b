package servers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestConsul(t *testing.T) {
	t.Parallel()
	consul := Consul(t)
	key := consul.URL + "/v1/kv/weights"
	check(t, put(t, key, "95/5"), "true")
	check(t, get(t, key+"?raw"), "95/5")
	if session := put(t, consul.URL+"/v1/session/create", ""); !strings.Contains(session, "ID") {
		t.Errorf("session is %q, want one with an ID", session)
	}

	consul.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if text, err := request(ctx, http.MethodGet, key); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("paused, it answers %q, %v, want silence", text, err)
	}
	consul.Resume()
	check(t, get(t, key+"?raw"), "95/5")

	before := consul.PID()
	consul.Kill()
	if _, err := request(t.Context(), http.MethodGet, key); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("killed, it gives %v, want a refused connection", err)
	}
	consul.Start()
	if consul.PID() == before {
		t.Error("started again, it has the same PID")
	}
	if _, err := request(t.Context(), http.MethodGet, key); err == nil {
		t.Error("started again, it still has the key, want it empty")
	}
}

func TestTwoConsulsAtOnce(t *testing.T) {
	t.Parallel()
	one, other := Consul(t), Consul(t)
	put(t, one.URL+"/v1/kv/mine", "one")
	put(t, other.URL+"/v1/kv/mine", "other")
	check(t, get(t, one.URL+"/v1/kv/mine?raw"), "one")
	check(t, get(t, other.URL+"/v1/kv/mine?raw"), "other")
}

const scrapeItself = `
global: {scrape_interval: 100ms, evaluation_interval: 100ms}
rule_files: [rules/*.yml]
scrape_configs: [{job_name: self, static_configs: [{targets: [%q]}]}]
`

const upRule = `
groups: [{name: up, rules: [{record: job:up:sum, expr: sum by (job) (up)}]}]
`

func TestPrometheus(t *testing.T) {
	t.Parallel()
	prom := Prometheus(t, "", map[string]string{"rules/up.yml": upRule})
	if err := prom.Configure(fmt.Sprintf(scrapeItself, prom.Addr)); err != nil {
		t.Fatal(err)
	}
	eventually(t, prom.URL+"/api/v1/query?query=job:up:sum", `"1"`)

	if err := prom.Configure("no: such"); err == nil {
		t.Error("a wrong configuration was taken")
	}
	prom.Configure("")
	prom.Stop()
	prom.Start()
	query := prom.URL + "/api/v1/query?query=count_over_time(job:up:sum[1h])"
	if text := get(t, query); !strings.Contains(text, `"self"`) {
		t.Errorf("started again, it gives %s, want the series from before", text)
	}
}

const oneWebhook = `
route: {receiver: hook, group_wait: 0s, group_interval: 100ms}
receivers: [{name: hook, webhook_configs: [{url: %q}]}]
`

func TestAlertmanager(t *testing.T) {
	t.Parallel()
	hook := newHook(t)
	am := Alertmanager(t, fmt.Sprintf(oneWebhook, hook.URL))
	alert(t, am.URL, "Alone")
	if body := <-hook.bodies; !strings.Contains(body, "Alone") {
		t.Errorf("the webhook got %s, want the alert", body)
	}
	if err := am.Configure("no: such"); err == nil {
		t.Error("a wrong configuration was taken")
	}
}

func TestAlertmanagerCluster(t *testing.T) {
	t.Parallel()
	hook := newHook(t)
	members := AlertmanagerCluster(t, fmt.Sprintf(oneWebhook, hook.URL), 2)
	members[0].Kill()
	alert(t, members[1].URL, "Survived")
	if body := <-hook.bodies; !strings.Contains(body, "Survived") {
		t.Errorf("the webhook got %s, want the alert", body)
	}
	members[0].Start()
}

func TestTraefik(t *testing.T) {
	t.Parallel()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "from the app")
	}))
	t.Cleanup(app.Close)
	consul := Consul(t)
	traefik := Traefik(t, consul.Addr, 100*time.Millisecond)
	for key, value := range map[string]string{
		"routers/app/rule":                        "PathPrefix(`/`)",
		"routers/app/service":                     "app",
		"services/app/loadBalancer/servers/0/url": app.URL,
	} {
		put(t, consul.URL+"/v1/kv/traefik/http/"+key, value)
	}
	eventually(t, traefik.URL, "from the app")
	eventually(t, traefik.APIURL+"/api/http/services/app@consul", app.URL)
}

func TestFabio(t *testing.T) {
	t.Parallel()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "from the app")
	}))
	t.Cleanup(app.Close)
	consul := Consul(t)
	fabio := Fabio(t, consul.Addr)
	consul.Register("app", "app-1", app.URL, "v1", "urlprefix-/")
	eventually(t, fabio.URL, "from the app")
	eventually(t, fabio.UIURL+"/api/routes", app.URL)
	consul.Deregister("app-1")
	eventually(t, fabio.UIURL+"/api/routes", "null")
}

func TestTools(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{Promtool(t), Amtool(t)} {
		if out, err := exec.Command(tool, "--help").CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", tool, err, out)
		}
	}
}

func TestNotBuiltSaysWhatToDo(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("AUTOROLLBACK_CACHE", cache)
	dir, err := askFolder("consul")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(dir, filepath.Join(cache, "servers", "consul-")) {
		t.Errorf("the folder is %s, want it in %s", dir, cache)
	}
	_, err = programIn(dir, "consul", "consul")
	check(t, fmt.Sprint(err), "real consul not found: run `make servers` (builds it once into "+dir+")")
}

func TestUnknownServer(t *testing.T) {
	if _, err := askFolder("nomad"); err == nil || !strings.Contains(err.Error(), "no server is called 'nomad'") {
		t.Errorf("error is %v, want it to name the server", err)
	}
}

func TestServerThatEndsByItself(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	rec := &recorder{TB: t}
	p := &Process{tb: rec, name: "sh", path: shell, args: []string{"-c", "exit 3"}, dir: t.TempDir()}
	p.ready = func(context.Context) error { return errors.New("not yet") }
	rec.run(p.Start)
	check(t, rec.said, "start sh: it ended on its own: exit status 3")
}

func TestPortsDiffer(t *testing.T) {
	t.Parallel()
	seen := make(map[int]bool)
	for range 2 * blockPorts {
		port := freePort(t)
		if seen[port] {
			t.Fatalf("port %d was given twice", port)
		}
		seen[port] = true
	}
}
