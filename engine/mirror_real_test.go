package engine

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/test/servers"
)

// The whole way with a real Consul and a real Traefik: a person starts the mirror, one
// request in ten is copied, and another process than the one that started it ends it.
func TestMirrorThroughRealTraefik(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a real Consul and a real Traefik")
	}
	var copies atomic.Int64
	v1 := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "v1") }))
	v2 := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { copies.Add(1) }))
	defer v1.Close()
	defer v2.Close()
	consul := servers.Consul(t)
	st := consulOf(t, consul.Addr, 0)
	for key, value := range map[string]string{
		"routers/ranker/rule": "PathPrefix(`/`)", "routers/ranker/service": "ranker-mirror",
		"services/ranker-mirror/mirroring/service": "ranker", "services/ranker-mirror/mirroring/mirrors/0/name": "ranker-v2",
		"services/ranker/weighted/services/0/name": "ranker-v1", "services/ranker/weighted/services/0/weight": "100",
		"services/ranker-v1/loadbalancer/servers/0/url": v1.URL, "services/ranker-v2/loadbalancer/servers/0/url": v2.URL,
	} {
		must(t, put(st, "traefik/http/"+key, value))
	}
	traefik := servers.Traefik(t, consul.Addr, 50*time.Millisecond)
	rb := fixture.Runbook(t, "page")
	rb.Routing = runbook.Routing{Router: runbook.Traefik, Root: "traefik", Service: "ranker", Mirror: &runbook.Mirroring{Service: "ranker-mirror"}}
	first := engineOf(t, partsOf(st, nil), rb, Options{Replica: "first"})
	second := engineOf(t, partsOf(consulOf(t, consul.Addr, 1), nil), rb, Options{Replica: "second", ReconcileEvery: 100 * time.Millisecond})
	get := func(url string) string {
		resp, err := http.Get(url)
		if err != nil {
			return err.Error()
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		return string(text)
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for deadline := time.Now().Add(2 * time.Minute); !ok(); <-tick.C {
			if time.Now().After(deadline) {
				t.Fatalf("waited for %s; %d copies; Traefik logs:\n%s", what, copies.Load(), traefik.Log())
			}
		}
	}
	percent := func(want string) func() bool {
		return func() bool {
			return strings.Contains(get(traefik.APIURL+"/api/http/services/ranker-mirror@consul"), `"mirrors":[{"name":"ranker-v2"`+want+`}]`)
		}
	}
	send := func(n int) {
		t.Helper()
		for range n {
			if got := get(traefik.URL); got != "v1" {
				t.Fatalf("a user got %q", got)
			}
		}
	}
	until("Traefik", func() bool { return get(traefik.URL) == "v1" })
	m, err := first.StartMirror(t.Context(), "ranker", "", runbook.MirrorOrder{Percent: 10, For: runbook.Duration(4 * time.Second)}, fixture.By("ann"))
	if err != nil || m.Backend != "ranker-v2" {
		t.Fatalf("%+v, %v", m, err)
	}
	until("the mirror", percent(`,"percent":10`))
	send(200)
	until("the copies", func() bool { return copies.Load() == 20 })
	due := m.Until
	if now := time.Now(); now.After(due) {
		due = now // the copies took their time
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() { _ = second.every(ctx, 100*time.Millisecond, nil, second.mirrors) }()
	until("the end", percent(""))
	copies.Store(0)
	send(200)
	m, err = second.Mirror(t.Context(), "ranker", "")
	if err != nil || m.On() || m.EndedAt.Before(m.Until) || m.EndedAt.Sub(due) > 30*time.Second {
		t.Errorf("%+v, %v", m, err)
	}
	if n := copies.Load(); n != 0 {
		t.Errorf("%d copies after the end", n)
	}
	t.Logf("ended %s after its time", m.EndedAt.Sub(m.Until).Round(time.Millisecond))
}
