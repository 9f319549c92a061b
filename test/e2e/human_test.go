package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
)

// A human rewrites the weights before anything breaks: the release is held and people
// are told, a breach does not take the human's split away, and once the release is let
// go the rollback follows.
func TestHumanRewritesTheWeightsBeforeTheBreach(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.putByHand()
	held := s.incident("a held incident", 30*time.Second, heldForHuman)
	s.await("the page about the human's split", 20*time.Second, func() error { return s.hasMessage(held) })
	s.breakCandidate()
	s.incident("the breach to be heard", 60*time.Second, func(i record.Incident) bool { return slices.Contains(i.Triggers, "error-rate") })
	if split := s.weights(); !split.Equal(humans) {
		t.Fatalf("the split is %v, want the human's %v", split, humans)
	}
	if _, err := s.client().AcceptSplit(t.Context(), "ranker", "default", "I want it at 30 %"); err != nil {
		t.Fatalf("let go: %v", err)
	}
	inc := s.incident("the rollback after it was let go", 120*time.Second, func(i record.Incident) bool { return i.ID != held.ID && settled(i) })
	if inc.Verdict == nil || inc.Verdict.Outcome != record.Recovered || !inc.Change.From.Equal(humans) {
		t.Errorf("verdict %+v, change %+v; want recovered, from the human's split", inc.Verdict, inc.Change)
	}
	if split := s.weights(); !split.Equal(record.Split{"ranker-v1": 100}) {
		t.Errorf("the split is %v, want all on v1", split)
	}
	st, err := s.client().Status(t.Context())
	if err != nil || len(st.Incidents) != 2 || len(st.Budget.Recent) != 1 {
		t.Errorf("%d incidents, %d automatic rollbacks, %v; want the held one, the breach, and one rollback", len(st.Incidents), len(st.Budget.Recent), err)
	}
}

// A human's write lands between our decision and its commit: it is never overwritten.
func TestHumanIsFasterThanTheCommit(t *testing.T) {
	t.Parallel()
	s, b := startBetween(t, options{both: true})
	b.arm(otherFirst, s.putByHand)
	s.breakCandidate()
	inc := s.incident("a held incident", 90*time.Second, heldForHuman)
	if met, applied := b.seen(); met != 1 || applied != 0 {
		t.Errorf("the proxy did its deed %d times and Consul applied %d rollbacks, want 1 and 0", met, applied)
	}
	if inc.Change != nil {
		t.Errorf("the incident says that %v was changed", inc.Change)
	}
	if split := s.weights(); !split.Equal(humans) {
		t.Errorf("the split is %v, want the human's %v", split, humans)
	}
	s.await("the page about the human's split", 20*time.Second, func() error { return s.hasMessage(inc) })
	// Nothing that still fires may take it away later.
	s.await("the alert to be heard by the other source", 30*time.Second, func() error {
		all, err := s.client().Incidents(t.Context())
		if err != nil || len(all) != 1 || len(all[0].Sources) < 2 {
			return fmt.Errorf("%d incidents, %v", len(all), err)
		}
		return nil
	})
	if _, applied := b.seen(); applied != 0 {
		t.Errorf("Consul applied %d rollbacks over the human's split", applied)
	}
}

func heldForHuman(i record.Incident) bool {
	return i.Phase == record.HeldPhase && i.Decision.Guard == policy.GuardManualOverride
}

// putByHand writes the weights as a human does: a plain PUT. It may be called from
// another goroutine than the test's.
func (s *stack) putByHand() {
	s.put(s.rb.Routing.Key, `{"schema":1,"revision":99,"weights":{"ranker-v1":70,"ranker-v2":30}}`)
}

func (s *stack) put(key, text string) {
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPut, s.consul.URL+"/v1/kv/"+key, strings.NewReader(text))
	if err != nil {
		s.t.Error(err)
		return
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Error(err)
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		s.t.Errorf("put %s: %s", key, resp.Status)
	}
}
