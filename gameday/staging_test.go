package gameday

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// releaseAPI is a daemon that says what the test wants.
type releaseAPI struct {
	release   record.Release
	incidents []record.Incident
}

func (h *releaseAPI) Start(context.Context, []byte) (record.Release, error) { return h.release, nil }
func (h *releaseAPI) Release(context.Context, string, string) (record.Release, error) {
	return h.release, nil
}
func (h *releaseAPI) Incidents(context.Context) ([]record.Incident, error) { return h.incidents, nil }

func newStaging(t *testing.T) (*Staging, *releaseAPI) {
	t.Helper()
	s, err := store.OpenFile(filepath.Join(t.TempDir(), "kv.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	rb, err := runbook.Load("../demo/demo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := []byte(`{"schema":1,"revision":1,"weights":{"ranker-v1":100}}`)
	if err := s.Commit(t.Context(), store.NewTx(store.Op{Verb: store.Set, Key: rb.Routing.Key, Value: all})); err != nil {
		t.Fatal(err)
	}
	h := &releaseAPI{release: record.Release{Service: "ranker", Phase: record.Open, Weight: 5, TrafficAt: time.Now().Add(-time.Hour),
		Stable: record.Side{Version: "v1"}, Candidate: record.Side{Version: "v2"}}}
	return &Staging{Runbook: rb, Region: runbook.DefaultRegion, API: h, Store: s, Watched: []string{"routes/", "features/"}, HTTP: http.DefaultClient}, h
}

func TestStagingPrepares(t *testing.T) {
	s, h := newStaging(t)
	if _, err := s.Prepare(t.Context(), 5); err != nil {
		t.Error(err)
	}
	if _, err := s.Prepare(t.Context(), 20); !errors.Is(err, runbook.ErrRefused) {
		t.Errorf("another share: %v", err)
	}
	h.release.Phase = record.RolledBack
	if _, err := s.Prepare(t.Context(), 5); !errors.Is(err, runbook.ErrRefused) {
		t.Errorf("no open release: %v", err)
	}
}

// Calls are made as the scenario says; what does not answer 2xx is an error, and faults
// of the embedded world are refused.
func TestStagingBreaks(t *testing.T) {
	s, _ := newStaging(t)
	var got []string
	chaos := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Method+" "+r.URL.Path)
		if r.URL.Path == "/no" {
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	defer chaos.Close()
	if err := s.Break(t.Context(), Break{Call: &Call{URL: chaos.URL + "/yes", Method: http.MethodPut}}); err != nil {
		t.Error(err)
	}
	if err := s.Break(t.Context(), Break{Call: &Call{URL: chaos.URL + "/no"}}); err == nil || !strings.Contains(err.Error(), "418") {
		t.Errorf("a teapot: %v", err)
	}
	if err := s.Break(t.Context(), Break{Fault: Errors, To: "40%"}); !errors.Is(err, runbook.ErrRefused) {
		t.Errorf("a fault: %v", err)
	}
	if strings.Join(got, ", ") != "PUT /yes, POST /no" {
		t.Errorf("calls %v", got)
	}
}

// Only other services' keys and incidents are others'.
func TestStagingLooks(t *testing.T) {
	s, h := newStaging(t)
	if _, err := s.Prepare(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"features/ranker/v1", "features/ranker/v2", "features/ranker/v9", "routes/other/weights"} {
		if err := s.Store.Commit(t.Context(), store.NewTx(store.Op{Verb: store.Set, Key: key, Value: []byte("{}")})); err != nil {
			t.Fatal(err)
		}
	}
	told := time.Now()
	h.incidents = []record.Incident{{ID: "other", Service: "search", Region: "default"},
		{ID: "ours", Service: "ranker", Region: "default", ToldAt: told}}
	v, err := s.Look(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Incidents) != 1 || !v.Notified["ours"].Equal(told) || v.Mixed != Uncounted || !strings.Contains(v.Pairs, "verification.pairing") || !v.Split.Equal(record.Split{"ranker-v1": 100}) {
		t.Errorf("saw %+v", v)
	}
	if len(v.Keys) != 2 || v.Keys["features/ranker/v9"] == "" || v.Keys["routes/other/weights"] == "" {
		t.Errorf("watches %v", v.Keys)
	}
}

// A stopped game is stopped at the first look after the break.
type stopped struct {
	*Staging
	stop  func()
	looks int
}

func (s *stopped) Look(ctx context.Context) (View, error) {
	if s.looks++; s.looks > 1 {
		s.stop()
	}
	return s.Staging.Look(ctx)
}

// Whatever happens, what the scenario fixes is fixed.
func TestPlayMends(t *testing.T) {
	s, _ := newStaging(t)
	var got []string
	chaos := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = append(got, r.URL.Path) }))
	defer chaos.Close()
	scenario := Scenario{Name: "x", Share: 5, Watch: duration(30), Expect: Expect{Action: None}, Break: []Break{{Call: &Call{URL: chaos.URL + "/break"}}},
		Fix: []Break{{Call: &Call{URL: chaos.URL + "/fix"}}}}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	if _, err := Play(ctx, scenario, &stopped{Staging: s, stop: stop}, t.Logf); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if strings.Join(got, ",") != "/break,/fix" {
		t.Errorf("calls %v", got)
	}
}
