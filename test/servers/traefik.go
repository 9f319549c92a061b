package servers

import (
	"testing"
	"time"
)

// A TraefikServer is a Traefik that takes its routes from Consul's keys below
// "traefik/".
type TraefikServer struct {
	*Process

	URL    string // the entry point, named "web": requests to be routed
	APIURL string // the API, which shows the routes in force, and /metrics
}

// Traefik starts a Traefik that reads the Consul at consulAddr. After a change
// it waits for throttle before it takes the next one; its own default is 2 s.
func Traefik(tb testing.TB, consulAddr string, throttle time.Duration) *TraefikServer {
	tb.Helper()
	web, api := freeAddr(tb), freeAddr(tb)
	s := &TraefikServer{URL: "http://" + web, APIURL: "http://" + api}
	s.Process = &Process{tb: tb, name: "traefik", dir: tb.TempDir(), ready: answers(s.APIURL + "/ping"), args: []string{
		"--entrypoints.web.address=" + web,
		"--entrypoints.traefik.address=" + api,
		"--providers.consul.endpoints=" + consulAddr,
		"--providers.consul.rootkey=traefik",
		"--providers.providersthrottleduration=" + throttle.String(),
		"--api.insecure=true", "--ping=true",
		"--metrics.prometheus=true", "--metrics.prometheus.addserviceslabels=true",
		"--global.checknewversion=false", "--global.sendanonymoususage=false",
		"--log.level=INFO",
	}}
	launch(s.Process)
	return s
}
