package servers

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
)

// An AlertmanagerServer is an Alertmanager, alone or in a cluster. What it
// remembers outlives Stop and Start.
type AlertmanagerServer struct {
	*Process

	Addr string // host and port of the HTTP API
	URL  string // the same, as an address to put a path after
}

const alertmanagerConfig = "alertmanager.yml"

// Alertmanager starts an Alertmanager that stands alone.
func Alertmanager(tb testing.TB, config string) *AlertmanagerServer {
	tb.Helper()
	s := newAlertmanager(tb, config, "--cluster.listen-address=")
	s.Process.ready = answers(s.URL + "/-/ready")
	launch(s.Process)
	return s
}

// AlertmanagerCluster starts Alertmanagers that know each other and share one
// configuration. It returns when each has settled and sees all the others, so
// an alert given to all is notified once.
func AlertmanagerCluster(tb testing.TB, config string, size int) []*AlertmanagerServer {
	tb.Helper()
	var peers []string
	for range size {
		peers = append(peers, freeAddr(tb))
	}
	members := make([]*AlertmanagerServer, size)
	for i := range members {
		// At a pace for loopback: settling takes some 50 gossip intervals, and
		// each member waits a peer timeout for each one before it.
		args := []string{
			"--cluster.listen-address=" + peers[i],
			"--cluster.gossip-interval=20ms",
			"--cluster.peer-timeout=1s",
		}
		for _, peer := range peers {
			args = append(args, "--cluster.peer="+peer)
		}
		members[i] = newAlertmanager(tb, config, args...)
		members[i].Process.ready = answers(members[i].URL + "/-/ready")
		launch(members[i].Process)
	}
	ctx, cancel := context.WithTimeout(tb.Context(), readyTimeout)
	defer cancel()
	for _, m := range members {
		sees := func(ctx context.Context) error { return m.settled(ctx, size) }
		if err := until(ctx, m.alive(sees)); err != nil {
			tb.Fatalf("form a cluster: %v", err)
		}
	}
	return members
}

func newAlertmanager(tb testing.TB, config string, cluster ...string) *AlertmanagerServer {
	tb.Helper()
	addr, dir := freeAddr(tb), tb.TempDir()
	s := &AlertmanagerServer{Addr: addr, URL: "http://" + addr}
	s.Process = &Process{tb: tb, name: "alertmanager", dir: dir, args: append([]string{
		"--config.file=" + filepath.Join(dir, alertmanagerConfig),
		"--storage.path=" + filepath.Join(dir, "data"),
		"--web.listen-address=" + addr,
	}, cluster...)}
	s.Write(alertmanagerConfig, config)
	return s
}

// Configure replaces the configuration and makes Alertmanager read it. Its
// error says what Alertmanager refused; the configuration before it then
// stays in force.
func (s *AlertmanagerServer) Configure(config string) error {
	s.tb.Helper()
	s.Write(alertmanagerConfig, config)
	_, err := request(s.tb.Context(), http.MethodPost, s.URL+"/-/reload")
	return err
}

func (s *AlertmanagerServer) settled(ctx context.Context, size int) error {
	body, err := request(ctx, http.MethodGet, s.URL+"/api/v2/status")
	if err != nil {
		return err
	}
	var status struct {
		Cluster struct {
			Status string
			Peers  []struct{}
		}
	}
	if err := json.Unmarshal([]byte(body), &status); err != nil {
		return fmt.Errorf("read status of %s: %w", s.URL, err)
	}
	if c := status.Cluster; c.Status != "ready" || len(c.Peers) != size {
		return fmt.Errorf("%s is %s and sees %d of %d members", s.URL, c.Status, len(c.Peers), size)
	}
	return nil
}
