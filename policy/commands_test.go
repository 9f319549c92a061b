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

// A release whose sides cannot be written never starts: its rollback could not be written either.
func TestWhatCannotBeWrittenDoesNotStart(t *testing.T) {
	for name, tt := range map[string]struct {
		routing           runbook.Routing
		stable, candidate string
		want              string
	}{
		"flags":            {runbook.Routing{Router: runbook.JSONKey, Flags: "features/{region}/"}, "v1", "v1+b", `version "v1+b" cannot be written: its flags stand under features/eu/`},
		"flags of stable":  {runbook.Routing{Router: runbook.JSONKey, Flags: "features/"}, "v1+b", "v2", `version "v1+b" cannot be written`},
		"no flags":         {runbook.Routing{Router: runbook.JSONKey}, "v1", "v1+b", ""},
		"a subset":         {runbook.Routing{Router: runbook.Splitter}, "v1", "v1+b", `backend "v1+b" cannot be written: a subset`},
		"a tag":            {runbook.Routing{Router: runbook.Fabio}, "v1", "v1,b", `backend "v1,b" cannot be written: a tag`},
		"what can be both": {runbook.Routing{Router: runbook.Splitter, Flags: "features/"}, "v1", "v2", ""},
	} {
		err := policy.Start(policy.Launch{
			Runbook: &runbook.Runbook{Service: "ranker", Routing: tt.routing}, Region: "eu",
			Stable: record.Side{Version: tt.stable, Backend: tt.stable}, Candidate: record.Side{Version: tt.candidate, Backend: tt.candidate},
		})
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
}

// A yes to roll back is wanted anyway only where a trigger might be quiet; the checks after a
// step have none.
func TestWhatNeedsAnyway(t *testing.T) {
	for state, want := range map[record.State]bool{record.Breaching: false, record.NotBreaching: true, record.NoData: true,
		record.Unreachable: true, "": true, record.NoTrigger: false} {
		if got := policy.NeedsAnyway(record.RollbackApproval, record.Breach{State: state}); got != want {
			t.Errorf("%q: %t", state, got)
		}
		if policy.NeedsAnyway(record.Promotion, record.Breach{State: state}) {
			t.Errorf("%q: a step of the ramp", state)
		}
	}
}
