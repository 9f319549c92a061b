package e2e

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/servers"
)

// A model answers stored predictions, and tells Prometheus what it serves with what.
type model struct {
	*httptest.Server
	wrong atomic.Bool // v2 answers otherwise than it did
}

func newModel(t *testing.T) *model {
	m := &model{}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "model_bundle_info{version=\"v1\",encoder=\"v4\"} 1\nmodel_bundle_info{version=\"v2\",encoder=\"v5\"} 1\n")
	})
	mux.HandleFunc("POST /predict/{version}", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		score := map[string]string{"v1": "0.25", "v2": "0.75"}[r.PathValue("version")]
		if m.wrong.Load() && r.PathValue("version") == "v2" {
			score = "0.5"
		}
		fmt.Fprintf(w, `{"score":%s,"for":%s}`, score, body)
	})
	m.Server = httptest.NewServer(mux)
	t.Cleanup(m.Close)
	return m
}

// runbook is the demo's as blue and green, with everything there is to check.
func (m *model) runbook(t *testing.T) func(string) string {
	return func(text string) string {
		golden := fmt.Sprintf(`verification:
  golden:
    url: %s/predict/{version}
    cases:
      - {version: v1, request: '{"user":1}', answer: '{"score":0.25,"for":{"user":1}}'}
      - {version: v2, request: '{"user":1}', answer: '{"score":0.7501,"for":{"user":1}}'}
  pairing: {metric: model_bundle_info, encoder_label: encoder}
`, m.URL)
		return strings.TrimRight(edit(t, text, "verification:\n", golden), "\n") + "\nrollout: {strategy: bluegreen, holdback: 5, bake: 15s, promote: ask}\n"
	}
}

func (s *stack) answer(approval string, yes bool) {
	s.t.Helper()
	d := api.Decision{Decision: "approve", Service: "ranker", Reason: "seen"}
	if !yes {
		d.Decision = "reject"
	}
	if _, err := s.client().Answer(s.t.Context(), approval, d); err != nil {
		s.t.Fatalf("answer: %v", err)
	}
}

// A human flips; everything that must be good afterwards is proved; the last share is
// asked for, and with a yes the release is closed.
func TestFlipIsProvedAndTheRestIsAskedFor(t *testing.T) {
	t.Parallel()
	m := newModel(t)
	s := start(t, options{flip: func() {}, people: true, targets: []string{m.Listener.Addr().String()}, runbook: m.runbook(t)})
	s.await("the checks after the flip", 90*time.Second, func() error {
		rel := s.newest()
		if rel.Proof == nil || rel.Proof.DoneAt.IsZero() {
			return fmt.Errorf("weight %v, proof %+v", rel.Weight, rel.Proof)
		}
		return nil
	})
	rel := s.newest()
	if rel.Proof.Health != record.Good || rel.Moves[1].Why != "flip" || rel.Moves[1].Checked != "good" || rel.Weight != 95 {
		t.Fatalf("moves %+v, proof %+v", rel.Moves, rel.Proof)
	}
	s.good(rel.Proof.Answers, "error rate", "golden predictions v1", "golden predictions v2", "pairing v1", "pairing v2", "flags")
	var asked record.Approval
	s.await("the question about the last share", 60*time.Second, func() error {
		st, err := s.client().Status(t.Context())
		if err != nil || len(st.Approvals) != 1 {
			return fmt.Errorf("%d questions, %v, waiting: %s", len(st.Approvals), err, s.newest().Waiting)
		}
		asked = st.Approvals[0]
		return nil
	})
	if split := s.weights(); asked.Kind != "promote" || !split.Equal(record.Split{"ranker-v1": 5, "ranker-v2": 95}) {
		t.Errorf("asked about %s with the split at %v", asked.Kind, split)
	}
	s.answer(asked.ID, true)
	s.weighs(100, record.Closed, 30*time.Second)
	if split := s.weights(); !split.Equal(record.Split{"ranker-v2": 100}) {
		t.Errorf("the split is %v", split)
	}
	if err := s.incidents(0); err != nil {
		t.Error(err)
	}
}

// After the flip the model answers stored predictions otherwise, which no metric shows:
// a human is asked, and with a yes all goes back and is proved.
func TestWrongPredictionsAfterTheFlipAsk(t *testing.T) {
	t.Parallel()
	m := newModel(t)
	s := start(t, options{flip: func() { m.wrong.Store(true) }, people: true, targets: []string{m.Listener.Addr().String()}, runbook: m.runbook(t)})
	asked := s.incident("a question", 90*time.Second, func(i record.Incident) bool { return i.Phase == record.Awaiting })
	if reason := asked.Decision.Reasons[0]; asked.Decision.Guard != "checks" || !strings.Contains(reason, "1 of 1 stored predictions of v2 are answered differently") || !strings.Contains(reason, "score") {
		t.Errorf("decided %+v", asked.Decision)
	}
	if rel := s.newest(); rel.Frozen == "" || rel.Weight != 95 || rel.Moves[1].Checked != "bad" {
		t.Errorf("%v %%, frozen %q, moves %+v", rel.Weight, rel.Frozen, rel.Moves)
	}
	s.answer(asked.Approval, true)
	inc := s.incident("a closed incident", 120*time.Second, settled)
	if inc.Verdict == nil || inc.Verdict.Outcome != record.Recovered || !s.weights().Equal(record.Split{"ranker-v1": 100}) {
		t.Fatalf("verdict %+v, split %v", inc.Verdict, s.weights())
	}
	s.good(inc.Verdict.Answers, "error rate", "golden predictions v1", "pairing v1", "flags")
	s.evidence(s.daemons[0], inc)
}

// Blue and green are one key of a real Traefik's router: a human flips, and rolls back.
func TestFlipOfOneRouterKey(t *testing.T) {
	t.Parallel()
	consul := servers.Consul(t)
	traefik := servers.Traefik(t, consul.Addr, 100*time.Millisecond)
	users := func(s *stack) {
		s.layOut(traefik)
		err := s.kv.Commit(t.Context(), store.NewTx(store.Op{Verb: store.Set, Key: blueGreenKey, Value: []byte("ranker-v1"), Index: s.index(blueGreenKey)}))
		if err != nil {
			t.Fatal(err)
		}
	}
	s := start(t, options{server: consul, users: users, flip: func() {}, runbook: func(text string) string {
		text = edit(t, text, "  router: json\n  key: routes/ranker/weights\n",
			fmt.Sprintf("  router: traefik\n  type: router\n  service: ranker\n  instances: [%s]\n", traefik.APIURL))
		return strings.TrimRight(edit(t, text, "  mirror: {}", "  #"), "\n") + "\nrollout: {strategy: bluegreen, holdback: 0, bake: 10m, promote: ask}\n"
	}})
	s.await("the flip to be applied", 30*time.Second, func() error { return s.appliedAt(100) })
	if split := s.decoded(); !split.Equal(record.Split{"ranker-v2": 100}) {
		t.Errorf("flipped, and the split is %v", split)
	}
	if _, err := s.client().Rollback(t.Context(), "ranker", "default", "users complain"); err != nil {
		t.Fatal(err)
	}
	inc := s.incident("a closed incident", 90*time.Second, settled)
	if inc.Verdict.Outcome != record.Recovered || !s.decoded().Equal(record.Split{"ranker-v1": 100}) || inc.Applied == nil || inc.Applied.AppliedAt.IsZero() {
		t.Errorf("verdict %+v, split %v, applied %+v", inc.Verdict, s.decoded(), inc.Applied)
	}
	if len(inc.Change.Keys) == 0 || inc.Change.Keys[0].Key != blueGreenKey || inc.Change.Keys[0].To != "ranker-v1" {
		t.Errorf("the rollback wrote %+v", inc.Change.Keys)
	}
}

// blueGreenKey says what Traefik's router sends everything to.
const blueGreenKey = "traefik/http/routers/ranker/service"

// index is at which a key was written last; 0: it is not there.
func (s *stack) index(key string) uint64 {
	s.t.Helper()
	snap, err := s.kv.Read(s.t.Context(), key)
	if err != nil {
		s.t.Fatal(err)
	}
	e, _ := snap.Get(key)
	return e.Index
}

// appliedAt waits for a share that every router instance has shown.
func (s *stack) appliedAt(weight runbook.Weight) error {
	rel, err := s.client().Release(s.t.Context(), "ranker", "default")
	if err == nil && (rel.Weight != weight || rel.Applied == nil || rel.Applied.AppliedAt.IsZero()) {
		err = fmt.Errorf("weight %v, applied %+v", rel.Weight, rel.Applied)
	}
	return err
}

// good fails unless each question has a good answer.
func (s *stack) good(answers []record.Answer, questions ...string) {
	s.t.Helper()
	got := map[string]record.Health{}
	for _, a := range answers {
		got[a.Question] = a.Health
	}
	for _, q := range questions {
		if got[q] != record.Good {
			s.t.Errorf("%s is %q, want good; all: %v", q, got[q], got)
		}
	}
}
