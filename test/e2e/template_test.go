package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/servers"
	"github.com/autorollback/autorollback/test/users"
)

// Users go through HAProxy or nginx, which follow the store by consul-template as the examples
// have it. A human rolls back under load: once the daemon says that it is applied, no request
// that is sent reaches the candidate, those who stayed with it are served by the other, and
// nobody meets an error, but for a POST on an idle connection of a router that reloads.
func TestByConsulTemplateIsRolledBack(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"haproxy-socket", "haproxy-reload", "nginx"} {
		t.Run(folder, func(t *testing.T) {
			t.Parallel()
			s, load := throughTemplate(t, folder)
			stuck := s.stuck(load)
			if _, err := s.client().Rollback(t.Context(), "ranker", "default", "users complain"); err != nil {
				t.Fatal(err)
			}
			inc := s.incident("a closed incident", 90*time.Second, settled)
			a := inc.Applied
			if inc.Verdict.Outcome != record.Recovered || a == nil || a.AppliedAt.IsZero() || len(a.Instances) != 1 || a.Instances[0].AppliedAt.IsZero() {
				t.Fatalf("verdict %+v, applied %+v", inc.Verdict, a)
			}
			t.Logf("after the write: read back %s, applied %s, drained %s", a.ReadBackAt.Sub(a.WrittenAt), a.AppliedAt.Sub(a.WrittenAt), inc.DrainedAt.Sub(a.WrittenAt))
			s.movedOver(load, stuck, a.AppliedAt)
			s.servedNobodyAfter(a.AppliedAt)
			load.Stop()
			for _, got := range load.After(time.Time{}) {
				if got.Failed != nil && (folder == "haproxy-socket" || !got.Cut()) {
					t.Errorf("%s met an error: %v", got.User.ID, got.Failed)
				}
			}
		})
	}
}

// throughTemplate starts a stack whose users go through a copy of the example, and a load of users
// who stay on their side.
func throughTemplate(t *testing.T, folder string) (*stack, *users.Load) {
	t.Helper()
	router := servers.NewExample(t, folder)
	layOut := func(s *stack) {
		s.service.Traffic.URL = router.URL + "/predict"
		well := demo.Well
		well.Errors = 0 // each error is the router's
		s.service.Stable.Behave(well)
		s.service.Candidate.Behave(well)
		op := store.Op{Verb: store.Set, Key: servers.Document, Value: []byte(`{"weights":{"ranker-v1":100,"ranker-v2":0}}`)}
		if err := s.kv.Commit(t.Context(), store.NewTx(op)); err != nil {
			t.Fatal(err)
		}
		pods := s.service.Targets()
		router.Start(s.consul, map[string][]string{"ranker-v1": pods[:3], "ranker-v2": pods[3:5]})
	}
	s := start(t, options{users: layOut, runbook: func(text string) string {
		text = edit(t, text, "  router: json\n  key: routes/ranker/weights\n",
			fmt.Sprintf("  router: json\n  key: %s\n  sticky: true\n  instances: [%s]\n", servers.Document, router.View))
		text = edit(t, text, "type: kpi_drop\n    severity: severe", "type: kpi_drop\n    severity: mild") // its unit is not the user
		return edit(t, text, "  mirror: {}", "  #")
	}})
	return s, users.Start(t, router.URL+"/predict", 10*time.Millisecond)
}

// stuck are users that the candidate serves.
func (s *stack) stuck(load *users.Load) map[string]bool {
	s.t.Helper()
	stuck := map[string]bool{}
	s.await("users who stay with the candidate", 60*time.Second, func() error {
		for _, got := range users.By("v2", load.After(time.Time{})) {
			stuck[got.User.ID] = true
		}
		if len(stuck) < 8 {
			return fmt.Errorf("%d", len(stuck))
		}
		return nil
	})
	return stuck
}

// movedOver waits until each of the users was served since the moment, and checks by whom.
func (s *stack) movedOver(load *users.Load, stuck map[string]bool, applied time.Time) {
	s.t.Helper()
	s.await("each of them to be served again", 60*time.Second, func() error {
		left := len(stuck)
		seen := map[string]bool{}
		for _, got := range users.By("v1", load.After(applied)) {
			if id := got.User.ID; stuck[id] && !seen[id] {
				seen[id] = true
				left--
			}
		}
		if left > 0 {
			return fmt.Errorf("%d of %d were not", left, len(stuck))
		}
		return nil
	})
	for _, got := range users.By("v2", load.After(applied)) {
		s.t.Errorf("%s was served by v2, sent %s after the daemon said that the rollback is applied", got.User.ID, got.Sent.Sub(applied))
	}
}
