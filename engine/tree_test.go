package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/test/servers"
)

// A counted store counts reads of the whole of Traefik's tree, and of the service's part of it.
type counted struct {
	*memory
	whole, own atomic.Int64
}

func (c *counted) Read(ctx context.Context, prefixes ...string) (store.Snapshot, error) {
	switch {
	case slices.Contains(prefixes, "traefik/"):
		c.whole.Add(1)
	case slices.Contains(prefixes, "traefik/http/services/ranker/"):
		c.own.Add(1)
	}
	return c.memory.Read(ctx, prefixes...)
}

// ownTree is what Traefik needs to know of the service, with all traffic on v1.
var ownTree = map[string]string{
	"ranker/weighted/services/0/name": "ranker-v1", "ranker/weighted/services/0/weight": "100",
	"ranker/weighted/services/1/name": "ranker-v2", "ranker/weighted/services/1/weight": "0",
	"ranker-v1/loadbalancer/servers/0/url": "http://10.0.0.1/", "ranker-v2/loadbalancer/servers/0/url": "http://10.0.0.2/",
	"other/loadbalancer/servers/0/url": "http://10.0.0.3/",
}

// Many services share a tree: events read the service's own keys, and the whole is read once a
// minute. No step is taken on what is a minute old, and no human waits for that minute.
func TestEventsReadTheServicesOwnKeys(t *testing.T) {
	rb := fixture.Runbook(t, "page")
	rb.Rollout = fixture.Ramp(runbook.PromoteAutomatic)
	rb.Routing = runbook.Routing{Router: runbook.Traefik, Service: "ranker", Flags: "features/ranker/"}
	st := &counted{}
	layOut := func(p *Parts) {
		st.memory = p.Store.(*memory)
		for key, value := range ownTree {
			must(t, put(st.memory, "traefik/http/services/"+key, value))
		}
		p.Store = st
	}
	const typo, twin = "traefik/http/services/other/loadbalancer/servers/0/weigth", "traefik/http/services/Ranker/weighted/services/0/weight"
	climbingOf(t, rb, 20, layOut, func(c climb) {
		t := c.t
		c.pass(time.Minute)
		whole, own := st.whole.Load(), st.own.Load()
		c.pass(8 * time.Minute)
		if whole, own := st.whole.Load()-whole, st.own.Load()-own; whole > 9 || own < 90 {
			t.Errorf("in eight minutes the tree was read %d times and the service's own keys %d times", whole, own)
		}
		c.f.set(func(f *facts) { f.warm = 1 })
		c.pass(80 * time.Second) // twenty seconds after a look
		must(t, put(c.st, typo, "1"))
		c.f.set(func(f *facts) { f.warm = 3 })
		c.pass(20 * time.Second)
		if rel := c.release(); rel.Weight != 20 || !strings.Contains(rel.Waiting, `knows no "weigth" here`) {
			t.Errorf("a step was taken, or nobody says why not: %v %%, waiting: %s", rel.Weight, rel.Waiting)
		}
		remove(t, c.st, typo)
		if rel, err := c.e.Promote(t.Context(), "ranker", "", fixture.By("ann")); err != nil || rel.Weight != 50 {
			t.Errorf("a human who corrected the tree: %v %%, %v", rel.Weight, err)
		}
		must(t, put(c.st, twin, "7"))
		c.pass(70 * time.Second)
		if rel := c.release(); !strings.Contains(rel.Waiting, "Traefik takes it and") {
			t.Errorf("of a key that is one of the service's to Traefik nothing is said: %s", rel.Waiting)
		}
	})
}

func remove(tb testing.TB, st *memory, key string) {
	tb.Helper()
	snap, err := st.Read(tb.Context(), key)
	must(tb, err)
	must(tb, st.Commit(tb.Context(), store.NewTx(store.Op{Verb: store.Delete, Key: key, Index: index(snap, key)})))
}

// BenchmarkEventInASharedTree is what an event of a target costs in a real Consul by how many
// services share its Traefik's tree: as every event was read before, and as it is now.
func BenchmarkEventInASharedTree(b *testing.B) {
	rb := fixture.Runbook(b, "page")
	rb.Routing = runbook.Routing{Router: runbook.Traefik, Service: "ranker", Flags: "features/ranker/"}
	for _, services := range []int{1, 100, 10_000} {
		st, err := store.OpenConsul(store.ConsulConfig{Address: servers.Consul(b).Addr, Replica: "replica"})
		must(b, err)
		sharedTree(b, st, services)
		e := engineOf(b, partsOf(st, factsOf(b, rb)), rb, Options{Replica: "replica"})
		if _, err := e.Start(b.Context(), fixture.Launch(b), fixture.By("ann")); err != nil {
			b.Fatal(err)
		}
		for _, whole := range []bool{true, false} {
			b.Run(fmt.Sprintf("services=%d/whole=%t", services, whole), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					v, err := e.readTree(b.Context(), theTarget, lifecycle.Tick{}, whole)
					if err != nil || v.Split["ranker-v2"] != 20 {
						b.Fatal(v.Split, err)
					}
				}
			})
		}
	}
}

// sharedTree lays out the service among others that have seven keys each.
func sharedTree(tb testing.TB, st store.Store, services int) {
	tb.Helper()
	var ops []store.Op
	commit := func() {
		must(tb, st.Commit(tb.Context(), store.NewTx(ops...)))
		ops = nil
	}
	set := func(key, value string) {
		if ops = append(ops, store.Op{Verb: store.Set, Key: "traefik/http/" + key, Value: []byte(value)}); len(ops) == store.MaxOps {
			commit()
		}
	}
	for key, value := range ownTree {
		set("services/"+key, value)
	}
	for i := range services - 1 {
		name := fmt.Sprintf("svc-%05d", i)
		for key, value := range map[string]string{
			"routers/%s/rule": "Host(`example.com`)", "routers/%s/service": name, "routers/%s/entrypoints/0": "web",
			"services/%s/loadbalancer/servers/0/url": "http://10.0.0.1/", "services/%s/loadbalancer/servers/1/url": "http://10.0.0.2/",
			"services/%s/loadbalancer/passhostheader": "true", "services/%s/loadbalancer/healthcheck/interval": "10s",
		} {
			set(fmt.Sprintf(key, name), value)
		}
	}
	commit()
}
