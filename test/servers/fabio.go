package servers

import (
	"encoding/json"
	"net"
	"net/url"
	"strconv"
	"testing"
)

// A FabioServer is a fabio that takes its instances from Consul's catalog and its
// commands from the keys that begin with "fabio/config".
type FabioServer struct {
	*Process

	URL   string // the proxy: requests to be routed
	UIURL string // ui.addr: /api/routes shows the table in force
}

// Fabio starts a fabio that reads the Consul at consulAddr.
func Fabio(tb testing.TB, consulAddr string) *FabioServer {
	tb.Helper()
	proxy, ui := freeAddr(tb), freeAddr(tb)
	s := &FabioServer{URL: "http://" + proxy, UIURL: "http://" + ui}
	s.Process = &Process{tb: tb, name: "fabio", dir: tb.TempDir(), ready: answers(s.UIURL + "/health"), args: []string{
		"-registry.consul.addr", consulAddr,
		"-registry.consul.register.enabled=false",
		"-registry.consul.kvpath", "/fabio/config",
		"-proxy.addr", proxy,
		"-proxy.strategy", "rr",
		"-ui.addr", ui,
		"-log.level", "INFO",
	}}
	launch(s.Process)
	return s
}

// Register puts an instance of a service into the catalog, passing, with these tags.
func (s *ConsulServer) Register(service, id, address string, tags ...string) {
	s.tb.Helper()
	u, err := url.Parse(address)
	if err != nil {
		s.tb.Fatalf("register %s: %v", id, err)
	}
	host, text, err := net.SplitHostPort(u.Host)
	if err != nil {
		s.tb.Fatalf("register %s: %v", id, err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		s.tb.Fatalf("register %s: %v", id, err)
	}
	body, err := json.Marshal(map[string]any{
		"Name": service, "ID": id, "Address": host, "Port": port, "Tags": tags,
		"Check": map[string]string{"TTL": "1h", "Status": "passing"},
	})
	if err != nil {
		s.tb.Fatalf("register %s: %v", id, err)
	}
	s.agent("/v1/agent/service/register", string(body))
}

// Deregister takes an instance out of the catalog.
func (s *ConsulServer) Deregister(id string) {
	s.tb.Helper()
	s.agent("/v1/agent/service/deregister/"+id, "")
}

func (s *ConsulServer) agent(path, body string) {
	s.tb.Helper()
	if _, err := s.manage(s.tb.Context(), path, body); err != nil {
		s.tb.Fatal(err)
	}
}
