package e2e

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/test/servers"
)

const stagingScenario = `
schema: 1
name: staging-errors
says: "The candidate of the staging service is slow and fails."
share: 5
break:
  - {call: {url: CHAOS/break}}
fix:
  - {call: {url: CHAOS/fix, method: PUT}}
expect: {action: rollback, triggers: [error-rate, latency-p95], verdict: recovered}
limits: {detect: 4m, act: ACT, drain: 2m, recover: 6m, tell: 2m}
watch: 15m
`

// A game day against an installation that runs: real Consul, Prometheus and
// Alertmanager. The break is a call of the scenario, and so is the fixing.
func TestGamedayInStaging(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.game("1m", func() { s.breakCandidate() })
}

// The candidate fails, and at the same moment Consul loses its leader: of three real
// servers one is killed, and the daemon, the router and the pods talk to one of the other
// two. For seconds nobody can read or write a key. Then the rollback is done as ever.
func TestGamedayWithoutConsulsLeader(t *testing.T) {
	t.Parallel()
	cluster := servers.NewConsulCluster(t)
	follower := cluster.Follower()
	s := start(t, options{server: follower})
	term := cluster.Term(follower)
	s.game("2m", func() {
		s.breakCandidate()
		cluster.KillLeader()
	})
	cluster.Leader()
	if now := cluster.Term(follower); now <= term {
		t.Errorf("no leader was elected in the game: the term was %d and is %d", term, now)
	}
}

// game plays the scenario, whose first call does the harm, and wants it passed; act is
// how long the daemon may take once there is an incident.
func (s *stack) game(act string, harm func()) {
	t := s.t
	t.Helper()
	calls := newCalls()
	defer calls.close()
	file := s.write("staging.yaml", strings.NewReplacer("CHAOS", calls.server.URL, "ACT", act).Replace(stagingScenario))
	said := calls.answer(t, s.play(file), map[string]func(){"POST /break": harm, "PUT /fix": func() { s.service.Candidate.Behave(demo.Well) }})
	for _, want := range []string{"staging-errors: passed, 10 of 10", "[x]  nothing else touched", "ranker-v1 95, ranker-v2 5 → ranker-v1 100, ranker-v2 0"} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if got := strings.Join(calls.seen, ", "); got != "POST /break, PUT /fix" {
		t.Errorf("the calls were %s", got)
	}
	t.Logf("%s", said)
}

// play starts the game, and hands over what it said when it has ended.
func (s *stack) play(file string) <-chan played {
	s.t.Helper()
	bin := built.File(s.t)
	cmd := exec.CommandContext(s.t.Context(), bin, "gameday", "run", file, "--url=http://"+s.daemons[0].web, "--store=consul://"+s.consul.Addr,
		"--prometheus.url="+s.prom.URL, "--runbook="+filepath.Join(s.dir, "runbooks/ranker.yaml"), "--reports="+s.dir)
	ended := make(chan played, 1)
	go func() {
		said, err := cmd.CombinedOutput()
		ended <- played{string(said), err}
	}()
	return ended
}

// played is what a game said, and the error of a command that did not end with 0.
type played struct {
	said string
	err  error
}

// calls are what a scenario calls to break and to fix. The test's own goroutine answers,
// since what it does may fail.
type calls struct {
	server        *httptest.Server
	asked         chan string
	answered, end chan struct{}
	seen          []string
}

func newCalls() *calls {
	c := &calls{asked: make(chan string), answered: make(chan struct{}), end: make(chan struct{})}
	c.server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case c.asked <- r.Method + " " + r.URL.Path:
			select {
			case <-c.answered:
			case <-c.end:
			}
		case <-c.end:
		}
	}))
	return c
}

func (c *calls) close() { close(c.end); c.server.Close() }

// answer does what is called for until the game is over.
func (c *calls) answer(t *testing.T, ended <-chan played, does map[string]func()) string {
	t.Helper()
	for {
		select {
		case call := <-c.asked:
			c.seen = append(c.seen, call)
			if do := does[call]; do != nil {
				do()
			}
			c.answered <- struct{}{}
		case p := <-ended:
			if p.err != nil {
				t.Errorf("gameday: %v", p.err)
			}
			return p.said
		}
	}
}
