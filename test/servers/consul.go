package servers

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
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
	s := newConsul(tb)
	s.Process.ready = s.ready
	launch(s.Process)
	return s
}

// ConsulIn starts a Consul agent that is a datacenter of its own.
func ConsulIn(tb testing.TB, datacenter string) *ConsulServer {
	tb.Helper()
	s := newConsul(tb, "-datacenter", datacenter)
	s.Process.ready = s.ready
	launch(s.Process)
	return s
}

// ManagementToken may do everything in a [ConsulACL].
const ManagementToken = "10000000-0000-0000-0000-000000000001"

// ConsulACL starts a Consul agent that denies by default.
func ConsulACL(tb testing.TB) *ConsulServer {
	tb.Helper()
	s := newConsul(tb, "-hcl", fmt.Sprintf(`acl { enabled = true default_policy = "deny" tokens { initial_management = %[1]q agent = %[1]q } }`, ManagementToken))
	s.Process.ready = func(ctx context.Context) error { _, err := s.manage(ctx, "/v1/kv/ready", ""); return err }
	launch(s.Process)
	return s
}

// Token makes a token with these ACL rules and returns it.
func (s *ConsulServer) Token(rules string) string {
	s.tb.Helper()
	name := strings.ToLower(rand.Text())
	_, err := s.manage(s.tb.Context(), "/v1/acl/policy", fmt.Sprintf(`{"Name":%q,"Rules":%q}`, name, rules))
	if err != nil {
		s.tb.Fatal(err)
	}
	text, err := s.manage(s.tb.Context(), "/v1/acl/token", fmt.Sprintf(`{"Policies":[{"Name":%q}]}`, name))
	if err != nil {
		s.tb.Fatal(err)
	}
	var made struct{ SecretID string }
	if err := json.Unmarshal([]byte(text), &made); err != nil {
		s.tb.Fatal(err)
	}
	return made.SecretID
}

// manage puts something with the management token.
func (s *ConsulServer) manage(ctx context.Context, path, body string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, s.URL+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("X-Consul-Token", ManagementToken)
	return answer(req)
}

func newConsul(tb testing.TB, more ...string) *ConsulServer {
	tb.Helper()
	addr := freeAddr(tb)
	_, port, _ := net.SplitHostPort(addr)
	s := &ConsulServer{Addr: addr, URL: "http://" + addr}
	s.Process = &Process{tb: tb, name: "consul", dir: tb.TempDir(), args: append([]string{
		"agent", "-dev", "-node", consulNode,
		"-bind", "127.0.0.1", "-client", "127.0.0.1",
		"-http-port", port,
		"-server-port", strconv.Itoa(freePort(tb)),
		"-serf-lan-port", strconv.Itoa(freePort(tb)),
		"-serf-wan-port", "-1", "-dns-port", "-1", "-grpc-port", "-1", "-grpc-tls-port", "-1",
		"-hcl", "disable_update_check = true",
	}, more...)}
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
