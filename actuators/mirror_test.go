package actuators

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

var (
	mirrorRouting = runbook.Routing{Router: runbook.Traefik, Root: "traefik", Service: "ranker", Mirror: &runbook.Mirroring{Service: "ranker-mirror"}}
	mirrorInJSON  = runbook.Routing{Router: runbook.JSONKey, Key: "routes/ranker/weights", Mirror: &runbook.Mirroring{}}
)

const twins = "traefik/http/services/ranker-mirror/mirroring/"

// mirrored is a canary at 100 to 0 behind a mirror that copies nothing.
func mirrored(pairs ...string) store.Snapshot {
	snap := canary()
	for i, kv := 0, append([]string{twins + "service", "ranker", twins + "mirrors/0/name", "model-v2", twins + "mirrors/0/percent", "0"}, pairs...); i < len(kv); i += 2 {
		snap = with(snap, kv[i], kv[i+1])
	}
	return snap
}

func TestMirrored(t *testing.T) {
	const doc = "routes/ranker/weights"
	for name, c := range map[string]struct {
		routing runbook.Routing
		snap    store.Snapshot
		want    string
	}{
		"laid out at 0":       {mirrorRouting, mirrored(), "map[model-v2:0]"},
		"on":                  {mirrorRouting, mirrored(twins+"mirrors/0/percent", "10"), "map[model-v2:10]"},
		"two":                 {mirrorRouting, mirrored(twins+"mirrors/7/name", "model-v1"), "map[model-v1:0 model-v2:0]"},
		"other fields":        {mirrorRouting, mirrored(twins+"mirrorbody", "true", twins+"maxbodysize", "1048576"), "map[model-v2:0]"},
		"another case":        {mirrorRouting, mirrored("traefik/HTTP/services/Ranker-Mirror/mirroring/Mirrors/1/Name", "model-v1"), "map[model-v1:0 model-v2:0]"},
		"one key twice":       {mirrorRouting, mirrored(twins+"mirrors/0/Percent", "25"), "Traefik takes it and"},
		"a name twice":        {mirrorRouting, mirrored(twins+"mirrors/1/name", "model-v2"), "there twice"},
		"no name":             {mirrorRouting, mirrored(twins+"mirrors/1/percent", "5"), "is no name"},
		"no number":           {mirrorRouting, mirrored(twins+"mirrors/0/percent", "10\n"), "is no percent"},
		"more than all":       {mirrorRouting, mirrored(twins+"mirrors/0/percent", "101"), "is no percent"},
		"nothing laid out":    {mirrorRouting, canary(), "no mirror is laid out"},
		"none in the runbook": {traefikRouting, mirrored(), "the runbook has no routing.mirror"},
		"no document":         {mirrorInJSON, tree(), "no weights yet"},
		"no field":            {mirrorInJSON, tree(doc, `{"weights":{"v1":100}}`), "map[]"},
		"a field":             {mirrorInJSON, tree(doc, `{"weights":{"v1":100},"mirror":{"backend":"v2","percent":10}}`), "map[v2:10]"},
		"a field of nonsense": {mirrorInJSON, tree(doc, `{"weights":{"v1":100},"mirror":{"backend":"v2","percent":"ten"}}`), `mirror has backend "v2" and percent "ten"`},
	} {
		shares, err := router(t, c.routing).Mirrored(c.snap)
		if got := fmt.Sprint(shares, err); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if _, err := router(t, traefikRouting).Mirrored(mirrored()); !errors.Is(err, ErrNoMirror) {
		t.Error(err)
	}
}

func TestPlanMirror(t *testing.T) {
	for name, c := range map[string]struct {
		routing runbook.Routing
		snap    store.Snapshot
		backend string
		percent int
		want    string // keys that are set, or the refusal
	}{
		"on":                     {mirrorRouting, mirrored(), "model-v2", 10, "mirrors/0/percent=10"},
		"off":                    {mirrorRouting, mirrored(twins+"mirrors/0/percent", "10"), "model-v2", 0, "mirrors/0/percent=0"},
		"as it is":               {mirrorRouting, mirrored(twins+"mirrors/0/percent", "10"), "model-v2", 10, "nothing"},
		"a backend more":         {mirrorRouting, mirrored(), "model-v1", 5, "mirrors/1/name=model-v1 mirrors/1/percent=5"},
		"off what is not there":  {mirrorRouting, mirrored(), "model-v1", 0, "nothing"},
		"a backend of nobody":    {mirrorRouting, mirrored(), "model-v9", 5, "there is no service model-v9"},
		"two types":              {mirrorRouting, mirrored("traefik/http/services/ranker-mirror/weighted/services/0/name", "model-v1"), "model-v2", 5, "more than one type"},
		"not laid out":           {mirrorRouting, canary(), "model-v2", 5, "no mirror is laid out"},
		"too much":               {mirrorRouting, mirrored(), "model-v2", 101, "not a share"},
		"in a document":          {mirrorInJSON, tree("routes/ranker/weights", `{"weights":{"v1":100},"note":1}`), "v2", 10, `weights={"weights":{"v1":100},"note":1,"mirror":{"backend":"v2","percent":10},"schema":1,"revision":1,"by":"autorollback"}`},
		"off in a document":      {mirrorInJSON, tree("routes/ranker/weights", `{"weights":{"v1":100},"mirror":{"backend":"v2","percent":10},"revision":4}`), "v2", 0, `weights={"weights":{"v1":100},"mirror":{"backend":"v2","percent":0},"revision":5,"schema":1,"by":"autorollback"}`},
		"another in a document":  {mirrorInJSON, tree("routes/ranker/weights", `{"weights":{"v1":100},"mirror":{"backend":"v3","percent":10}}`), "v2", 10, "stop that first"},
		"the same in a document": {mirrorInJSON, tree("routes/ranker/weights", `{"weights":{"v1":100},"mirror":{"backend":"v2","percent":10}}`), "v2", 10, "nothing"},
	} {
		ops, err := router(t, c.routing).PlanMirror(c.snap, c.backend, c.percent)
		got := "nothing"
		if err != nil {
			got = err.Error()
		}
		for _, op := range ops {
			if op.Verb == store.Set {
				key := strings.TrimPrefix(strings.TrimPrefix(op.Key, twins), "routes/ranker/")
				got = strings.TrimPrefix(got+" "+key+"="+string(op.Value), "nothing ")
			}
		}
		if !strings.Contains(got, c.want) || err == nil && got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if err != nil {
			continue
		}
		after, err := commit(c.snap, ops)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		shares, err := router(t, c.routing).Mirrored(after)
		if err != nil || shares[c.backend] != c.percent {
			t.Errorf("%s: afterwards %v, %v", name, shares, err)
		}
		was, _ := router(t, c.routing).Decode(c.snap)
		if is, err := router(t, c.routing).Decode(after); err != nil || !maps.Equal(was, is) {
			t.Errorf("%s: the split was %v and is %v, %v", name, was, is, err)
		}
	}
}

// The real Traefik copies about the percent of the requests to the candidate, whose
// answers nobody gets, and none once it is 0 again.
func TestRealTraefikMirrors(t *testing.T) {
	consul, kv := open(t)
	w := newWorld(t, consul, kv)
	w.router = router(t, mirrorRouting)
	var copies atomic.Int64
	twin := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		copies.Add(1)
		rw.WriteHeader(http.StatusTeapot)
	}))
	defer twin.Close()
	w.put("traefik/http/services/model-v3/loadbalancer/servers/0/url", twin.URL)
	w.put(twins+"service", "ranker")
	w.put(twins+"mirrors/0/name", "model-v3")
	w.put(twins+"mirrors/0/percent", "0")
	w.put("traefik/http/routers/ranker/service", "ranker-mirror")
	w.await("the mirror", func() bool { return w.percent() == 0 && w.shown("ranker@consul") })
	send := func(percent int, want func(copies int64) bool) {
		t.Helper()
		ops, err := w.router.PlanMirror(w.snapshot(), "model-v3", percent)
		if err != nil {
			t.Fatal(err)
		}
		w.commit(ops...)
		w.await(fmt.Sprint(percent, " %"), func() bool { return w.percent() == percent })
		copies.Store(0)
		got := w.requests(400)
		if got["model-v1"]+got["model-v2"] != 400 {
			t.Fatalf("users got %v", got)
		}
		w.await("the copies", func() bool { return want(copies.Load()) })
		t.Logf("%d %%: %d of 400 requests were copied", percent, copies.Load())
	}
	send(0, func(n int64) bool { return n == 0 })
	send(10, func(n int64) bool { return n == 40 })
	send(5, func(n int64) bool { return n == 20 })
	if found := w.router.Lint(w.snapshot()); len(found) != 0 {
		t.Errorf("hazards: %v", found)
	}
	w.shift(record.Split{"model-v1": 100}) // the weights move beneath the mirror
	w.await("the shift", func() bool { return w.view() == "enabled model-v1 100, model-v2 0" })
	send(0, func(n int64) bool { return n == 0 })
	rest := time.NewTimer(200 * time.Millisecond) // a copy is sent after the answer
	defer rest.Stop()
	<-rest.C
	if n := copies.Load(); n != 0 {
		t.Errorf("%d copies after the end", n)
	}
}
