package policy_test

import (
	"fmt"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A confirmed severe breach is rolled back; in observe mode the decision says what active
// mode would have done.
func ExampleDecide() {
	now := time.Date(2026, 5, 6, 9, 0, 0, 0, time.UTC)
	rb := &runbook.Runbook{
		Service: "ranker",
		Triggers: []runbook.Trigger{
			{Name: "error-rate", Type: runbook.ErrorRate, Severity: runbook.Severe, Above: 0.05},
		},
		Policy: runbook.Policy{MaxRollbacks: 2, MinCandidatePods: 2},
	}
	in := policy.Input{
		Runbook: rb,
		Release: record.Release{
			ID: "rel-1", Service: "ranker", Region: runbook.DefaultRegion,
			Phase: record.Open, Weight: 20, Epoch: 1,
			Stable: record.Side{Version: "v1"}, Candidate: record.Side{Version: "v2"},
		},
		Breach: record.Breach{
			Trigger: "error-rate", Severity: runbook.Severe, State: record.Breaching,
			Value: 0.3, AskedAt: now,
			StablePods: 4, CandidatePods: 3, StableRate: 80, CandidateRate: 20,
		},
	}
	for _, mode := range []runbook.Mode{runbook.Active, runbook.Observe} {
		rb.Policy.Mode = mode
		d := policy.Decide(in, now)
		fmt.Printf("%s: %s by the guard %s; would: %q\n", mode, d.Action, d.Guard, d.Would)
	}
	// Output:
	// active: rollback by the guard severe; would: ""
	// observe: hold by the guard observe; would: "rollback"
}
