package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// ramp gives the demo's runbook a rollout.
func ramp(rollout string) func(string) string {
	return func(text string) string { return strings.TrimRight(text, "\n") + "\n" + rollout }
}

func (s *stack) newest() record.Release {
	s.t.Helper()
	rel, err := s.client().Release(s.t.Context(), "ranker", "default")
	if err != nil {
		s.t.Fatal(err)
	}
	return rel
}

func (s *stack) weighs(want runbook.Weight, phase record.ReleasePhase, within time.Duration) {
	s.t.Helper()
	s.await(fmt.Sprintf("%v %%, %s", want, phase), within, func() error {
		rel, err := s.client().Release(s.t.Context(), "ranker", "default")
		if err != nil || rel.Weight != want || rel.Phase != phase {
			return fmt.Errorf("%v %%, %s, waiting: %s; %v", rel.Weight, rel.Phase, rel.Waiting, err)
		}
		return nil
	})
}

// Two daemons carry a good release to all traffic and call it proved, with the real
// watchdog heard through a real Alertmanager.
func TestRampToTheEnd(t *testing.T) {
	t.Parallel()
	s := start(t, options{daemons: 2, runbook: ramp(
		"rollout: {promote: automatic, bake: 15s, steps: [{weight: 20, for: 10s}, {weight: 50, for: 10s}, {weight: 100}]}\n")})
	s.weighs(100, record.Closed, 180*time.Second)
	rel := s.newest()
	var moves []string
	for _, m := range rel.Moves[1:] {
		moves = append(moves, strings.TrimSpace(fmt.Sprintf("%v %s%s", m.To, m.By, m.Why)))
	}
	if want := []string{"20 promote", "50 promote", "100 promote", "100 proved"}; !slices.Equal(moves, want) || rel.Good == nil || rel.Good.Version != "v2" {
		t.Errorf("moves %q, the last known good is %+v", moves, rel.Good)
	}
	if rel.Proof == nil || rel.Proof.Health != record.Good || rel.Moves[3].Checked != "good" {
		t.Errorf("the step to all traffic was not proved: %+v", rel.Proof)
	}
	if split := s.weights(); !split.Equal(record.Split{"ranker-v2": 100}) {
		t.Errorf("the split is %v", split)
	}
	st, err := s.client().Status(t.Context())
	if err != nil || len(st.Incidents) != 0 {
		t.Errorf("%d incidents, %v", len(st.Incidents), err)
	}
}

// The candidate turns bad in the middle of the ramp.
func TestRampBreaksInTheMiddle(t *testing.T) {
	t.Parallel()
	s := start(t, options{runbook: ramp(
		"rollout: {promote: automatic, bake: 10m, steps: [{weight: 20, for: 5s}, {weight: 50, for: 10m}, {weight: 100}]}\n")})
	s.weighs(50, record.Open, 90*time.Second)
	s.breakCandidate()
	inc := s.incident("a closed incident", 120*time.Second, settled)
	if inc.Verdict == nil || inc.Verdict.Outcome != record.Recovered {
		t.Errorf("verdict %+v", inc.Verdict)
	}
	if !inc.Change.From.Equal(record.Split{"ranker-v1": 50, "ranker-v2": 50}) {
		t.Errorf("moved from %v", inc.Change.From)
	}
	s.weighs(0, record.RolledBack, time.Second)
}
