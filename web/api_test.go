package web_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/view"
)

type envelope struct {
	Status, ErrorType, Error string
	Data                     json.RawMessage
}

func (s *site) api(method, path, body string, more ...asks) (int, envelope) {
	s.t.Helper()
	w := s.ask(method, "/api/v1"+path, body, append([]asks{as("alice")}, more...)...)
	var e envelope
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
		s.t.Fatalf("%s %s: %d is not an envelope: %s", method, path, w.Code, w.Body)
	}
	if (e.Status == "success") != (w.Code == 200) || (e.Status == "error") != (e.ErrorType != "" && e.Error != "") {
		s.t.Errorf("%s %s: code %d with %+v", method, path, w.Code, e)
	}
	return w.Code, e
}

func TestBadOrders(t *testing.T) {
	const rollback = "/releases/ranker/default/rollback"
	long := `{"reason":"` + strings.Repeat("x", 1<<20) + `"}`
	for _, c := range []struct {
		name, method, path, body string
		code                     int
		kind, says               string
		more                     []asks
	}{
		{"no reason", "POST", rollback, `{}`, 400, "bad_data", "a reason is needed", nil},
		{"blank reason", "POST", rollback, `{"reason":" \u200b\n"}`, 400, "bad_data", "a reason is needed", nil},
		{"misspelt key", "POST", rollback, `{"raeson":"x"}`, 400, "bad_data", `unknown field "raeson"`, nil},
		{"not JSON", "POST", rollback, `reason=x`, 400, "bad_data", "read order", nil},
		{"two orders", "POST", rollback, reason + reason, 400, "bad_data", "something follows", nil},
		{"form type", "POST", rollback, reason, 415, "bad_data", "the body must be application/json", []asks{with("Content-Type", "text/plain")}},
		{"too long", "POST", rollback, long, 413, "bad_data", "more than 131072 bytes", nil},
		{"hostile service", "POST", "/releases/..%2Fbudget/default/rollback", reason, 404, "not_found", "", nil},
		{"hostile region", "POST", "/releases/ranker/a%2Fb/rollback", reason, 404, "not_found", "", nil},
		{"hostile digest", "POST", "/quarantine/sha256:xyz/lift", reason, 404, "not_found", "", nil},
		{"unknown mode", "PUT", "/control", `{"mode":"of"}`, 400, "bad_data", `mode is "of", want active, observe or paused`, nil},
		{"pause for ever", "PUT", "/control", `{"mode":"paused","reason":"x"}`, 400, "bad_data", "a pause needs a reason and an end", nil},
		{"pause that is over", "PUT", "/control", `{"mode":"paused","reason":"x","until":"2020-01-01T00:00:00Z"}`, 400, "bad_data", "is not in the future", nil},
		{"release file with a mistake", "POST", "/releases", "service: ranker\nweigth: 5\n", 400, "bad_data", "release.yaml:2: ", []asks{with("Content-Type", "application/yaml")}},
		{"unknown approval", "POST", "/approvals/ap-9", `{"decision":"approve","service":"ranker"}`, 404, "not_found", "ap-9", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, signIn(t))
			code, e := s.api(c.method, c.path, c.body, c.more...)
			if code != c.code || e.ErrorType != c.kind || !strings.Contains(e.Error, c.says) {
				t.Errorf("got %d %s %q; want %d %s %q", code, e.ErrorType, e.Error, c.code, c.kind, c.says)
			}
			s.unchanged(c.name)
		})
	}
}

// An answer to an order does not grow with the order.
func TestAnswersToBadOrdersAreShort(t *testing.T) {
	long := strings.Repeat("x", 100<<10)
	yaml := with("Content-Type", "application/yaml")
	for name, c := range map[string]struct {
		method, path, body string
		more               []asks
	}{
		"an unknown key":     {"POST", "/releases/ranker/default/rollback", `{"` + long + `":1}`, nil},
		"a mode":             {"PUT", "/control", `{"mode":"` + long + `"}`, nil},
		"unknown keys":       {"POST", "/releases", strings.Repeat("k: 1\n", 20_000), []asks{yaml}},
		"a long unknown key": {"POST", "/releases", "? " + long + "\n: 1\n", []asks{yaml}},
		"a query":            {"POST", "/releases?safer=" + long[:8<<10], "service: ranker\n", []asks{yaml}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, signIn(t))
			if code, e := s.api(c.method, c.path, c.body, c.more...); code != 400 || len(e.Error) > 16<<10 {
				t.Errorf("%d: an answer of %d bytes", code, len(e.Error))
			}
		})
	}
}

func TestEngineErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
		kind string
	}{
		{fmt.Errorf("release: %w", runbook.ErrNotFound), 404, "not_found"},
		{runbook.Refuse("bundle is quarantined"), 409, "refused"},
		{fmt.Errorf("plan: %w", runbook.ErrConflict), 409, "conflict"},
		{fmt.Errorf("%w: store is away", runbook.ErrLater), 503, "later"},
		{errors.New("cosmic ray"), 500, "internal"},
	} {
		s := newSite(t, signIn(t))
		s.fails = c.err
		for _, o := range orders[2:] {
			code, e := s.api(o.method, strings.TrimPrefix(o.path, "/api/v1"), o.body)
			if code != c.code || e.ErrorType != c.kind || e.Error != c.err.Error() {
				t.Errorf("%v: %s got %d %+v", c.err, o.path, code, e)
			}
		}
	}
}

func TestStart(t *testing.T) {
	for _, kind := range []string{"application/yaml", "application/x-yaml; charset=utf-8"} {
		s := newSite(t, signIn(t))
		if code, e := s.api("POST", "/releases", release, with("Content-Type", kind)); code != 200 {
			t.Fatalf("%s: %d %+v", kind, code, e)
		}
		if !slices.Equal(s.done(), []string{"start ranker by alice"}) {
			t.Errorf("did %v", s.done())
		}
	}
}

func TestListsAreNeverNull(t *testing.T) {
	s := newSite(t, signIn(t))
	s.status = view.Status{}
	for _, path := range []string{"/releases", "/incidents", "/status"} {
		if _, e := s.api("GET", path, ""); strings.Contains(string(e.Data), "null") {
			t.Errorf("%s: %s", path, e.Data)
		}
	}
}

func TestReady(t *testing.T) {
	s := newSite(t, signIn(t))
	if w := s.ask("GET", "/-/ready", "", as("alice")); w.Code != 200 {
		t.Error(w.Code)
	}
	s.fails = errors.New("runbooks/a.yaml:3: misspelt")
	if w := s.ask("POST", "/-/reload", "", as("alice")); w.Code != 500 || !strings.Contains(w.Body.String(), "nothing was changed: runbooks/a.yaml:3") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestClient sends every order through the client to a real server.
func TestClient(t *testing.T) {
	s := newSite(t, signIn(t))
	server := httptest.NewServer(s)
	defer server.Close()
	alice := api.Client{URL: server.URL + "/", HTTP: &http.Client{Transport: signer("alice")}}
	ctx := t.Context()

	st, err := alice.Status(ctx)
	if err != nil || len(st.Releases) != 1 || len(st.Quarantine) != 1 {
		t.Errorf("status: %+v, %v", st, err)
	}
	if rel, err := alice.Release(ctx, "ranker", "default"); err != nil || rel.ID != "rel-1" {
		t.Errorf("release: %+v, %v", rel, err)
	}
	if all, err := alice.Incidents(ctx); err != nil || len(all) != 1 {
		t.Errorf("incidents: %+v, %v", all, err)
	}
	if inc, err := alice.Incident(ctx, "inc-1"); err != nil || inc.Service != "ranker" {
		t.Errorf("incident: %+v, %v", inc, err)
	}
	if page, err := alice.Page(ctx, "inc-1"); err != nil || !strings.Contains(string(page), "inc-1") {
		t.Errorf("page: %s, %v", page, err)
	}
	if a, err := alice.Approval(ctx, "ap-1"); err != nil || a.Change != "sha256:plan" {
		t.Errorf("approval: %+v, %v", a, err)
	}
	if c, err := alice.Control(ctx); err != nil || c.Mode != runbook.Active {
		t.Errorf("control: %+v, %v", c, err)
	}
	s.unchanged("reading")

	if rel, err := alice.Start(ctx, []byte(release)); err != nil || rel.ID != "rel-1" {
		t.Errorf("start: %+v, %v", rel, err)
	}
	if rel, err := alice.StartWith(ctx, []byte(release), api.StartOptions{NotProved: " it & was?"}); err != nil || rel.ID != "rel-1" || !slices.Contains(s.done(), "start ranker by aliceit & was?") {
		t.Errorf("start on a stable side that is not proved: %+v, %v, %q", rel, err, s.done())
	}
	if _, err := alice.StartWith(ctx, []byte(release), api.StartOptions{NotProved: " "}); err == nil || !strings.Contains(err.Error(), "a reason is needed") {
		t.Errorf("start without a reason: %v", err)
	}
	if _, err := alice.StartWith(ctx, []byte(release), api.StartOptions{Safer: true}); err != nil || s.done()[len(s.done())-1] != "start ranker by alice, safer" {
		t.Errorf("start on a safer ramp: %v, %q", err, s.done())
	}
	if _, err := alice.RecordShadow(ctx, shadow.Gate{Service: "ranker", Verdict: shadow.Pass}); err != nil || s.done()[len(s.done())-1] != "shadow pass of ranker by alice" {
		t.Errorf("record: %v, %q", err, s.done())
	}
	if _, err := alice.StartMirror(ctx, "ranker", "default", runbook.MirrorOrder{Percent: 5, For: runbook.Duration(time.Hour)}); err != nil || s.done()[len(s.done())-1] != "mirror ranker/default 5 % for 1h by alice" {
		t.Errorf("mirror: %v, %q", err, s.done())
	}
	if _, err := alice.StopMirror(ctx, "ranker", "default", "slow"); err != nil {
		t.Errorf("stop the mirror: %v", err)
	}
	if inc, err := alice.Rollback(ctx, "ranker", "default", "slow"); err != nil || inc.ID != "inc-1" {
		t.Errorf("rollback: %+v, %v", inc, err)
	}
	if _, err := alice.AcceptSplit(ctx, "ranker", "default", "fine"); err != nil {
		t.Errorf("let go: %v", err)
	}
	if rel, err := alice.Promote(ctx, "ranker", "default"); err != nil || rel.ID != "rel-1" {
		t.Errorf("promote: %+v, %v", rel, err)
	}
	if _, err := alice.Flip(ctx, "ranker", "default"); err != nil {
		t.Errorf("flip: %v", err)
	}
	if _, err := alice.Hold(ctx, "ranker", "default", "odd"); err != nil {
		t.Errorf("hold: %v", err)
	}
	if _, err := alice.Resume(ctx, "ranker", "default", "fine"); err != nil {
		t.Errorf("resume: %v", err)
	}
	if p, err := alice.RampPlan(ctx, "ranker", "default"); err != nil || len(p.Steps) != 1 {
		t.Errorf("plan: %+v, %v", p, err)
	}
	if a, err := alice.Answer(ctx, "ap-1", api.Decision{Decision: "approve", Service: "ranker"}); err != nil || a.By != "alice" {
		t.Errorf("answer: %+v, %v", a, err)
	}
	until := time.Now().Add(time.Hour).UTC()
	if c, err := alice.SetControl(ctx, record.Control{Mode: runbook.Paused, Reason: "drill", Until: until, By: "mallory"}); err != nil || c.By != "alice" || !c.Until.Equal(until) {
		t.Errorf("set control: %+v, %v", c, err)
	}
	if err := alice.Lift(ctx, bundle, "fixed"); err != nil {
		t.Errorf("lift: %v", err)
	}
	want := []string{
		"start ranker by alice", "start ranker by aliceit & was?", "start ranker by alice, safer",
		"shadow pass of ranker by alice", "mirror ranker/default 5 % for 1h by alice", "stop the mirror ranker/default by alice: slow", "rollback ranker/default by alice: slow", "accept split ranker/default by alice: fine",
		"promote ranker/default by alice", "flip ranker/default by alice", "stop ranker/default by alice: odd", "resume ranker/default by alice: fine",
		"approved ap-1 by alice (basic_auth): ", "control paused by alice: drill", "lift " + bundle + " by alice: fixed",
	}
	if !slices.Equal(s.done(), want) {
		t.Errorf("did %q, want %q", s.done(), want)
	}
}

func TestClientErrors(t *testing.T) {
	s := newSite(t, signIn(t))
	server := httptest.NewServer(s)
	defer server.Close()
	alice := api.Client{URL: server.URL, HTTP: &http.Client{Transport: signer("alice")}}
	for _, want := range []error{runbook.ErrNotFound, runbook.ErrRefused, runbook.ErrForbidden, runbook.ErrConflict, runbook.ErrLater} {
		s.fails = fmt.Errorf("because: %w", want)
		_, err := alice.Rollback(t.Context(), "ranker", "default", "slow")
		if !errors.Is(err, want) || err.Error() != s.fails.Error() {
			t.Errorf("got %v, want %v", err, s.fails)
		}
	}
	s.fails = runbook.Forbid("bob may not")
	if _, err := alice.Rollback(t.Context(), "ranker", "default", "slow"); !errors.Is(err, runbook.ErrForbidden) || !errors.Is(err, runbook.ErrRefused) {
		t.Errorf("somebody who is forbidden it is refused with %v", err)
	}
	if _, err := (api.Client{URL: server.URL}).Rollback(t.Context(), "ranker", "default", "slow"); err == nil || !strings.Contains(err.Error(), "sign in first") {
		t.Errorf("without a name: %v", err)
	}
	if _, err := alice.Incident(t.Context(), "../control"); !errors.Is(err, runbook.ErrNotFound) {
		t.Errorf("a hostile id: %v", err)
	}
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	if _, err := (api.Client{URL: other.URL}).Status(t.Context()); err == nil || !strings.Contains(err.Error(), "the daemon answers 404 Not Found") {
		t.Errorf("another program: %v", err)
	}
}

// signer puts a person's password on each request.
type signer string

func (s signer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	as(string(s))(r)
	return http.DefaultTransport.RoundTrip(r)
}
