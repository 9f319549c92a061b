package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report/notify"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// The whole line by the webhook alone: breach, alert, one Consul transaction, verified
// recovery, incident page, and the team told.
func TestRollbackByWebhook(t *testing.T) {
	t.Parallel()
	s := start(t, options{noWatcher: true})
	broke := s.breakCandidate()
	inc := s.incident("a closed incident", 90*time.Second, settled)
	s.recovered(inc)
	if inc.Source != record.Webhook || slices.Contains(inc.Sources, record.Watcher) {
		t.Errorf("acted by source %s of %v, want the webhook alone", inc.Source, inc.Sources)
	}
	s.oneTransaction()
	s.evidence(s.daemons[0], inc)
	s.told(inc)
	s.times(broke, inc)
}

// The webhook is cut off: the watcher alone does the same.
func TestRollbackByWatcher(t *testing.T) {
	t.Parallel()
	s := start(t, options{noWebhook: true})
	broke := s.breakCandidate()
	inc := s.incident("a closed incident", 90*time.Second, settled)
	s.times(broke, inc)
	s.recovered(inc)
	if inc.Source != record.Watcher || slices.Contains(inc.Sources, record.Webhook) {
		t.Errorf("acted by source %s of %v, want the watcher alone", inc.Source, inc.Sources)
	}
	s.oneTransaction()
}

// Nothing is loaded into Prometheus and there is no Alertmanager: the daemon knows it and
// says so, and its watcher does the same all the same.
func TestWatcherAlone(t *testing.T) {
	t.Parallel()
	s := start(t, options{alone: true, args: []string{"--rules.interval=1s"}})
	s.await("the missing rules to be seen", 30*time.Second, func() error { return s.rules(record.RulesDrifted) })
	broke := s.breakCandidate()
	inc := s.incident("a closed incident", 90*time.Second, settled)
	s.recovered(inc)
	if !slices.Equal(inc.Sources, []record.Source{record.Watcher}) {
		t.Errorf("acted by sources %v, want the watcher alone", inc.Sources)
	}
	s.oneTransaction()
	s.evidence(s.daemons[0], inc)
	s.times(broke, inc)
}

// Two daemons and two Alertmanagers: everybody hears of it, one acts.
func TestTwoDaemonsTwoAlertmanagers(t *testing.T) {
	t.Parallel()
	s := start(t, options{daemons: 2, alertmanagers: 2})
	s.breakCandidate()
	inc := s.incident("a closed incident", 90*time.Second, settled)
	s.recovered(inc)
	s.oneTransaction()
	// Both poll; a poll of each within one period must not count as two.
	v := s.rb.Verification
	if least := time.Duration(v.Polls-1) * v.Every.Std() * 9 / 10; inc.Verdict.At.Sub(inc.DrainedAt) < least {
		t.Errorf("recovered %s after the candidate was drained, want at least %s for %d polls", inc.Verdict.At.Sub(inc.DrainedAt), least, v.Polls)
	}
}

// The stable version turns sick after the rollback: silence of the trigger is not
// recovery, and somebody is paged.
func TestStillSickIsNotRecovered(t *testing.T) {
	t.Parallel()
	s := start(t, options{runbook: func(text string) string { return edit(t, text, "within: 5m", "within: 90s") }})
	s.breakCandidate()
	s.incident("an act", 60*time.Second, func(i record.Incident) bool { return !i.ActedAt.IsZero() })
	sick := demo.Well
	sick.Errors = 0.2
	s.service.Stable.Behave(sick)
	inc := s.incident("a closed incident", 120*time.Second, settled)
	if inc.Verdict == nil || inc.Verdict.Outcome != record.NotRecovered {
		t.Errorf("verdict %+v, want not_recovered", inc.Verdict)
	}
}

// Both versions fail together: no traffic is moved.
func TestSharedOutageIsNobodysFault(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	sick := demo.Well
	sick.Errors = 0.3
	s.service.Candidate.Behave(sick)
	s.service.Stable.Behave(sick)
	inc := s.incident("a verdict", 90*time.Second, func(i record.Incident) bool { return i.Verdict != nil })
	if inc.Verdict.Outcome != record.WrongCause || inc.Change != nil {
		t.Errorf("verdict %s, change %v; want wrong_cause and no change", inc.Verdict.Outcome, inc.Change)
	}
	if split := s.weights(); !split.Equal(record.Split{"ranker-v1": 95, "ranker-v2": 5}) {
		t.Errorf("the split is %v, want it left alone", split)
	}
}

// recovered checks the verdict and that there was exactly one rollback.
func (s *stack) recovered(inc record.Incident) {
	s.t.Helper()
	if inc.Verdict == nil || inc.Verdict.Outcome != record.Recovered {
		s.t.Errorf("verdict %+v, want recovered", inc.Verdict)
	}
	if split := s.weights(); !split.Equal(record.Split{"ranker-v1": 100}) {
		s.t.Errorf("the split is %v, want all on v1", split)
	}
	st, err := s.client().Status(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	if len(st.Incidents) != 1 || len(st.Budget.Recent) != 1 {
		s.t.Errorf("%d incidents and %d automatic rollbacks, want one of each", len(st.Incidents), len(st.Budget.Recent))
	}
	if rel := st.Releases[0]; rel.Phase != record.RolledBack || rel.Epoch != 2 {
		s.t.Errorf("release is %s in epoch %d, want rolled_back in 2", rel.Phase, rel.Epoch)
	}
	acted := 0
	for _, r := range inc.Timeline {
		if r.Kind == "acted" {
			acted++
		}
	}
	if acted != 1 {
		s.t.Errorf("the timeline has %d acts, want 1", acted)
	}
}

// oneTransaction checks that everything the act touched has the modify index of one
// transaction, but for the release, which is written again as the act is read back and
// applied: see [stack.together].
func (s *stack) oneTransaction() {
	s.t.Helper()
	snap := s.snapshot()
	keys := s.acts(snap)
	if len(keys) != 5 {
		s.t.Errorf("%d keys, want the candidate's quarantine among them", len(keys))
	}
	first, _ := snap.Get(keys[0])
	for _, key := range keys[1:] {
		if en, _ := snap.Get(key); key == store.ReleaseKey("ranker", "default") && en.Index > first.Index {
			continue
		}
		if en, ok := snap.Get(key); !ok || en.Index != first.Index {
			s.t.Errorf("%s has index %d, %s has %d: not one transaction", key, en.Index, keys[0], first.Index)
		}
	}
}

// acts are the keys that an act writes, the router's first.
func (s *stack) acts(snap store.Snapshot) []string {
	keys := []string{s.rb.Routing.Key, s.rb.Routing.Flags + "v2", store.ReleaseKey("ranker", "default"), store.BudgetKey}
	for _, en := range snap.Under(store.QuarantineKey("")) {
		keys = append(keys, en.Key)
	}
	return keys
}

// together checks that the act's transaction, as it was sent to Consul, writes all that the act
// touches.
func (s *stack) together(b *between) {
	s.t.Helper()
	sent := b.wrote()
	for _, key := range s.acts(s.snapshot()) {
		if !slices.Contains(sent, key) {
			s.t.Errorf("the act's transaction writes %q, and not %s", sent, key)
		}
	}
}

func (s *stack) snapshot() store.Snapshot {
	s.t.Helper()
	snap, err := s.kv.Read(s.t.Context(), store.Root, "routes/", "features/")
	if err != nil {
		s.t.Fatal(err)
	}
	return snap
}

// weights reads the router's document as the router does.
func (s *stack) weights() record.Split {
	s.t.Helper()
	if s.rb.Routing.Router != runbook.JSONKey {
		return s.decoded()
	}
	en, _ := s.snapshot().Get(s.rb.Routing.Key)
	var doc struct{ Weights record.Split }
	if err := json.Unmarshal(en.Value, &doc); err != nil {
		s.t.Fatal(err)
	}
	return doc.Weights
}

// evidence checks the sealed folder and its page.
func (s *stack) evidence(d *daemon, inc record.Incident) {
	s.t.Helper()
	dir := filepath.Join(s.dir, "evidence-"+d.name, inc.ID)
	if problems := audit.Check(dir).Problems; len(problems) > 0 {
		s.t.Errorf("evidence: %v", problems)
	}
	page, err := os.ReadFile(filepath.Join(dir, "incident.html"))
	if err != nil || !strings.Contains(string(page), inc.ID) {
		s.t.Errorf("incident page: %v, %d bytes", err, len(page))
	}
	for _, name := range []string{"before/breach.json", "before/bundle-candidate.json", "after/router.json", "followup/review.md"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			s.t.Errorf("evidence: %v", err)
		}
	}
}

// told checks that the team's Alertmanager carries our messages.
func (s *stack) told(inc record.Incident) {
	s.t.Helper()
	s.await("a message at the team's Alertmanager", 20*time.Second, func() error { return s.hasMessage(inc) })
}

// hasMessage looks for a message about the incident in the team's Alertmanager.
func (s *stack) hasMessage(inc record.Incident) error { return s.posted("incident", inc.ID) }

// alerted asks the team's Alertmanager for a message of a kind.
func (s *stack) alerted(kind string) error { return s.posted("kind", kind) }

func (s *stack) posted(label, value string) error {
	return s.says(label, value, "")
}

// A posted message, as the team's Alertmanager has it.
type postedMessage struct{ Labels, Annotations map[string]string }

// posts are our messages that the team's Alertmanager has.
func (s *stack) posts() (all []postedMessage, err error) {
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.ams[0].URL+"/api/v2/alerts?filter=alertname="+notify.AlertName, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return all, json.NewDecoder(resp.Body).Decode(&all)
}

// says asks for a message with that label whose text holds the words.
func (s *stack) says(label, value, words string) error {
	alerts, err := s.posts()
	if err != nil {
		return err
	}
	for _, a := range alerts {
		if a.Labels[label] == value && strings.Contains(a.Annotations["description"], words) {
			return nil
		}
	}
	return fmt.Errorf("Alertmanager has no message with %s %s that says %q: %v", label, value, words, alerts)
}

// times logs the table of the README.
func (s *stack) times(broke time.Time, inc record.Incident) {
	s.t.Logf("after the breach: alert of %s, heard %s, committed %s, drained %s, recovered %s",
		inc.Alerts[0].StartsAt.Sub(broke).Round(10*time.Millisecond), inc.OpenedAt.Sub(broke).Round(10*time.Millisecond),
		inc.ActedAt.Sub(broke).Round(10*time.Millisecond), inc.DrainedAt.Sub(broke).Round(10*time.Millisecond),
		inc.Verdict.At.Sub(broke).Round(10*time.Millisecond))
}
