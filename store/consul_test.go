package store

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/test/faults/consul"
	"github.com/autorollback/autorollback/test/servers"
)

func TestConsulConforms(t *testing.T) {
	server := servers.Consul(t)
	conformance(t, func(t *testing.T) Store { return client(t, server.Addr) })
}

// The one in memory, which test/faults breaks in every way, keeps the same contract.
func TestSimulatedConsulConforms(t *testing.T) {
	server := httptest.NewServer(consul.New())
	t.Cleanup(server.Close)
	conformance(t, func(t *testing.T) Store { return client(t, strings.TrimPrefix(server.URL, "http://")) })
}

// client opens a store as a replica of its own.
func client(t testing.TB, addr string) *Consul {
	t.Helper()
	c, err := OpenConsul(ConsulConfig{Address: addr, Scheme: "http", Replica: "test-" + NewTx().ID[:8]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}
