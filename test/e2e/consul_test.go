package e2e

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
)

// Consul applies the rollback and its answer is lost, or the rollback is lost on its
// way there: in either case it is applied once.
func TestConsulsAnswerLost(t *testing.T) {
	t.Parallel()
	for name, deed := range map[string]deed{"applied": loseAnswer, "not applied": refuse} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, b := startBetween(t, options{})
			before := s.revision()
			b.arm(deed, nil)
			s.breakCandidate()
			inc := s.incident("a closed incident", 120*time.Second, settled)
			s.recovered(inc)
			s.oneTransaction()
			s.together(b)
			s.evidence(s.daemons[0], inc)
			if met, applied := b.seen(); met != 1 || applied != 1 {
				t.Errorf("the proxy did its deed %d times and Consul applied %d rollbacks, want 1 and 1", met, applied)
			}
			if after := s.revision(); after != before+1 {
				t.Errorf("the weights' revision went from %d to %d, want one write", before, after)
			}
		})
	}
}

// startBetween starts a stack with a proxy between the daemons and Consul.
func startBetween(t *testing.T, o options) (*stack, *between) {
	var b *between
	o.consul = func(address string) string {
		if b == nil {
			b = newBetween(t, address, "routes/ranker/weights")
		}
		return b.addr
	}
	return start(t, o), b
}

// revision is the number that each write of the weights by us counts up.
func (s *stack) revision() int {
	s.t.Helper()
	en, _ := s.snapshot().Get(s.rb.Routing.Key)
	var doc struct{ Revision int }
	if err := json.Unmarshal(en.Value, &doc); err != nil {
		s.t.Fatal(err)
	}
	return doc.Revision
}

var humans = record.Split{"ranker-v1": 70, "ranker-v2": 30}
