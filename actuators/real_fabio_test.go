package actuators

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/servers"
)

const ourFabioKey = "fabio/config/zz-autorollback-ranker"

// A fabioWorld is a real fabio on a real Consul, with instances in its catalog that say their
// version.
type fabioWorld struct {
	world
	fabio     *servers.FabioServer
	instances map[string]*httptest.Server
}

func newFabioWorld(t *testing.T, v1, v2 int) *fabioWorld {
	t.Helper()
	consul, kv := open(t)
	w := &fabioWorld{world: world{T: t, kv: kv, consul: consul, router: router(t, fabioRouting)}, instances: map[string]*httptest.Server{}}
	for n := range v1 {
		w.start("v1", n)
	}
	for n := range v2 {
		w.start("v2", n)
	}
	w.fabio = servers.Fabio(t, consul.Addr)
	w.await("the instances", func() bool { return w.targets() == v1+v2 })
	return w
}

func (w *fabioWorld) start(version string, n int) {
	w.Helper()
	id := fmt.Sprintf("ranker-%s-%d", version, n)
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, version) }))
	w.Cleanup(s.Close)
	w.instances[id] = s
	w.consul.Register("ranker", id, s.URL, version, "model", "urlprefix-/predict")
}

func (w *fabioWorld) await(what string, is func() bool) {
	w.Helper()
	awaitOf(w.T, what, is, func() string { return w.table() + "\n" + w.fabio.Log() })
}

func (w *fabioWorld) table() string {
	w.Helper()
	_, body := w.get(w.fabio.UIURL + "/api/routes")
	return body
}

func (w *fabioWorld) targets() int {
	return strings.Count(w.table(), `"service":"ranker"`)
}

// shows reports whether fabio's own view is the split.
func (w *fabioWorld) shows(want record.Split) bool {
	w.Helper()
	split, err := w.router.Observe(w.Context(), http.DefaultClient, w.fabio.UIURL, slices.Sorted(maps.Keys(want))...)
	return err == nil && split.Equal(want)
}

// follow commits a plan and waits until fabio shows it.
func (w *fabioWorld) follow(to record.Split) {
	w.Helper()
	w.shift(to)
	w.await(to.String(), func() bool { return w.shows(to) })
	if split, err := w.router.Decode(w.snapshot()); err != nil || !split.Equal(to) {
		w.Fatalf("decoded %v, %v; want %v", split, err, to)
	}
}

func (w *fabioWorld) requests(n int) map[string]int {
	w.Helper()
	got := map[string]int{}
	for range n {
		code, body := w.get(w.fabio.URL + "/predict")
		if code != http.StatusOK {
			body = fmt.Sprint(code)
		}
		got[body]++
	}
	return got
}

func TestRealFabioFollowsAPlan(t *testing.T) {
	w := newFabioWorld(t, 3, 2)
	for _, tt := range []struct {
		v2         runbook.Weight
		n          int
		from, upto int // answers of v2 among n
	}{{0, 500, 0, 0}, {0.1, 10_000, 8, 12}, {5, 2_000, 95, 105}, {50, 1_000, 490, 510}, {95, 1_000, 940, 960}, {100, 500, 500, 500}, {0, 500, 0, 0}} {
		w.follow(record.Split{"v1": tt.v2.Rest(), "v2": tt.v2})
		got := w.requests(tt.n)
		if got["v2"] < tt.from || got["v2"] > tt.upto || got["v1"]+got["v2"] != tt.n {
			t.Errorf("%v %% of %d requests: %v", tt.v2, tt.n, got)
		}
	}
	if found := w.router.Lint(w.snapshot()); len(found) != 0 {
		t.Errorf("hazards in what fabio follows: %v", found)
	}
}

// Weight 1 leaks by rounding, weight 0 is an even share: both are why the plan says route del.
func TestRealFabioLeaks(t *testing.T) {
	w := newFabioWorld(t, 0, 1)
	var leaks []int
	for n := 1; n <= 30; n++ {
		w.start("v1", n-1)
		w.put(ourFabioKey, `route weight ranker /predict weight 1 tags "v1"`)
		w.await("instances", func() bool { return w.targets() == n+1 && (w.shows(record.Split{"v1": 100}) || w.leaking()) })
		if w.leaking() {
			leaks = append(leaks, n)
		}
		w.follow(record.Split{"v1": 100, "v2": 0})
		w.await("v2 to be taken out", func() bool { return w.targets() == n })
	}
	t.Logf("weight 1 leaks with %v instances of v1", leaks)
	if want := []int{6, 7, 10, 13, 14, 15, 19, 22, 23, 24, 26, 27, 28, 29, 30}; !slices.Equal(leaks, want) {
		t.Errorf("weight 1 leaks with %v instances of v1; docs/routers.md says %v", leaks, want)
	}
	w.put(ourFabioKey, `route weight ranker /predict weight 1 tags "v1"`)
	w.await("the leak", w.leaking)
	if got := w.requests(10_100); got["v2"] == 0 {
		t.Errorf("a leak that serves nobody: %v", got)
	}
	w.put(ourFabioKey, `route weight ranker /predict weight 0 tags "v2"`)
	w.await("the even share", func() bool { return w.shows(record.Shares(map[string]float64{"v1": 30, "v2": 1})) })
}

// leaking reports whether v2 is in the ring with next to nothing.
func (w *fabioWorld) leaking() bool {
	w.Helper()
	split, err := w.router.Observe(w.Context(), http.DefaultClient, w.fabio.UIURL, "v1", "v2")
	return err == nil && split["v2"] == 0.01
}

// What Lint calls blocking keeps the real fabio from following a plan, and what it does not
// keeps nothing.
func TestRealFabioDoesWhatLintPredicts(t *testing.T) {
	for _, tt := range []struct {
		name, key, value string
		blocking         bool
	}{
		{"a typo in another key", "fabio/config/other", "route ad x /x http://127.0.0.1:1/", true},
		{"a weight that is no number", "fabio/config/other", "route weight other /x weight 5% tags \"a\"", true},
		{"a sentence", "fabio/config", "todo: tidy this", true},
		{"a typo in a backup", "fabio/config.bak", "rout add x /x http://127.0.0.1:1/", true},
		{"a host with capitals", "fabio/config/other", "route add o o.example.com/ http://127.0.0.1:1/\nroute weight o O.example.com/ weight 0.5", true},
		{"a later key overrides", "fabio/config/zzz", "route weight ranker /predict weight 0.5 tags \"v2\"", true},
		{"comments", "fabio/config", "# nothing\n\n// at all", false},
		{"another service", "fabio/config/other", "route add x /x http://127.0.0.1:1/ weight 0.5 tags \"v1\" opts \"strip=/x\"\nroute  weight x /x weight 0.2\nroute del x /x", false},
		{"a backup of nothing", "fabio/config.bak", "# route del ranker", false},
		{"another service's tags", "fabio/config", "route del tags \"drained\"", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newFabioWorld(t, 2, 1)
			w.follow(record.Split{"v1": 90, "v2": 10})
			w.put(tt.key, tt.value)
			found := w.router.Lint(w.snapshot())
			if got := slices.ContainsFunc(found, func(h Hazard) bool { return h.Blocking }); got != tt.blocking {
				t.Fatalf("Lint says %v", found)
			}
			to := record.Split{"v1": 100, "v2": 0}
			if !tt.blocking {
				w.follow(to)
				return
			}
			if _, _, err := w.router.Plan(w.snapshot(), to, nil); err == nil {
				w.shift(to)
				w.await("fabio to complain", func() bool { return strings.Contains(w.fabio.Log(), "[WARN]") })
			}
			if got := w.requests(100); got["v2"] == 0 {
				t.Fatalf("Lint calls it blocking, and fabio follows: %v", got)
			}
			w.do(http.MethodDelete, "/v1/kv/"+tt.key, "")
			w.follow(to)
		})
	}
}

// Before 1.7.3 a weight of instances that are all gone freezes fabio's table, for every
// service; a rollback thaws it, whoever is gone.
func TestRealFabioThawsOnRollback(t *testing.T) {
	w := newFabioWorld(t, 2, 1)
	w.follow(record.Split{"v1": 90, "v2": 10})
	w.consul.Deregister("ranker-v2-0")
	w.start("v1", 2)
	w.await("the refused table", func() bool { return strings.Contains(w.fabio.Log(), "no target match") })
	if w.targets() != 3 || !w.shows(record.Split{"v1": 90, "v2": 10}) {
		t.Fatalf("fabio took a table in which the weight matches nothing: %s", w.table())
	}
	w.follow(record.Split{"v1": 100, "v2": 0})
	w.await("the new instance", func() bool { return w.targets() == 3 })
	w.start("v2", 0)
	w.start("v1", 3)
	w.await("the instance of v1", func() bool { return w.targets() == 4 })
	if got := w.requests(100); got["v1"] != 100 {
		t.Errorf("an instance of v2 that comes back is served: %v", got)
	}
}

// What the runbook's page says to type without the daemon does what a rollback does, and keeps
// other versions out.
func TestRealFabioByHand(t *testing.T) {
	w := newFabioWorld(t, 2, 2)
	w.start("v0", 0)
	w.put(ourFabioKey, "# rest: v1\nroute del ranker tags \"v0\"\nroute weight ranker /predict weight 0.5 tags \"v2\"\n")
	w.await("the canary", func() bool { return w.shows(record.Split{"v1": 50, "v2": 50}) })
	rb, err := runbook.Load("../runbook/testdata/good/fabio.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, page, _ := strings.Cut(string(runbook.Render(rb)), "**Without the daemon**")
	_, page, _ = strings.Cut(page, "```sh\n")
	commands, _, _ := strings.Cut(page, "```")
	cmd := exec.Command("sh", "-e", "-c", strings.NewReplacer("STABLE", "v1", "CANDIDATE", "v2").Replace(commands))
	cmd.Env = []string{"PATH=" + filepath.Dir(servers.ConsulProgram(t)) + ":" + os.Getenv("PATH"), "CONSUL_HTTP_ADDR=" + w.consul.Addr}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v:\n%s\n%s", err, commands, out)
	}
	w.await("the rollback", func() bool { return w.targets() == 2 && w.shows(record.Split{"v1": 100}) })
	if split, err := w.router.Decode(w.snapshot()); err != nil || !split.Equal(record.Split{"v1": 100}) {
		t.Errorf("decoded %v, %v", split, err)
	}
}
