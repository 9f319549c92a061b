package policy_test

import (
	"strings"
	"testing"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A ramp that is drafted from an incident is one that the router can take, or it is refused.
func TestSaferRampIsOneTheRouterCanTake(t *testing.T) {
	broke := &record.Release{Phase: record.RolledBack, Moves: []record.Move{{To: 100, Why: "flip"}, {From: 100, Why: "rollback"}}}
	for name, tt := range map[string]struct {
		routing runbook.Routing
		want    string
	}{
		"hundredths":  {runbook.Routing{Router: runbook.JSONKey}, ""},
		"one service": {runbook.Routing{Router: runbook.Traefik, Type: runbook.RouterService}, "the safer ramp cannot be taken: 1 is finer than the router traefik can set"},
	} {
		in := policy.Launch{
			Runbook: &runbook.Runbook{Service: "ranker", Routing: tt.routing, Rollout: &runbook.Rollout{Strategy: runbook.BlueGreen}},
			Stable:  record.Side{Backend: "v1"}, Candidate: record.Side{Backend: "v2"}, Last: broke, Safer: true,
		}
		err := policy.Start(in)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}
