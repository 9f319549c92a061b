package servers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// electionTimeout is for three servers on a machine that has other things to do: an
// election that nobody wins is held again.
const electionTimeout = 2 * time.Minute

// A ConsulCluster is three Consul servers that elect a leader, with their data on disk.
type ConsulCluster struct {
	Servers [3]*ConsulServer

	tb  testing.TB
	rpc [3]string // what they call each other by
}

// raftPace has followers wait three seconds for a leader before they hold an election:
// long enough that a machine under load does not look like a lost leader, and shorter
// than Consul's own default of five.
const raftPace = "performance { raft_multiplier = 3 }"

// NewConsulCluster starts three servers. It returns when they have a leader and keys can
// be written.
func NewConsulCluster(tb testing.TB) *ConsulCluster {
	tb.Helper()
	c := &ConsulCluster{tb: tb}
	var serf [3]string
	for i := range c.Servers {
		c.rpc[i], serf[i] = freeAddr(tb), freeAddr(tb)
	}
	for i := range c.Servers {
		addr := freeAddr(tb)
		s := &ConsulServer{Addr: addr, URL: "http://" + addr}
		dir := tb.TempDir()
		s.Process = &Process{tb: tb, name: "consul", dir: dir, ready: answers(s.URL + "/v1/status/peers"), args: []string{
			"agent", "-server", "-bootstrap-expect", "3", "-node", "server-" + strconv.Itoa(i), "-data-dir", dir,
			"-bind", "127.0.0.1", "-client", "127.0.0.1", "-http-port", port(addr), "-server-port", port(c.rpc[i]),
			"-serf-lan-port", port(serf[i]), "-serf-wan-port", "-1", "-dns-port", "-1", "-grpc-port", "-1", "-grpc-tls-port", "-1",
			"-retry-join", serf[0], "-retry-interval", "1s",
			"-hcl", "disable_update_check = true", "-hcl", raftPace,
		}}
		launch(s.Process)
		c.Servers[i] = s
	}
	c.Leader()
	return c
}

func port(addr string) string {
	_, p, _ := net.SplitHostPort(addr)
	return p
}

// Leader waits until the servers that run have a leader that takes writes, and returns
// which one it is.
func (c *ConsulCluster) Leader() int {
	c.tb.Helper()
	ctx, cancel := context.WithTimeoutCause(context.Background(), electionTimeout, errors.New("no leader was elected"))
	defer cancel()
	leader := -1
	err := until(ctx, func(ctx context.Context) (err error) {
		leader, err = c.ask(ctx)
		return err
	})
	if err != nil {
		c.tb.Fatalf("wait for Consul's leader: %v", err)
	}
	return leader
}

// ask asks a server that runs who leads, and has it write a key.
func (c *ConsulCluster) ask(ctx context.Context) (int, error) {
	at := slices.IndexFunc(c.Servers[:], func(s *ConsulServer) bool { return s.running() })
	if at < 0 {
		return 0, final{errors.New("no server runs")}
	}
	url := c.Servers[at].URL
	said, err := request(ctx, http.MethodGet, url+"/v1/status/leader")
	if err != nil {
		return 0, err
	}
	leader := slices.Index(c.rpc[:], strings.Trim(said, `"`))
	if leader < 0 || !c.Servers[leader].running() {
		return 0, fmt.Errorf("server %d says that the leader is %s", at, said)
	}
	_, err = request(ctx, http.MethodPut, url+"/v1/kv/test/leader")
	return leader, err
}

// Follower is a server that is not the leader.
func (c *ConsulCluster) Follower() *ConsulServer { return c.Servers[(c.Leader()+1)%len(c.Servers)] }

// KillLeader ends the leader at once and waits for nobody to follow it: that is settled by
// an election, which the others begin when they miss it.
func (c *ConsulCluster) KillLeader() {
	c.tb.Helper()
	c.Servers[c.Leader()].Kill()
}

// Term is how many elections there were, as a server says. It grows with each.
func (c *ConsulCluster) Term(s *ConsulServer) int {
	c.tb.Helper()
	text, err := request(c.tb.Context(), http.MethodGet, s.URL+"/v1/agent/self")
	var self struct {
		Stats struct {
			Raft struct {
				Term string `json:"term"`
			} `json:"raft"`
		}
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &self)
	}
	term, notNumber := strconv.Atoi(self.Stats.Raft.Term)
	if err := errors.Join(err, notNumber); err != nil {
		c.tb.Fatalf("read Consul's term: %v", err)
	}
	return term
}
