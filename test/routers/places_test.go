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
	{"HAProxy by its socket", haproxySocket, false},
	{"HAProxy by reload", haproxyReload, true},
	{"nginx", nginx, true},
	{"fabio", fabio, false},
	{"Traefik at 100 ms", func(w *world) *place { return traefik(w, 100*time.Millisecond) }, false},
	{"Traefik at 2 s", func(w *world) *place { return traefik(w, 2*time.Second) }, false},
}

func nginx(w *world) *place {
	e := w.example("nginx", map[string]string{
		"/etc/nginx/":            "DIR/",
		"/run/nginx.pid":         "DIR/nginx.pid",
		"http {":                 "http {\naccess_log off;\nclient_body_temp_path DIR/body;",
		"listen 8080":            "listen WEB",
		"10.0.1.1:8000":          "STABLE",
		"10.0.2.1:8000":          "CANDIDATE",
		"nginx -t -q":            "nginx -t -q -e stderr -c DIR/nginx.conf",
		"systemctl reload nginx": "kill -HUP $(cat DIR/nginx.pid)",
	})
	e.render("ranker-split.conf")
	servers.Nginx(w, e.dir+"/nginx.conf", e.place.instance)
	return e.place
}

func haproxySocket(w *world) *place {
	e := w.example("haproxy-socket", map[string]string{
		"/etc/haproxy/":             "DIR/",
		"/run/haproxy/":             "DIR/",
		"/usr/local/bin/":           "DIR/",
		"bind :8080":                "bind WEB",
		"ranker-v1-a 10.0.1.1:8000": "ranker-v1-a STABLE",
		"ranker-v2-a 10.0.2.1:8000": "ranker-v2-a CANDIDATE",
	})
	e.render("ranker.map")
	servers.HAProxy(w, e.dir+"/haproxy.cfg", e.place.instance)
	return e.place
}

func haproxyReload(w *world) *place {
	for name, url := range w.models {
		w.consul.Register(name, name+"-a", url)
	}
	e := w.example("haproxy-reload", map[string]string{
		"/etc/haproxy/":            "DIR/",
		"/usr/local/bin/":          "DIR/",
		"bind :8080":               "bind WEB",
		"systemctl reload haproxy": "kill -USR2 $(cat DIR/haproxy.pid)",
	})
	e.render("haproxy.cfg")
	servers.HAProxy(w, e.dir+"/haproxy.cfg", e.place.instance)
	return e.place
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
