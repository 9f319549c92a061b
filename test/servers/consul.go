package servers

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// A ConsulServer is a Consul agent in development mode: one server, its own
// leader, all in memory. Started again after Kill or Stop it is empty.
type ConsulServer struct {
	*Process

	Addr string // host and port of the HTTP API
	URL  string // the same, as an address to put a path after
}

const consulNode = "test"

// Consul starts a Consul agent. It returns when keys can be written and
// sessions made.
func Consul(tb testing.TB) *ConsulServer {
	tb.Helper()
	addr := freeAddr(tb)
	_, port, _ := net.SplitHostPort(addr)
	s := &ConsulServer{Addr: addr, URL: "http://" + addr}
	s.Process = &Process{tb: tb, name: "consul", dir: tb.TempDir(), ready: s.ready, args: []string{
		"agent", "-dev", "-node", consulNode,
		"-bind", "127.0.0.1", "-client", "127.0.0.1",
		"-http-port", port,
		"-server-port", strconv.Itoa(freePort(tb)),
		"-serf-lan-port", strconv.Itoa(freePort(tb)),
		"-serf-wan-port", "-1", "-dns-port", "-1", "-grpc-port", "-1", "-grpc-tls-port", "-1",
		"-hcl", "disable_update_check = true",
	}}
	launch(s.Process)
	return s
}

// ready waits for more than a leader: a session needs the agent's own health
// check, which the agent registers a moment later.
func (s *ConsulServer) ready(ctx context.Context) error {
	checks, err := request(ctx, http.MethodGet, s.URL+"/v1/health/node/"+consulNode)
	if err != nil {
		return err
	}
	if !strings.Contains(checks, "serfHealth") {
		return errors.New("the agent has not registered its own health")
	}
	return nil
}
