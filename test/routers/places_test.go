package routers

import (
	"fmt"
	"time"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/servers"
)

// A kind is a router as its users run it.
type kind struct {
	name    string
	open    func(*world) *place
	reloads bool // it takes a split by a new process
}

// kinds are all of them, the split of each at 100/0.
var kinds = []kind{
	{"HAProxy by its socket", func(w *world) *place { return w.started("haproxy-socket") }, false},
	{"HAProxy by reload", func(w *world) *place { return w.started("haproxy-reload") }, true},
	{"nginx", func(w *world) *place { return w.started("nginx") }, true},
	{"fabio", fabio, false},
	{"Traefik at 100 ms", func(w *world) *place { return traefik(w, 100*time.Millisecond) }, false},
	{"Traefik at 2 s", func(w *world) *place { return traefik(w, 2*time.Second) }, false},
}

// fabio takes the instances from Consul's catalog, each with its version as a tag.
func fabio(w *world) *place {
	for name, url := range w.models {
		w.consul.Register("ranker", name+"-a", url, name, "urlprefix-/")
	}
	p := w.place(runbook.Routing{Router: runbook.Fabio, Service: "ranker", Sources: []string{"/"}})
	p.shift(rolledBack)
	f := servers.Fabio(w, w.consul.Addr)
	p.url, p.instance = f.URL, f.UIURL
	return p
}

// traefik lays out a weighted service with a sticky cookie as docs/routers.md has it.
func traefik(w *world, throttle time.Duration) *place {
	w.put("traefik/http/services/ranker/weighted/sticky/cookie/name", "ranker-side")
	return traefikOf(w, runbook.Weighted, "", throttle)
}

// traefikHashed lays out a service that divides users by their addresses. Names of one length
// are nearly one to Traefik's hash, so the candidate's has its provider.
func traefikHashed(w *world) *place {
	p := traefikOf(w, runbook.HighestRandomWeight, "@consul", 0)
	p.byAddr = true
	return p
}

func traefikOf(w *world, kind, provider string, throttle time.Duration) *place {
	const services = "traefik/http/services/"
	for i, name := range []string{stable, candidate} {
		w.put(services+name+"/loadbalancer/servers/0/url", w.models[name])
		child := []string{stable, candidate + provider}[i]
		w.put(fmt.Sprintf("%sranker/%s/services/%d/name", services, kind, i), child)
	}
	w.put("traefik/http/routers/ranker/rule", "PathPrefix(`/`)")
	w.put("traefik/http/routers/ranker/service", "ranker")
	p := w.place(runbook.Routing{Router: runbook.Traefik, Service: "ranker", Type: kind})
	p.provider = provider
	p.shift(rolledBack)
	t := servers.Traefik(w, w.consul.Addr, throttle)
	p.url, p.instance = t.URL, t.APIURL
	return p
}
