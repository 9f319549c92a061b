package e2e

import (
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/gameday"
)

const stagingScenario = `
schema: 1
name: staging-errors
says: "The candidate of the staging service is slow and fails."
share: 5
break:
  - {call: {url: CHAOS/break}}
mend:
  - {call: {url: CHAOS/mend, method: PUT}}
expect: {action: rollback, triggers: [error-rate, latency-p95], verdict: recovered}
limits: {detect: 60s, act: 5s, drain: 20s, recover: 90s, tell: 20s}
watch: 170s
`

// A game day against an installation that runs: real Consul, Prometheus and
// Alertmanager. The break is a call of the scenario, and so is the mending.
func TestGamedayInStaging(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	var calls []string
	chaos := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		calls = append(calls, r.Method+" "+r.URL.Path)
		if r.URL.Path == "/break" {
			s.breakCandidate()
			return
		}
		s.service.Candidate.Behave(gameday.Well)
	}))
	defer chaos.Close()
	bin, err := built()
	if err != nil {
		t.Fatal(err)
	}
	file := s.write("staging.yaml", strings.ReplaceAll(stagingScenario, "CHAOS", chaos.URL))
	out, err := exec.CommandContext(t.Context(), bin, "gameday", "run", file, "--url=http://"+s.daemons[0].web, "--store=consul://"+s.consul.Addr,
		"--prometheus.url="+s.prom.URL, "--runbook="+filepath.Join(s.dir, "runbooks/ranker.yaml"), "--reports="+s.dir).CombinedOutput()
	if err != nil {
		t.Errorf("gameday: %v", err)
	}
	for _, want := range []string{"staging-errors: passed, 10 of 10", "[x]  nothing else touched", "ranker-v1 95, ranker-v2 5 → ranker-v1 100, ranker-v2 0"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if got := strings.Join(calls, ", "); got != "POST /break, PUT /mend" {
		t.Errorf("the calls were %s", got)
	}
	if t.Failed() {
		t.Logf("%s", out)
	}
}
