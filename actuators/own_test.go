package actuators

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// only is a snapshot as it is read by these prefixes.
func only(snap store.Snapshot, prefixes []string) store.Snapshot {
	snap.Entries = slices.DeleteFunc(slices.Clone(snap.Entries), func(e store.Entry) bool {
		return !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(e.Key, p) })
	})
	return snap
}

// Whatever stands in the tree, the service's own keys say the same as all of it, or the router says
// that they do not.
func TestOwnKeysSayWhatTheTreeSays(t *testing.T) {
	backends, astray := []string{"v1", "v2", "v3@file"}, 0
	part := func(names ...string) *rapid.Generator[string] { return rapid.SampledFrom(names) }
	top, kinds := part("http", "http", "http", "HTTP", "tcp"), part("services", "services", "routers", "Services")
	name := part("ranker", "ranker", "Ranker", "ranker-mirror", "RANKER-mirror", "v1", "v2", "other", "rankers")
	rest := part("weighted/services/0/name", "weighted/services/0/weight", "Weighted/services/1/name", "weighted/services/1/weight",
		"weighted/services/1/Weight", "mirroring/service", "mirroring/mirrors/0/name", "mirroring/mirrors/0/percent",
		"loadbalancer/servers/0/url", "service", "Service", "rule", "/weighted/services/0/weight")
	value := part("v1", "v2", "v3@file", "ranker", "0", "5", "95", "95\n", "")
	rapid.Check(t, func(t *rapid.T) {
		routing := runbook.Routing{Router: runbook.Traefik, Service: "ranker", Flags: "features/",
			Type: rapid.SampledFrom([]string{runbook.Weighted, runbook.RouterService}).Draw(t, "type")}
		if routing.Type == runbook.Weighted && rapid.Bool().Draw(t, "mirror") {
			routing.Mirror = &runbook.Mirroring{Service: "ranker-mirror"}
		}
		r, err := For(routing)
		if err != nil {
			t.Fatal(err)
		}
		pairs := map[string]string{"features/v1": `{"serving":true}`}
		for range rapid.IntRange(1, 14).Draw(t, "keys") {
			key := fmt.Sprintf("traefik/%s/%s/%s/%s", top.Draw(t, "top"), kinds.Draw(t, "kind"), name.Draw(t, "name"), rest.Draw(t, "rest"))
			pairs[key] = value.Draw(t, "value")
		}
		var flat []string
		for k, v := range pairs {
			flat = append(flat, k, v)
		}
		whole := tree(flat...)
		own := only(whole, r.Keys(backends...))
		if len(own.Entries) > len(whole.Entries) {
			t.Fatal("own keys are more than the tree")
		}
		if r.Astray(whole, backends...) {
			astray++
			return
		}
		to := drawSplit(t, backends)
		for what, ask := range map[string]func(store.Snapshot) any{
			"decode": func(s store.Snapshot) any { split, err := r.Decode(s); return []any{split, fmt.Sprint(err)} },
			"plan":   func(s store.Snapshot) any { c, ops, err := r.Plan(s, to, nil); return []any{c, ops, fmt.Sprint(err)} },
			"mirror": func(s store.Snapshot) any { m, err := r.Mirrored(s); return []any{m, fmt.Sprint(err)} },
			"copy":   func(s store.Snapshot) any { ops, err := r.PlanMirror(s, "v2", 10); return []any{ops, fmt.Sprint(err)} },
		} {
			if whole, own := ask(whole), ask(own); !reflect.DeepEqual(whole, own) {
				t.Fatalf("%s: the tree says %v, the service's own keys say %v", what, whole, own)
			}
		}
	})
	if astray == 0 {
		t.Error("no tree had a key astray")
	}
}
