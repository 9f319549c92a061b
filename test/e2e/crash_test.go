package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/sim"
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

// deaths are the boundaries that one story dies at, once each: in `make soak` each has a
// story of its own, and in `make test` every fourth of them shares one.
func deaths(boundaries []string) [][]string {
	all := make([][]string, min(len(boundaries), sim.Size(len(boundaries), 4, 4)))
	for n, name := range boundaries {
		all[n%len(all)] = append(all[n%len(all)], name)
	}
	return all
}

// The process is killed once at each boundary and started again. Whatever the moment,
// there is one rollback, one incident, one verdict, and the evidence is whole.
func TestKilledAtEveryBoundary(t *testing.T) {
	t.Parallel()
	for _, names := range deaths(boundaries) {
		t.Run(strings.Join(names, "+"), func(t *testing.T) {
			t.Parallel()
			s := start(t, options{fault: strings.Join(names, ",")})
			s.breakCandidate()
			inc := s.incident("a closed incident", 150*time.Second, settled)
			s.await("every message to be sent", 90*time.Second, s.outboxEmpty)
			s.risen(len(names))
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
			s.risen(1)
			if pending := s.pending(); len(pending) != 1 || pending[0].ID != asked.Approval {
				t.Errorf("%d questions are open, want the one that incident %s names", len(pending), asked.ID)
			}
			if _, err := s.client().Answer(t.Context(), asked.Approval, api.Decision{Decision: "approve", Service: "ranker"}); err != nil {
				t.Fatalf("approve: %v", err)
			}
			s.approved(asked, "demo", "basic_auth")
		})
	}
}

// risen waits until the first daemon has crashed wherever it was told to, and answers
// again: what it committed can be seen a moment before it crashes.
func (s *stack) risen(crashes int) {
	s.t.Helper()
	d := s.daemons[0]
	s.await("the last crash and the start after it", 60*time.Second, func() error {
		if n := d.crashes(); n != crashes || d.starts <= n {
			return fmt.Errorf("%d crashes and %d starts with %v", n, d.starts, d.env)
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
