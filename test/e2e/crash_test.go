package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/web"
)

// boundaries are all the step boundaries that the main story passes. "open" is passed
// when an incident asks or holds first; see [TestKilledWhileAsking].
var boundaries = []string{
	"before-launch", "after-launch",
	"before-confirm", "after-confirm",
	"before-act", "after-act",
	"before-note", "after-note",
	"before-verifying", "after-verifying",
	"before-settled", "after-settled",
	"before-closed", "after-closed",
	"before-send", "after-send",
	"before-told", "after-told",
}

// The process is killed once at each boundary and started again. Whatever the moment,
// there is one rollback, one incident, one verdict, and the evidence is whole.
func TestKilledAtEveryBoundary(t *testing.T) {
	t.Parallel()
	for _, name := range boundaries {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{fault: name})
			s.breakCandidate()
			inc := s.incident("a closed incident", 150*time.Second, settled)
			s.await("every message to be sent", 90*time.Second, s.outboxEmpty)
			s.risen()
			s.recovered(inc)
			s.oneTransaction()
			s.evidence(s.daemons[0], inc)
			s.told(inc)
		})
	}
}

// Killed while it opens an incident that asks a human: the question is put once, and
// the answer carries it out once.
func TestKilledWhileAsking(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"before-open", "after-open"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{fault: name, people: true, runbook: mildErrors})
			asked := s.mildBreach()
			s.risen()
			if pending := s.pending(); len(pending) != 1 || pending[0].ID != asked.Approval {
				t.Errorf("%d questions are open, want the one that incident %s names", len(pending), asked.ID)
			}
			if _, err := s.client().Answer(t.Context(), asked.Approval, web.Decision{Decision: "approve", Service: "ranker"}); err != nil {
				t.Fatalf("approve: %v", err)
			}
			s.approved(asked, "demo", "basic_auth")
		})
	}
}

// risen waits until the first daemon has crashed where it was told to, and answers
// again: what it committed can be seen a moment before it crashes.
func (s *stack) risen() {
	s.t.Helper()
	d := s.daemons[0]
	s.await("the crash and the start after it", 30*time.Second, func() error {
		if !d.risen {
			return fmt.Errorf("%v was not reached, or it has not been started again", d.env)
		}
		return get(s.t.Context(), "http://"+d.web+"/-/healthy")
	})
}

// pending are the approvals that can still be answered.
func (s *stack) pending() []record.Approval {
	s.t.Helper()
	st, err := s.client().Status(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return st.Approvals
}

func (s *stack) outboxEmpty() error {
	if waiting := s.snapshot().Under(store.OutboxKey("")); len(waiting) > 0 {
		return fmt.Errorf("%d messages wait, the first is %s", len(waiting), waiting[0].Key)
	}
	return nil
}
