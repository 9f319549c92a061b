package e2e

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// standby waits until the daemon's record of the last known good has that state.
func (s *stack) standby(want record.StandbyState) record.Standby {
	s.t.Helper()
	var got record.Standby
	s.await("a standby that is "+string(want), 30*time.Second, func() error {
		rel, err := s.client().Release(s.t.Context(), "ranker", "default")
		if err != nil || rel.Standby == nil || rel.Standby.State != want {
			return fmt.Errorf("it is %+v, %v", rel.Standby, err)
		}
		got = *rel.Standby
		return nil
	})
	return got
}

// Two of the three pods of v1 vanish while v2 has a share: no step is taken any more, people are
// paged, and a severe breach asks instead of moving all traffic to the pod that is left. The
// pods come back: that is told, and the rollback follows automatically.
func TestTheStandbyVanishes(t *testing.T) {
	t.Parallel()
	s := start(t, options{runbook: func(text string) string {
		return ramp("rollout: {promote: automatic, bake: 10m, steps: [{weight: 5, for: 40s}, {weight: 50, for: 10m}, {weight: 100}]}\n")(onlyErrorsAreSevere(t)(text))
	}})
	if got := s.standby(record.Warm); got.Answers[0].Value != 3 || got.Why != "" {
		t.Errorf("a warm standby is %+v", got)
	}
	s.service.Keep(s.service.Stable, 1)
	if got := s.standby(record.Cold); got.Why != "v1 has 1 pod ready and needs 2 to take all traffic" {
		t.Errorf("a cold standby is %+v", got)
	}
	s.await("people to be paged", 30*time.Second, func() error { return s.alerted("no_rollback") })
	s.await("the metric", 10*time.Second, func() error { return s.has(`autorollback_standby{service="ranker",version="v1",state="cold"} == 1`) })
	s.await("the time of the step to be over", 60*time.Second, func() error {
		if rel := s.newest(); rel.Weight != 5 || time.Since(rel.WeightChangedAt) < 50*time.Second || !strings.Contains(rel.Waiting, "a rollback is not possible right now: v1 has 1 pod") {
			return fmt.Errorf("%v %% since %s, waiting: %s", rel.Weight, rel.WeightChangedAt, rel.Waiting)
		}
		return nil
	})
	if _, err := s.client().Promote(t.Context(), "ranker", "default"); !errors.Is(err, runbook.ErrRefused) || !strings.Contains(err.Error(), "a rollback is not possible right now") {
		t.Errorf("a human's step: %v", err)
	}
	s.breakCandidate()
	s.incident("a question", 90*time.Second, func(i record.Incident) bool { return i.Phase == record.Awaiting && i.Decision.Guard == "standby" })
	if split := s.weights(); !split.Equal(record.Split{"ranker-v1": 95, "ranker-v2": 5}) {
		t.Errorf("the split is %v, want it left alone", split)
	}
	s.await("the question to say why", 30*time.Second, func() error {
		return s.says("kind", "approval", "A rollback is not possible right now: v1 has 1 pod ready and needs 2")
	})
	s.service.Keep(s.service.Stable, 3)
	s.await("people to be told that it is over", 60*time.Second, func() error { return s.alerted("no_rollback_ended") })
	s.await("the page to end", 30*time.Second, func() error {
		if s.alerted("no_rollback") == nil {
			return errors.New("Alertmanager still has it")
		}
		return nil
	})
	s.recovered(s.incident("a closed incident", 120*time.Second, settled))
	s.oneTransaction()
}
