package store

import (
	"testing"

	"github.com/autorollback/autorollback/test/servers"
)

func TestConsulConforms(t *testing.T) {
	server := servers.Consul(t)
	conformance(t, func(t *testing.T) Store { return client(t, server.Addr) })
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
