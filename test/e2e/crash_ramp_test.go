package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/store"
)

// rampBoundaries are all that a ramp passes which asks before each step. Whatever changes
// the release alone is "release".
var rampBoundaries = []string{
	"before-launch", "after-launch",
	"before-release", "after-release",
	"before-asked", "after-asked",
	"before-promote", "after-promote",
	"before-checked", "after-checked",
	"before-proved", "after-proved",
	"before-send-started", "after-send-started",
	"before-told-started", "after-told-started",
	"before-send-promoted", "after-send-promoted",
	"before-told-promoted", "after-told-promoted",
}

// The process is killed on its way up a ramp at every boundary, once each, and started
// again. Each step is asked for and taken once, and the release is closed as proved.
func TestKilledAllTheWayUp(t *testing.T) {
	t.Parallel()
	s := start(t, options{fault: strings.Join(rampBoundaries, ","), people: true, runbook: ramp(
		"rollout: {promote: ask, bake: 10s, steps: [{weight: 20, for: 5s}, {weight: 50, for: 5s}, {weight: 100}]}\n")})
	d := s.daemons[0]
	s.await("the end of the ramp", 10*time.Minute, func() error {
		rel, err := s.client().Release(t.Context(), "ranker", "default")
		if err != nil || rel.Phase == record.Closed {
			return err
		}
		if rel.Asking != "" { // answered already, or lost with the process: the release shows it
			_, err = s.client().Answer(t.Context(), rel.Asking, api.Decision{Decision: "approve", Service: "ranker"})
		}
		return fmt.Errorf("%v %%, %s, %d crashes, waiting: %s; %v", rel.Weight, rel.Phase, d.crashes(), rel.Waiting, err)
	})
	s.await("every message to be sent", 2*time.Minute, s.outboxEmpty)
	s.risen(len(rampBoundaries))
	rel := s.newest()
	var moves []string
	for _, m := range rel.Moves {
		moves = append(moves, fmt.Sprintf("%v %s", m.To, m.Why))
	}
	if want := []string{"5 start", "20 promote", "50 promote", "100 promote", "100 proved"}; !slices.Equal(moves, want) || rel.Epoch != 4 || rel.Good == nil || rel.Good.Version != "v2" {
		t.Errorf("moves %q in epoch %d, the last known good is %+v", moves, rel.Epoch, rel.Good)
	}
	if split := s.weights(); !split.Equal(record.Split{"ranker-v2": 100}) {
		t.Errorf("the split is %v", split)
	}
	questions := s.snapshot().Under(store.ApprovalKey(""))
	if st, err := s.client().Status(t.Context()); err != nil || len(st.Incidents) != 0 || len(questions) != 3 {
		t.Errorf("%d incidents, %d questions, %v", len(st.Incidents), len(questions), err)
	}
}
