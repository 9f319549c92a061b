package actuators

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/servers"
)

// A world is a real Traefik on a real Consul, with model servers that say their name.
type world struct {
	*testing.T
	kv      *store.Consul
	consul  *servers.ConsulServer
	traefik *servers.TraefikServer
	router  Router
}

func newWorld(t *testing.T, consul *servers.ConsulServer, kv *store.Consul) *world {
	t.Helper()
	w := newBareWorld(t, consul, kv, traefikRouting)
	w.shift(record.Split{"model-v1": 80, "model-v2": 20})
	w.traefik = servers.Traefik(t, consul.Addr, 50*time.Millisecond)
	w.await("the first split", func() bool { return w.view() == "enabled model-v1 80, model-v2 20" })
	return w
}

// newBareWorld has routes and model servers, and neither a split nor a Traefik yet.
func newBareWorld(t *testing.T, consul *servers.ConsulServer, kv *store.Consul, routing runbook.Routing) *world {
	t.Helper()
	w := &world{T: t, kv: kv, consul: consul, router: router(t, routing)}
	w.clear()
	w.put("traefik/http/routers/ranker/rule", "PathPrefix(`/`)")
	w.put("traefik/http/routers/ranker/service", "ranker")
	for _, name := range []string{"model-v1", "model-v2"} {
		s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { fmt.Fprint(rw, name) }))
		t.Cleanup(s.Close)
		w.put("traefik/http/services/"+name+"/loadbalancer/servers/0/url", s.URL)
	}
	return w
}

func open(t *testing.T) (*servers.ConsulServer, *store.Consul) {
	t.Helper()
	consul := servers.Consul(t)
	kv, err := store.OpenConsul(store.ConsulConfig{Address: consul.Addr, Replica: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return consul, kv
}

func (w *world) snapshot() store.Snapshot {
	w.Helper()
	snap, err := w.kv.Read(w.Context(), w.router.Prefixes()...)
	if err != nil {
		w.Fatal(err)
	}
	return snap
}

func (w *world) commit(ops ...store.Op) {
	w.Helper()
	if err := w.kv.Commit(w.Context(), store.NewTx(ops...)); err != nil {
		w.Fatal(err)
	}
}

// shift commits a plan in one transaction.
func (w *world) shift(to record.Split, flags ...FlagDoc) {
	w.Helper()
	_, ops, err := w.router.Plan(w.snapshot(), to, flags)
	if err != nil {
		w.Fatal(err)
	}
	w.commit(ops...)
}

// put writes a key as a human does: Consul's own API, any spelling.
func (w *world) put(key, value string) {
	w.Helper()
	w.do(http.MethodPut, "/v1/kv/"+key, value)
}

func (w *world) clear() {
	w.Helper()
	w.do(http.MethodDelete, "/v1/kv/traefik/?recurse=true", "")
}

func (w *world) do(method, path, body string) {
	w.Helper()
	req, err := http.NewRequestWithContext(w.Context(), method, w.consul.URL+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		w.Fatalf("%s %s: %s", method, path, resp.Status)
	}
}

func (w *world) get(url string) (int, string) {
	w.Helper()
	resp, err := http.Get(url)
	if err != nil {
		w.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		w.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// view is what Traefik says it does: the service's status and children.
func (w *world) view() string {
	w.Helper()
	_, body := w.get(w.traefik.APIURL + "/api/http/services/ranker@consul")
	var s struct {
		Status   string
		Weighted struct {
			Services []struct {
				Name   string
				Weight float64
			}
		}
	}
	if json.Unmarshal([]byte(body), &s) != nil {
		return body
	}
	weights := map[string]float64{}
	for _, c := range s.Weighted.Services {
		weights[c.Name] = c.Weight
	}
	return s.Status + " " + words(record.Shares(weights))
}

// requests counts the answers to n requests by who gave them.
func (w *world) requests(n int) map[string]int {
	w.Helper()
	got := map[string]int{}
	for range n {
		code, body := w.get(w.traefik.URL)
		if code != http.StatusOK {
			body = fmt.Sprint(code)
		}
		got[body]++
	}
	return got
}

func (w *world) await(what string, is func() bool) {
	w.Helper()
	awaitOf(w.T, what, is, func() string { return fmt.Sprintf("Traefik says %s and logs:\n%s", w.view(), w.traefik.Log()) })
}

// awaitOf waits until something is so; after two minutes it fails with what it sees instead.
func awaitOf(t *testing.T, what string, is func() bool, instead func() string) {
	t.Helper()
	deadline := time.NewTimer(2 * time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-deadline.C:
			t.Fatalf("waited for %s; %s", what, instead())
		case <-tick.C:
		}
	}
}

func TestRealTraefikFollowsAPlan(t *testing.T) {
	consul, kv := open(t)
	w := newWorld(t, consul, kv)
	if got := w.requests(100); got["model-v1"] != 80 || got["model-v2"] != 20 {
		t.Fatalf("80 to 20 gave %v", got)
	}
	if found := w.router.Lint(w.snapshot()); len(found) != 0 {
		t.Fatalf("hazards in a tree that Traefik serves: %v", found)
	}
	began := time.Now()
	w.shift(record.Split{"model-v1": 100}, FlagDoc{Version: "v1", Bundle: "sha256:aa", Serving: true}, FlagDoc{Version: "v2", Bundle: "sha256:bb"})
	w.await("the rollback", func() bool { return w.view() == "enabled model-v1 100, model-v2 0" })
	t.Logf("routed %s after the commit began", time.Since(began).Round(time.Millisecond))
	if seen, err := w.router.Observe(t.Context(), http.DefaultClient, w.traefik.APIURL); err != nil || !seen.Equal(record.Split{"model-v1": 100}) {
		t.Fatalf("Traefik shows %v, %v", seen, err)
	}
	if got := w.requests(200); !maps.Equal(got, map[string]int{"model-v1": 200}) {
		t.Fatalf("weight 0 means no request, and 200 requests gave %v", got)
	}
	split, err := w.router.Decode(w.snapshot())
	if err != nil || !split.Equal(record.Split{"model-v1": 100}) {
		t.Fatalf("decoded %v, %v", split, err)
	}
	w.clear()
	w.await("Traefik to have nothing", func() bool {
		_, err := w.router.Observe(t.Context(), http.DefaultClient, w.traefik.APIURL)
		return err != nil && strings.Contains(err.Error(), "it has no service ranker@consul")
	})
}

// Hundredths are written as whole numbers, and Traefik serves them as what they are.
func TestRealTraefikServesHundredths(t *testing.T) {
	consul, kv := open(t)
	w := newWorld(t, consul, kv)
	for _, to := range []record.Split{{"model-v1": 97.5, "model-v2": 2.5}, {"model-v1": 99.9, "model-v2": 0.1}} {
		w.shift(to)
		w.await(to.String(), func() bool { return w.view() == "enabled "+to.String() })
		if split, err := w.router.Decode(w.snapshot()); err != nil || !split.Equal(to) {
			t.Fatalf("decoded %v, %v", split, err)
		}
		const n = 2000
		want := n * to["model-v2"].Share()
		if got := w.requests(n); got["model-v1"]+got["model-v2"] != n || math.Abs(float64(got["model-v2"])-want) > 1 {
			t.Errorf("%v: of %d requests %v", to, n, got)
		}
	}
}

// Blue and green are one key of a router, and nobody gets an error while it flips.
func TestRealTraefikFlipsARouter(t *testing.T) {
	consul, kv := open(t)
	routing := traefikRouting
	routing.Type = runbook.RouterService
	w := newBareWorld(t, consul, kv, routing)
	w.shift(record.Split{"model-v1": 100})
	w.traefik = servers.Traefik(t, consul.Addr, 50*time.Millisecond)
	for _, to := range []string{"model-v1", "model-v2", "model-v1"} {
		w.shift(record.Split{to: 100})
		w.await(to, func() bool {
			seen, err := w.router.Observe(t.Context(), http.DefaultClient, w.traefik.APIURL)
			return err == nil && seen.Equal(record.Split{to: 100})
		})
		if got := w.requests(100); got[to] != 100 {
			t.Errorf("all to %s, and 100 requests gave %v", to, got)
		}
		if found := w.router.Lint(w.snapshot()); len(found) != 0 {
			t.Errorf("hazards: %v", found)
		}
	}
}

// What Lint calls blocking keeps the real Traefik from following a plan, and what it
// does not keeps nothing.
func TestRealTraefikDoesWhatLintPredicts(t *testing.T) {
	const kids = "traefik/http/services/ranker/weighted/services/"
	consul, kv := open(t)
	for _, tt := range []struct {
		name       string
		key, value string
		blocking   bool
	}{
		{"typo under the weighted service", kids + "1/weigth", "20", true},
		{"typo under servers", "traefik/http/services/model-v1/loadbalancer/servers/0/ulr", "x", true},
		{"typo in a stranger's router", "traefik/http/routers/stranger/rulle", "x", true},
		{"a fragment that begins like http", "traefik/httpx/a", "x", true},
		{"newline in a stranger's weight", "traefik/http/services/stranger/weighted/services/0/weight", "1\n", true},
		{"empty number", "traefik/http/services/ranker/weighted/sticky/cookie/maxage", "", true},
		{"no bool", "traefik/http/services/ranker/weighted/sticky/cookie/secure", "yes", true},
		{"no duration", "traefik/http/services/model-v1/loadbalancer/healthcheck/interval", "10 s", true},
		{"an empty folder", "traefik/http/middlewares/", "", true},
		{"an empty folder of a kind", "traefik/http/services/model-v1/weighted/", "", true},
		{"a service in another case", "traefik/HTTP/services/Ranker/weighted/sticky/cookie/httponly", "true", true},
		{"two types", "traefik/http/services/ranker/mirroring/service", "model-v1", true},
		{"a child without a service, at 0", kids + "7/name", "model-v9", true},
		{"a child without a name", kids + "7/weight", "0", true},
		{"a key Traefik does not decode", "traefik/autorollback/note", "", false},
		{"an empty folder of a service", "traefik/http/services/new/", "", false},
		{"fields in another case", "traefik/HTTP/services/ranker/weighted/sticky/cookie/HttpOnly", "true", false},
		{"health check", "traefik/http/services/model-v1/loadbalancer/healthcheck/followredirects", "true", false},
		{"numbered list", "traefik/http/routers/ranker/entrypoints/0", "web", false},
		{"folder with children", "traefik/http/services/", "", false},
		{"response forwarding", "traefik/http/services/model-v1/loadbalancer/responseforwarding/flushinterval", "50ms", false},
		{"a stranger with two types", "traefik/http/services/stranger/mirroring/service", "model-v1", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, consul, kv)
			w.put(tt.key, tt.value)
			if strings.Contains(tt.key, "stranger/mirroring") {
				w.put("traefik/http/services/stranger/failover/service", "model-v1")
			}
			found := w.router.Lint(w.snapshot())
			blocking := slices.ContainsFunc(found, func(h Hazard) bool { return h.Blocking })
			if blocking != tt.blocking {
				t.Fatalf("Lint says %v", found)
			}
			w.follows(tt.blocking)
		})
	}
}

// What Traefik knows since 3.7 freezes the 3.6 that these tests run, as Lint says.
func TestRealTraefikIsFrozenByANewerKey(t *testing.T) {
	consul, kv := open(t)
	w := newWorld(t, consul, kv)
	w.put("traefik/http/services/model-v1/middlewares/0", "strip")
	found := w.router.Lint(w.snapshot())
	if len(found) != 1 || found[0].Blocking || !strings.Contains(found[0].What, "since 3.7") {
		t.Errorf("Lint says %v", found)
	}
	w.follows(true)
}

// follows moves everything to model-v2 (the old split had both, so every request
// tells) and looks at what users get.
func (w *world) follows(blocked bool) {
	w.Helper()
	if !blocked {
		w.shift(record.Split{"model-v2": 100})
		w.await("the plan", func() bool { return strings.HasPrefix(w.view(), "enabled model-v1 0, model-v2 100") })
		if got := w.requests(50); !maps.Equal(got, map[string]int{"model-v2": 50}) {
			w.Fatalf("50 requests gave %v", got)
		}
		return
	}
	to := record.Split{"model-v2": 100}
	if _, _, err := w.router.Plan(w.snapshot(), to, nil); err != nil {
		// A plan that cannot name its keys is refused, and says so.
		w.put("traefik/http/services/ranker/weighted/services/0/weight", "0")
		w.put("traefik/http/services/ranker/weighted/services/1/weight", "100")
	} else {
		w.shift(to)
	}
	seen := w.complaints()
	w.await("Traefik to refuse the tree or the service", func() bool { return w.complaints() > seen || w.down() })
	if got := w.requests(20); got["model-v2"] == 20 {
		w.Fatalf("Lint calls it blocking, and Traefik follows: %v", got)
	}
}

// complaints counts how often Traefik said that it cannot read the tree.
func (w *world) complaints() int {
	return strings.Count(w.traefik.Log(), "Provider error, retrying in")
}

func (w *world) down() bool {
	code, _ := w.get(w.traefik.URL)
	return code != http.StatusOK
}

// shown reports whether Traefik serves through the mirror.
func (w *world) shown(main string) bool {
	_, body := w.get(w.traefik.APIURL + "/api/http/services/ranker-mirror@consul")
	_, routed := w.get(w.traefik.APIURL + "/api/http/routers/ranker@consul")
	return strings.Contains(routed, `"service":"ranker-mirror"`) && strings.Contains(body, strings.TrimSuffix(main, "@consul"))
}

// percent is what Traefik says it copies; -1 if it says nothing.
func (w *world) percent() int {
	_, body := w.get(w.traefik.APIURL + "/api/http/services/ranker-mirror@consul")
	var s struct {
		Status    string
		Mirroring *struct{ Mirrors []struct{ Percent int } }
	}
	if json.Unmarshal([]byte(body), &s) != nil || s.Status != "enabled" || s.Mirroring == nil || len(s.Mirroring.Mirrors) != 1 {
		return -1
	}
	return s.Mirroring.Mirrors[0].Percent
}
