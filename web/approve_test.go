package web_test

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
)

func TestApprovalPage(t *testing.T) {
	s := newSite(t, signIn(t))
	w := s.ask("GET", s.link(), "", as("alice"))
	if w.Code != 200 {
		t.Fatalf("answers %d: %s", w.Code, w.Body)
	}
	page := w.Body.String()
	for _, want := range []string{
		"Roll v2 back to v1?", "inc-1", "latency", "the breach is mild", "v1", "v2", "traefik/weight", "<td>95</td><td>100</td>", "<td>5</td><td>0</td>",
		"sha256:plan", "epoch 2", "alice (signed in with a password)", "still so", "0.34",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	for _, not := range []string{"<script src", "http-equiv", "og:", "onload", "autofocus", "javascript:", s.token()} {
		if strings.Contains(page, not) {
			t.Errorf("the page has %q in it", not)
		}
	}
	cookie := w.Result().Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite != http.SameSiteStrictMode || cookie.Path != "/approve/" {
		t.Errorf("cookie is %v", cookie)
	}
	s.unchanged("opening the link")
}

// Whoever says yes must know that the last known good could not take the traffic.
func TestApprovalPageSaysThatNoRollbackIsPossible(t *testing.T) {
	s := newSite(t, signIn(t))
	const why = "A rollback is not possible right now: v1 has 1 pod ready and needs 2"
	if page := s.ask("GET", s.link(), "", as("alice")).Body.String(); strings.Contains(page, "not possible") {
		t.Error("a warm standby is called cold")
	}
	s.noRollback = "v1 has 1 pod ready and needs 2"
	if page := s.ask("GET", s.link(), "", as("alice")).Body.String(); strings.Count(page, why) != 1 {
		t.Errorf("the page does not say once %q", why)
	}
}

// What the page says of the statistics, where there are some.
func TestApprovalPageTellsTheSignificance(t *testing.T) {
	at := time.Now()
	for _, c := range []struct {
		name  string
		state record.State
		sig   record.Significance
		says  string
	}{
		{"proved", record.Breaching, record.Significance{At: at, Value: 1.3}, "effect 0.34, significance 1.3 (1 is proved)"},
		{"none", record.Breaching, record.Significance{}, "effect 0.34 (asked"},
		{"rebuilding", record.Unreachable, record.Significance{At: at, Problem: "it is being rebuilt"}, "Whether it is still more than chance cannot be told yet</strong>, asked"},
		{"away", record.Unreachable, record.Significance{}, "Prometheus does not answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, signIn(t))
			s.breach, s.significance = c.state, c.sig
			if page := s.ask("GET", s.link(), "", as("alice")).Body.String(); !strings.Contains(page, c.says) {
				t.Errorf("the page does not say %q: %s", c.says, page)
			}
		})
	}
}

func TestAnswers(t *testing.T) {
	basic := func(change url.Values) func(*site) *http.Request {
		return func(s *site) *http.Request { return s.fill(s.link(), change, as("alice")) }
	}
	for _, c := range []struct {
		name   string
		before func(*site)
		form   func(*site) *http.Request
		code   int
		says   string
		does   string
	}{
		{"approve", nil, basic(nil), 200, "Approved by alice", "approved ap-1 by alice (basic_auth): "},
		{"reject", nil, basic(url.Values{"decision": {"reject"}, "reason": {"known and\u202e fine"}}), 200, "Rejected by alice", "rejected ap-1 by alice (basic_auth): known and fine"},
		{"reject without a reason", nil, basic(url.Values{"decision": {"reject"}, "reason": {" "}}), 409, "Give a reason to reject", ""},
		{"no decision", nil, basic(url.Values{"decision": {""}}), 400, "must be approve or reject", ""},
		{"wrong service", nil, basic(url.Values{"service": {"Ranker"}}), 400, "Type the service", ""},
		{"no nonce", nil, basic(url.Values{"nonce": {""}}), 403, "This form is not ours", ""},
		{"other nonce", nil, basic(url.Values{"nonce": {"ABCDEFGHIJKLMNOPQRSTUVWXYZ"}}), 403, "This form is not ours", ""},
		{"no cookie", nil, func(s *site) *http.Request {
			r := s.fill(s.link(), nil, as("alice"))
			r.Header.Del("Cookie")
			return r
		}, 403, "This form is not ours", ""},
		{"nobody", nil, func(s *site) *http.Request { return s.fill(s.link(), nil) }, 401, "sign in first", ""},
		{"not an approver", nil, func(s *site) *http.Request { return s.fill(s.link(), nil, as("bob")) }, 403, "bob is not among the approvers", ""},
		{"not an approver rejects", nil, func(s *site) *http.Request {
			return s.fill(s.link(), url.Values{"decision": {"reject"}, "reason": {"no"}}, as("bob"))
		}, 403, "bob is not among the approvers", ""},
		{"no approvers", func(s *site) { s.approvers = nil }, basic(nil), 403, "not among the approvers", ""},
		{"cleared", func(s *site) { s.breach = record.NotBreaching }, basic(nil), 409, "it is not breaching any more. Roll back anyway?", ""},
		{"cleared, anyway", func(s *site) { s.breach = record.NotBreaching }, basic(url.Values{"anyway": {"yes"}}), 200, "Approved by alice", "approved ap-1 by alice (basic_auth): "},
		{"Prometheus away", func(s *site) { s.breach = record.Unreachable }, basic(nil), 409, "meanwhile Prometheus does not answer", ""},
		{"stale plan", func(s *site) { s.plan = "sha256:other" }, basic(nil), 409, "The plan has changed", ""},
		{"engine says stale", func(s *site) { s.fails = fmt.Errorf("approve: %w", runbook.ErrConflict) }, basic(nil), 409, "The plan has changed", ""},
		{"engine refuses", func(s *site) { s.fails = runbook.Refuse("the budget is spent") }, basic(nil), 409, "the budget is spent", ""},
		{"store away", func(s *site) { s.fails = runbook.ErrLater }, basic(nil), 503, "Not now", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, signIn(t))
			if c.before != nil {
				c.before(s)
			}
			w := s.send(c.form(s))
			if w.Code != c.code || !strings.Contains(w.Body.String(), c.says) {
				t.Errorf("answers %d, want %d with %q: %s", w.Code, c.code, c.says, w.Body)
			}
			if got := strings.Join(s.done(), "\n"); got != c.does {
				t.Errorf("did %q, want %q", got, c.does)
			}
		})
	}
}

// TestLinksThatAreOver: a link whose question is over explains itself, to GET and to
// POST alike, and changes nothing.
func TestLinksThatAreOver(t *testing.T) {
	set := func(change func(*record.Approval)) func(*site) string {
		return func(s *site) string {
			link := s.link()
			a := s.approvals["ap-1"]
			change(&a)
			s.approvals["ap-1"] = a
			return link
		}
	}
	sign := func(change func(*record.Approval)) func(*site) string {
		return func(s *site) string {
			a := s.approvals["ap-1"]
			change(&a)
			return "/approve/" + s.ring.Sign(a)
		}
	}
	for _, c := range []struct {
		name string
		link func(*site) string
		code int
		says string
	}{
		{"no token", func(*site) string { return "/approve/x" }, 404, "There is no such question"},
		{"unknown approval", sign(func(a *record.Approval) { a.ID = "ap-9" }), 404, "There is no such question"},
		{"of another incident", sign(func(a *record.Approval) { a.Incident = "inc-9" }), 404, "There is no such question"},
		{"of another audience", func(s *site) string { return "/approve/" + s.ring.For("staging").Sign(s.approvals["ap-1"]) }, 404, "There is no such question"},
		{"expired link", sign(func(a *record.Approval) { a.ExpiresAt = time.Now().Add(-time.Second) }), 410, "This question has expired"},
		{"expired question", set(func(a *record.Approval) { a.Status = record.Expired }), 410, "This question has expired"},
		{"overtaken", set(func(a *record.Approval) { a.Status = record.Superseded }), 410, "overtaken"},
		{"used", set(func(a *record.Approval) { a.Status, a.By, a.How = record.Approved, "alice", "basic_auth" }), 409, "Approved by alice (signed in with a password)"},
		{"other change", set(func(a *record.Approval) { a.Change = "sha256:new" }), 409, "The plan has changed"},
		{"later epoch", set(func(a *record.Approval) { a.Epoch++ }), 409, "The plan has changed"},
		{"keys written since", set(func(a *record.Approval) { a.Indexes = map[string]uint64{"traefik/a": 8} }), 409, "The plan has changed"},
		{"expiry moved", set(func(a *record.Approval) { a.ExpiresAt = a.ExpiresAt.Add(time.Hour) }), 409, "The plan has changed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, signIn(t))
			link := c.link(s)
			form := s.fill(link, nil, as("alice"))
			for _, w := range []int{0, 1} {
				got := s.ask("GET", link, "", as("alice"))
				if w == 1 {
					got = s.send(form)
				}
				if got.Code != c.code || !strings.Contains(got.Body.String(), c.says) {
					t.Errorf("answers %d, want %d with %q: %s", got.Code, c.code, c.says, got.Body)
				}
				if strings.Contains(got.Body.String(), "<form") {
					t.Error("there is a form to fill in")
				}
			}
			s.unchanged(c.name)
		})
	}
}

// TestMutatedTokens: no change of a token is let in, by GET or POST, by page or API.
func TestMutatedTokens(t *testing.T) {
	s := newSite(t, insecure(t))
	token := s.token()
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	form := s.fill(s.link(), nil)
	for i := range 1000 {
		m := slices.Clone(raw)
		switch i % 4 {
		case 0:
			m[rng.IntN(len(m))] ^= 1 << rng.IntN(8)
		case 1:
			m = m[:rng.IntN(len(m))]
		case 2:
			at := rng.IntN(len(m))
			m = slices.Insert(m, at, byte(rng.Uint32()))
		case 3:
			a, b := rng.IntN(len(m)), rng.IntN(len(m))
			if m[a] == m[b] {
				m[a]++
			} else {
				m[a], m[b] = m[b], m[a]
			}
		}
		mutant := base64.RawURLEncoding.EncodeToString(m)
		if mutant == token {
			t.Fatal("not a mutant")
		}
		if w := s.ask("GET", "/approve/"+mutant, ""); w.Code != 404 {
			t.Fatalf("GET %s answers %d", mutant, w.Code)
		}
		r := form.Clone(t.Context())
		r.URL.Path = "/approve/" + mutant
		if w := s.send(r); w.Code != 404 {
			t.Fatalf("POST %s answers %d", mutant, w.Code)
		}
		if w := s.ask("POST", "/api/v1/approvals/ap-1", `{"decision":"approve","service":"ranker","token":"`+mutant+`"}`); w.Code != 403 {
			t.Fatalf("API %s answers %d", mutant, w.Code)
		}
	}
	s.unchanged("mutated tokens")
	if w := s.send(s.fill(s.link(), nil)); w.Code != 200 {
		t.Errorf("the true one answers %d: %s", w.Code, w.Body)
	}
}

func TestLinkOnlyIsCalledByItsName(t *testing.T) {
	s := newSite(t, insecure(t))
	if page := s.ask("GET", s.link(), "").Body.String(); !strings.Contains(page, "records it as link_only") {
		t.Error("the page does not say that the link alone approves")
	}
	w := s.send(s.fill(s.link(), nil))
	if w.Code != 200 || !strings.Contains(w.Body.String(), "by link only: nobody signed in") {
		t.Errorf("answers %d: %s", w.Code, w.Body)
	}
	if want := "approved ap-1 by holder of the link (link_only): "; !slices.Equal(s.done(), []string{want}) {
		t.Errorf("did %v", s.done())
	}
}

// TestQuietByAPI: who approves by the API while nothing says that the trigger breaches says that it
// is wanted anyway, as on the page.
func TestQuietByAPI(t *testing.T) {
	for state, word := range map[record.State]string{record.NotBreaching: "not breaching any more", record.NoData: "no data", record.Unreachable: "not known"} {
		s := newSite(t, signIn(t))
		s.breach = state
		answer := func(more string) *httptest.ResponseRecorder {
			return s.ask("POST", "/api/v1/approvals/ap-1", `{"decision":"approve","service":"ranker"`+more+`}`, as("alice"))
		}
		if w := answer(""); w.Code != 409 || !strings.Contains(w.Body.String(), word) || !strings.Contains(w.Body.String(), "--anyway") {
			t.Errorf("%s: answers %d %s", state, w.Code, w.Body)
		}
		if w := answer(`,"anyway":false`); w.Code != 409 {
			t.Errorf("%s: answers %d %s", state, w.Code, w.Body)
		}
		s.unchanged(string(state))
		if w := answer(`,"anyway":true`); w.Code != 200 {
			t.Errorf("%s: answers %d %s", state, w.Code, w.Body)
		}
	}
}

// TestAnswerByAPI is the same question at the command line's door.
func TestAnswerByAPI(t *testing.T) {
	order := func(decision, token string) string {
		return fmt.Sprintf(`{"decision":%q,"service":"ranker","reason":"looked at it","token":%q}`, decision, token)
	}
	for _, c := range []struct {
		name   string
		person person
		body   func(*site) string
		code   int
		does   string
	}{
		{"approver", person{auth: signIn, show: as("alice")}, func(*site) string { return order("approve", "") }, 200, "approved ap-1 by alice (basic_auth): looked at it"},
		{"approver with the link", person{auth: signIn, show: as("alice")}, func(s *site) string { return order("reject", s.token()) }, 200, "rejected ap-1 by alice (basic_auth): looked at it"},
		{"approver with a wrong link", person{auth: signIn, show: as("alice")}, func(*site) string { return order("approve", "AAAA") }, 403, ""},
		{"somebody else", person{auth: signIn, show: as("bob")}, func(s *site) string { return order("approve", s.token()) }, 403, ""},
		{"nobody, with the link", person{auth: signIn, show: nothing}, func(s *site) string { return order("approve", s.token()) }, 401, ""},
		{"nothing configured, with the link", person{auth: config(""), show: nothing}, func(s *site) string { return order("approve", s.token()) }, 403, ""},
		{"insecure, with the link", person{auth: insecure, show: nothing}, func(s *site) string { return order("approve", s.token()) }, 200, "approved ap-1 by holder of the link (link_only): looked at it"},
		{"insecure, with the link of an earlier plan", person{auth: insecure, show: nothing}, func(s *site) string {
			a := s.approvals["ap-1"]
			a.Change = "sha256:earlier"
			return order("approve", s.ring.Sign(a))
		}, 403, ""},
		{"insecure, without", person{auth: insecure, show: nothing}, func(*site) string { return order("approve", "") }, 403, ""},
		{"client certificate", person{auth: config(certs), show: verified("alice")}, func(*site) string { return order("approve", "") }, 200, "approved ap-1 by alice (client_certificate): looked at it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, c.person.auth(t))
			w := s.ask("POST", "/api/v1/approvals/ap-1", c.body(s), c.person.show)
			if w.Code != c.code {
				t.Errorf("answers %d, want %d: %s", w.Code, c.code, w.Body)
			}
			if got := strings.Join(s.done(), "\n"); got != c.does {
				t.Errorf("did %q, want %q", got, c.does)
			}
		})
	}
}

// TestRace: many answers at once, by both doors; one is taken.
func TestRace(t *testing.T) {
	s := newSite(t, insecure(t))
	body := fmt.Sprintf(`{"decision":"reject","service":"ranker","reason":"r","token":%q}`, s.token())
	var wg sync.WaitGroup
	codes := make(chan int, 100)
	forms := make([]*http.Request, 100)
	for i := range forms {
		forms[i] = s.fill(s.link(), nil)
	}
	for i, form := range forms {
		wg.Go(func() {
			if i%2 == 0 {
				codes <- s.send(form).Code
				return
			}
			codes <- s.ask("POST", "/api/v1/approvals/ap-1", body).Code
		})
	}
	wg.Wait()
	close(codes)
	won := 0
	for code := range codes {
		switch code {
		case 200:
			won++
		case 409:
		default:
			t.Errorf("a loser gets %d", code)
		}
	}
	if won != 1 || len(s.done()) != 1 {
		t.Errorf("%d answers won, %v was done", won, s.done())
	}
}

// TestHostileValues: what came from outside is text on a page, whatever it contains.
func TestHostileValues(t *testing.T) {
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(1)>{{.}}javascript:alert(1)`
	s := newSite(t, signIn(t))
	inc := s.incidents["inc-1"]
	s.waiting = []record.WaitingOrder{{Order: record.Order{Action: record.OrderReject, Reason: evil, Caller: record.Caller{Name: evil}}}}
	inc.Breach.Trigger, inc.Decision.Reasons, inc.Triggers, inc.Stable.Version = evil, []string{evil}, []string{evil}, evil
	s.incidents["inc-1"] = inc
	s.status.Incidents = []record.Incident{inc, {ID: evil, Service: evil, Phase: record.Done, Verdict: &record.Verdict{Outcome: evil}}}
	s.status.Releases[0].Frozen, s.status.Releases[0].Candidate.Version = evil, evil
	s.status.Control.Reason = evil
	s.status.Quarantine[0].Reason = evil
	s.approvers = []string{evil}
	s.barred = evil
	for _, path := range []string{"/", "/incidents", "/records", "/control", "/services/ranker/default/rollback", s.link()} {
		page := s.ask("GET", path, "", as("alice")).Body.String()
		if strings.Contains(page, "<script>alert") || strings.Contains(page, "<img") || !strings.Contains(page, "&lt;script&gt;") {
			t.Errorf("%s: not escaped: %s", path, page)
		}
		if strings.Contains(page, `href="javascript:`) {
			t.Errorf("%s: a link runs a script", path)
		}
	}
	w := s.ask("GET", "/api/v1/status", "", as("alice"))
	if strings.Contains(w.Body.String(), "<script") || w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("the API answers %s", w.Body)
	}
}

func TestHeldReleaseIsAnotherQuestion(t *testing.T) {
	s := newSite(t, signIn(t))
	a := s.approvals["ap-1"]
	a.Kind = "release_hold"
	s.approvals["ap-1"] = a
	s.plan, s.breach = "sha256:whatever", record.NotBreaching
	page := s.ask("GET", s.link(), "", as("alice")).Body.String()
	if !strings.Contains(page, "Let v2 continue?") || strings.Contains(page, "Roll") {
		t.Error(page)
	}
	if w := s.send(s.fill(s.link(), nil, as("alice"))); w.Code != 200 || len(s.done()) != 1 {
		t.Errorf("answers %d, did %v", w.Code, s.done())
	}
}

// A step of the ramp has no incident: the page says what a yes does all the same.
func TestTheNextStepIsAQuestionWithoutIncident(t *testing.T) {
	s := newSite(t, signIn(t))
	a := s.approvals["ap-1"]
	a.Kind, a.Incident = "promote", ""
	s.approvals["ap-1"], s.breach = a, record.NotBreaching
	w := s.ask("GET", s.link(), "", as("alice"))
	if page := w.Body.String(); w.Code != 200 || !strings.Contains(page, "Take v2 from 5 % to 0 %?") || !strings.Contains(page, "sha256:plan") || strings.Contains(page, "/incidents/") {
		t.Fatalf("answers %d: %s", w.Code, page)
	}
	s.unchanged("opening the link")
	r := s.fill(s.link(), nil, as("alice"))
	s.plan = "sha256:other"
	if w := s.send(r); w.Code != 409 {
		t.Errorf("another plan: %d", w.Code)
	}
	s.plan = "sha256:plan"
	if w := s.send(s.fill(s.link(), nil, as("alice"))); w.Code != 200 || !slices.Equal(s.done(), []string{"approved ap-1 by alice (basic_auth): "}) {
		t.Errorf("answers %d, did %q", w.Code, s.done())
	}
}

func TestOtherPagesErrors(t *testing.T) {
	if _, err := (report.Keyring{}).Verify("x", time.Now()); err == nil {
		t.Fatal("an empty keyring accepts links")
	}
	s := newSite(t, signIn(t))
	s.approvals = nil
	for path, code := range map[string]int{
		"/incidents/inc-9": 404, "/incidents/..%2f..%2fcontrol": 404, "/nothing": 404,
		"/api/v1/incidents/inc-9": 404, "/api/v1/approvals/a%2f..%2fcontrol": 404, "/api/v1/releases/ranker/none": 404, "/api/v1/nothing": 404,
	} {
		if w := s.ask("GET", path, "", as("alice")); w.Code != code {
			t.Errorf("%s: answers %d", path, w.Code)
		}
	}
}
