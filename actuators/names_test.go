package actuators

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// namings are the routers with a tree in which backend a has all traffic, and backend b can get it.
func namings(b string) map[string]struct {
	routing runbook.Routing
	snap    store.Snapshot
} {
	resolver, _ := json.Marshal(map[string]any{"Subsets": map[string]any{"a": 1, b: 1}})
	const at = "traefik/http/services/ranker/weighted/services/"
	routing := splitterRouting
	routing.Flags = "features/ranker/"
	return map[string]struct {
		routing runbook.Routing
		snap    store.Snapshot
	}{
		"traefik":  {traefikRouting, tree(at+"0/name", "a", at+"0/weight", "100", at+"1/name", b, at+"1/weight", "0")},
		"json":     {jsonRouting, tree("routes/ranker/weights", `{"schema":1,"weights":{"a":100}}`)},
		"fabio":    {fabioRouting, tree()},
		"splitter": {routing, tree("config-entry://service-splitter/ranker", `{"Splits":[{"Weight":100,"ServiceSubset":"a"}]}`, "config-entry://service-resolver/ranker", string(resolver))},
	}
}

// launched reports whether a release file may have a side of these names.
func launched(t testing.TB, version, backend string) bool {
	t.Helper()
	text, err := os.ReadFile("../runbook/testdata/good-release/ranker.yaml")
	if err != nil {
		t.Fatal(err)
	}
	quote := func(s string) string { q, _ := json.Marshal(s); return string(q) }
	file := strings.Replace(string(text), "version: v2", "version: "+quote(version), 1)
	file = strings.Replace(file, "backend: ranker-v2", "backend: "+quote(backend), 1)
	_, err = runbook.ParseLaunch("release.yaml", []byte(file))
	return err == nil
}

// written plans a split and the flags for a side of these names, and reads them back.
func written(t testing.TB, name string, routing runbook.Routing, snap store.Snapshot, version, backend string) error {
	t.Helper()
	r := router(t, routing)
	to := record.Split{backend: 100}
	_, ops, err := r.Plan(snap, to, []FlagDoc{{Version: version, Bundle: "sha256:x", Serving: true}})
	if err != nil {
		return err
	}
	for _, op := range ops {
		if key := strings.TrimPrefix(op.Key, "config-entry://"); !runbook.IsKey(key) {
			return fmt.Errorf("writes the key %q", op.Key)
		}
	}
	after, err := commit(snap, ops)
	if err != nil {
		return err
	}
	if got, err := r.Decode(after); err != nil || !got.Equal(to) {
		return fmt.Errorf("read back: %v, %v", got, err)
	}
	if _, ok := after.Get(r.FlagsKey(version)); !ok {
		return fmt.Errorf("%s: no document of %q", name, version)
	}
	return nil
}

func TestNamesThatCannotBeWrittenAreSaid(t *testing.T) {
	const version, backend = "version %q cannot be written", "backend %q cannot be written"
	for _, c := range []struct {
		version, backend string
		refused          map[string]string // by router; all: of each
	}{
		{"v2", "ranker-v2", nil},
		{"2026.10.1_a", "v2", nil},
		{"v1+b", "v1-b", map[string]string{"all": version}},
		{".v2", "v2", map[string]string{"all": version}},
		{"größe", "v2", map[string]string{"all": version}},
		{"v2@kv", "v2", map[string]string{"all": version}},
		{"v2", "v2@consul", map[string]string{"splitter": backend}},
		{"v2", "v1+b", map[string]string{"splitter": backend}},
		{"v2", "Ranker", map[string]string{"splitter": backend}},
		{"v2", "a,b", map[string]string{"splitter": backend, "fabio": backend}},
	} {
		if !launched(t, c.version, c.backend) {
			t.Errorf("%q, %q: no release file may have them", c.version, c.backend)
		}
		for name, n := range namings(c.backend) {
			why, want := n.routing.Unwritable(c.version, c.backend), c.refused["all"]+c.refused[name]
			if want != "" {
				want = fmt.Sprintf(want, map[bool]string{true: c.version, false: c.backend}[c.refused["all"] != ""])
			}
			if (why == "") != (want == "") || !strings.HasPrefix(why, want) {
				t.Errorf("%s, %q, %q: says %q, want %q", name, c.version, c.backend, why, want)
			}
		}
	}
	without := jsonRouting
	without.Flags = ""
	if why := without.Unwritable("v1+b", "v1+b"); why != "" {
		t.Errorf("without flags: %s", why)
	}
}

// Whatever a release file may name, and is not refused for this routing, is written and read back.
func FuzzNames(f *testing.F) {
	for _, pair := range []string{"v2 v2", "v1+b v1+b", ".. ..", "a..b a..b", "größe größe", "-x -x", "v2@kv v2@kv", "a,b a,b", "# #", "{} {}", "null true", "rest: rest:", "a:b a:b", "0x1 1e9"} {
		version, backend, _ := strings.Cut(pair, " ")
		f.Add(version, backend)
	}
	f.Fuzz(func(t *testing.T, version, backend string) {
		if backend == "a" || !launched(t, version, backend) {
			return
		}
		for name, n := range namings(backend) {
			if n.routing.Unwritable(version, backend) != "" {
				continue
			}
			if err := written(t, name, n.routing, n.snap, version, backend); err != nil {
				t.Errorf("%s: version %q, backend %q: %v", name, version, backend, err)
			}
		}
	})
}
