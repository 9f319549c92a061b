package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/autorollback/autorollback/store"
)

// boundaries are all the step boundaries that the main story passes. The other names
// of the engine's table (open, unconfirmed, awaiting, held, frozen, release) belong to
// stories in which nothing is rolled back at once.
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
			if !s.daemons[0].crashed() {
				t.Fatalf("%s was never reached", name)
			}
			s.recovered(inc)
			s.oneTransaction()
			s.evidence(s.daemons[0], inc)
			s.told(inc)
		})
	}
}

func (s *stack) outboxEmpty() error {
	if waiting := s.snapshot().Under(store.OutboxKey("")); len(waiting) > 0 {
		return fmt.Errorf("%d messages wait, the first is %s", len(waiting), waiting[0].Key)
	}
	return nil
}
