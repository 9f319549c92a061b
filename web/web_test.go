package web_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/crypto/bcrypt"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/view"
	"github.com/autorollback/autorollback/web"
)

// world is an engine made of maps: what it keeps is what a test looks at.
type world struct {
	mu           sync.Mutex
	status       view.Status
	incidents    map[string]record.Incident
	approvals    map[string]record.Approval
	orders       []record.Order // that change nothing in the store
	tried        []string       // and was refused
	changes      []string       // every order carried out, one line each
	fails        error          // what orders end with
	unread       error          // what reading the status ends with
	significance record.Significance
	breach       record.State
	noRollback   string // why none is possible now
	triggers     []view.TriggerNow
	waiting      []record.WaitingOrder
	overtakes    *record.Control // somebody sets it between the page's look and its order
	plan         string          // digest of the change as it would be now
	board        view.Board
	barred       string // why orders would be refused
	curves       []record.Curve
	sparked      []runbook.Trigger // of the ranker's runbook
	looked       int               // how often the board was asked for
	bars         map[record.OrderAction]string
	list         []record.Incident
	approvers    []string
	operators    []string
}

const bundle = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func newWorld() *world {
	now := time.Now()
	inc := record.Incident{
		ID: "inc-1", Service: "ranker", Region: "default", Phase: record.Awaiting, Triggers: []string{"latency"},
		Breach:   record.Breach{Trigger: "latency", Severity: runbook.Mild, State: record.Breaching, Value: 0.34},
		Decision: record.Decision{Action: record.Ask, Reasons: []string{"the breach is mild"}},
		Stable:   record.Side{Version: "v1", Bundle: bundle}, Candidate: record.Side{Version: "v2", Bundle: bundle}, OpenedAt: now,
	}
	a := record.Approval{
		ID: "ap-1", Kind: "rollback", Service: "ranker", Region: "default", Incident: "inc-1", Release: "rel-1", Epoch: 2,
		Change: "sha256:plan", Indexes: map[string]uint64{"traefik/a": 7}, Status: record.Pending, CreatedAt: now, ExpiresAt: now.Add(15 * time.Minute),
	}
	rel := record.Release{ID: "rel-1", Service: "ranker", Region: "default", Weight: 5, Phase: record.Open, Stable: inc.Stable, Candidate: inc.Candidate, StartedAt: now}
	w := &world{
		status: view.Status{
			Control: record.Control{Mode: runbook.Active}, Releases: []record.Release{rel}, Incidents: []record.Incident{inc}, Approvals: []record.Approval{a},
			Quarantine: []record.Quarantine{{Bundle: bundle, Service: "ranker", Incident: "inc-0", Reason: "latency"}},
		},
		incidents: map[string]record.Incident{"inc-1": inc}, approvals: map[string]record.Approval{"ap-1": a},
		breach: record.Breaching, plan: "sha256:plan", approvers: []string{"alice"},
	}
	return w
}

func (w *world) do(format string, args ...any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fails == nil {
		w.changes = append(w.changes, fmt.Sprintf(format, args...))
	}
	return w.fails
}

func (w *world) runbooks() []*runbook.Runbook {
	return []*runbook.Runbook{{Service: "ranker", Policy: runbook.Policy{Approvers: w.approvers, Operators: w.operators}},
		{Service: "search", Policy: runbook.Policy{Approvers: []string{"sara"}, Operators: []string{"sven"}}}}
}

func (w *world) done() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.changes
}

func (w *world) Examine(context.Context) (view.Examination, error) {
	return view.Examination{Checks: []view.Check{{Part: "store", Name: "reads", State: view.CheckOK}}}, w.unread
}

func (w *world) Fire(context.Context) (view.Firing, error) { return view.Firing{}, w.do("fire") }

func (w *world) Status(context.Context) (view.Status, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.status, w.unread
}

func (w *world) Board(context.Context) (view.Board, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looked++
	b := w.board
	b.At, b.Control = time.Now(), w.status.Control
	b.Standings = slices.Clone(b.Standings)
	for _, rel := range w.status.Releases {
		one := view.Standing{Service: rel.Service, Region: rel.Region, Release: &rel, Control: b.Control, Refused: w.bars}
		if rel.ID == "rel-1" {
			one.Runbook, one.Incident = w.runbooks()[0], &w.status.Incidents[0]
			one.Runbook.Triggers = w.sparked
			if a := w.approvals["ap-1"]; a.Status == record.Pending {
				one.Question = &a
			}
		}
		b.Standings = append(b.Standings, one)
	}
	return b, w.unread
}

func (w *world) looks() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.looked
}

func (w *world) Curves(_ context.Context, service, _ string) ([]record.Curve, error) {
	if service != "ranker" {
		return nil, errors.New("no release of " + service)
	}
	return w.curves, nil
}

func (w *world) Incidents(_ context.Context, q view.IncidentQuery) (view.IncidentPage, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return q.Page(append(slices.Clone(w.list), w.status.Incidents...)), w.unread
}

// Preview is of the world's plan.
func (w *world) Preview(_ context.Context, service, region string, in record.Intent, _ record.Caller) (view.Preview, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := view.Preview{Intent: in, Service: service, Region: region, Release: w.status.Releases[0], Plan: w.plan, Refused: w.barred}
	p.Release.Stable.Backend, p.Release.Candidate.Backend = "b1", "b2"
	if in.Action == record.OrderRollback {
		p.Change = record.Change{Digest: "sha256:keys", From: record.Split{"b1": 95, "b2": 5}, To: record.Split{"b1": 100},
			Keys: []record.KeyChange{{Key: "traefik/weight", From: "<5>", To: "0"}}}
	}
	return p, w.unread
}

// Act carries out what was shown.
func (w *world) Act(_ context.Context, service, region string, in record.Intent, by record.Caller) (record.Release, error) {
	if in.Plan != w.plan {
		return record.Release{}, fmt.Errorf("%s: %w", in.Action, runbook.ErrConflict)
	}
	return w.status.Releases[0], w.do("%s %s/%s by %s: %s", in.Action, service, region, by.Name, in.Reason)
}

func (w *world) Incident(_ context.Context, id string) (record.Incident, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	inc, ok := w.incidents[id]
	if !ok {
		return inc, fmt.Errorf("incident %s: %w", id, runbook.ErrNotFound)
	}
	return inc, nil
}

func (w *world) Approval(_ context.Context, id string) (record.Approval, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a, ok := w.approvals[id]
	if !ok {
		return a, fmt.Errorf("approval %s: %w", id, runbook.ErrNotFound)
	}
	return a, nil
}

// Answer takes what the policy takes.
func (w *world) Answer(_ context.Context, id string, by record.Caller, in record.Reply) (record.Approval, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.approvals[id]
	if w.fails != nil {
		return a, w.fails
	}
	reply := policy.Reply{
		Runbook: &runbook.Runbook{Service: a.Service, Policy: runbook.Policy{Approvers: w.approvers}}, Approval: a,
		Release: record.Release{Phase: record.Open, Epoch: a.Epoch}, Plan: a.Change, Now: record.Breach{State: w.breach}, By: by, Reply: in,
	}
	if err := policy.Answer(reply, time.Now()); err != nil {
		return a, err
	}
	a.Status, a.By, a.How, a.Reason, a.DecidedAt = record.Approved, by.Name, by.How, in.Reason, time.Now()
	if !in.Yes {
		a.Status = record.Rejected
	}
	w.approvals[id] = a
	w.changes = append(w.changes, fmt.Sprintf("%s %s by %s (%s): %s", a.Status, id, by.Name, by.How, in.Reason))
	return a, nil
}

func (w *world) Start(_ context.Context, l runbook.Launch, by record.Caller) (record.Release, error) {
	safer := ""
	if l.Safer {
		safer = ", safer"
	}
	return w.status.Releases[0], w.do("start %s by %s%s%s", l.Service, by.Name, l.StableNotProved, safer)
}

func (w *world) Rollback(_ context.Context, service, region string, by record.Caller, reason string) (record.Incident, error) {
	return w.incidents["inc-1"], w.do("rollback %s/%s by %s: %s", service, region, by.Name, reason)
}

func (w *world) RollbackAll(_ context.Context, service string, by record.Caller, reason string) ([]view.RegionOutcome, error) {
	inc := w.incidents["inc-1"]
	return []view.RegionOutcome{{Region: "eu", Incident: &inc}, {Region: "us", Pending: "order-1", Problem: "no route"}},
		w.do("rollback %s everywhere by %s: %s", service, by.Name, reason)
}

func (w *world) Release(context.Context, string, string) (record.Release, error) {
	return w.release(), w.unread
}

// release is the first one as it stands now.
func (w *world) release() record.Release {
	rel := w.status.Releases[0]
	if w.noRollback != "" {
		rel.Standby = &record.Standby{State: record.Cold, Why: w.noRollback}
	}
	return rel
}

func (w *world) AcceptSplit(_ context.Context, service, region string, by record.Caller, reason string) (record.Release, error) {
	return w.status.Releases[0], w.do("accept split %s/%s by %s: %s", service, region, by.Name, reason)
}

func (w *world) RecordShadow(_ context.Context, g shadow.Gate, by record.Caller) (record.ShadowVerdict, error) {
	return record.ShadowVerdict{}, w.do("shadow %s of %s by %s", g.Verdict, g.Service, by.Name)
}

func (w *world) StartMirror(_ context.Context, service, region string, o runbook.MirrorOrder, by record.Caller) (record.Mirror, error) {
	return record.Mirror{}, w.do("mirror %s/%s %d %% for %s by %s", service, region, o.Percent, o.For, by.Name)
}

func (w *world) StopMirror(_ context.Context, service, region string, by record.Caller, reason string) (record.Mirror, error) {
	return record.Mirror{}, w.do("stop the mirror %s/%s by %s: %s", service, region, by.Name, reason)
}

func (w *world) Recovery(_ context.Context, service, region string) (view.Recovery, error) {
	return view.Recovery{Service: service, Region: region, Plan: "sha256:plan"}, w.unread
}

func (w *world) Recover(_ context.Context, service, region string, by record.Caller, reason, plan string) (view.Recovery, error) {
	return view.Recovery{}, w.do("recover %s/%s %s by %s: %s", service, region, plan, by.Name, reason)
}

func (w *world) Promote(_ context.Context, service, region string, by record.Caller) (record.Release, error) {
	return w.status.Releases[0], w.do("promote %s/%s by %s", service, region, by.Name)
}

func (w *world) Flip(_ context.Context, service, region string, by record.Caller) (record.Release, error) {
	return w.status.Releases[0], w.do("flip %s/%s by %s", service, region, by.Name)
}

func (w *world) Stop(_ context.Context, service, region string, by record.Caller, reason string) (record.Release, error) {
	return w.status.Releases[0], w.do("stop %s/%s by %s: %s", service, region, by.Name, reason)
}

func (w *world) Resume(_ context.Context, service, region string, by record.Caller, reason string) (record.Release, error) {
	return w.status.Releases[0], w.do("resume %s/%s by %s: %s", service, region, by.Name, reason)
}

func (w *world) RampPlan(_ context.Context, service, region string) (view.RampPlan, error) {
	return view.RampPlan{Service: service, Region: region, Steps: []view.PlannedStep{{Weight: 5}}}, w.unread
}

func (w *world) Why(_ context.Context, name, trigger string) (view.Why, error) {
	if name != "ranker" && name != "inc-1" {
		return view.Why{}, runbook.ErrNotFound
	}
	why := view.Why{Service: "ranker", Trigger: trigger, Replica: "here", Since: time.Date(2030, 5, 6, 9, 0, 0, 0, time.UTC), Alerts: w.status.Alerts}
	if inc, ok := w.incidents[name]; ok {
		why.Incident, why.Rechecks = &inc, []view.Recheck{{What: "decision", Known: true, Text: "it comes out <b>differently</b>"}}
	}
	return why, w.unread
}

func (w *world) SetControl(_ context.Context, c record.Control, plan string, by record.Caller) error {
	w.mu.Lock()
	if w.overtakes != nil {
		w.status.Control = *w.overtakes
	}
	now := w.status.Control
	w.mu.Unlock()
	if plan != "" && plan != now.PlanDigest() {
		return fmt.Errorf("%w: somebody set the stop switch to %s meanwhile", runbook.ErrConflict, now.Mode)
	}
	return w.do("control %s by %s: %s", c.Mode, by.Name, c.Reason)
}

func (w *world) Lift(_ context.Context, digest string, by record.Caller, reason string) error {
	return w.do("lift %s by %s: %s", digest, by.Name, reason)
}

// Ordered keeps what it is told; what the order does is kept by whoever does it.
func (w *world) Ordered(_ context.Context, o record.Order) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.orders = append(w.orders, o)
	return nil
}

// Refused keeps who tried what.
func (w *world) Refused(by record.Caller, tried, _ string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tried = append(w.tried, by.Name+" "+tried)
}

func (w *world) Orders(_ context.Context, q view.OrderQuery) ([]record.Order, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return q.Newest(slices.Clone(w.orders)), w.unread
}

// site is a handler over a world, and what a test needs to talk to it.
type site struct {
	http.Handler
	*world
	t    *testing.T
	ring report.Keyring
	reg  *prometheus.Registry
	deps web.Deps
}

// newSite has a roles file in which alice and bob may do everything but approve: approvers are
// the runbook's.
func newSite(t *testing.T, auth web.Auth) *site {
	t.Helper()
	if auth.RolesFile == "" && !auth.InsecureNoAuth {
		auth.RolesFile = write(t, "roles: {operate: [alice, bob], admin: [alice, bob]}\n")
	}
	return siteOf(t, auth)
}

// siteOf has the files that auth names, and no others.
func siteOf(t *testing.T, auth web.Auth) *site {
	t.Helper()
	w := newWorld()
	ring, err := report.ParseKeyring([]byte(report.GenerateKey().Reveal()))
	if err != nil {
		t.Fatal(err)
	}
	reg := prometheus.NewPedanticRegistry()
	deps := web.Deps{
		Engine: w, Tokens: ring, Auth: auth,
		Runbooks: func() []*runbook.Runbook { return w.runbooks() },
		Live: func(context.Context, record.Approval) (view.Live, error) {
			return view.Live{Release: w.release(), Triggers: w.triggers, Waiting: w.waiting,
				Breach: record.Breach{State: w.breach, Value: 0.34, AskedAt: time.Now(), Problem: w.significance.Problem, Significance: w.significance},
				Plan: record.Change{Digest: w.plan, From: record.Split{"v1": 95, "v2": 5}, To: record.Split{"v1": 100},
					Keys: []record.KeyChange{{Key: "traefik/weight", From: "5", To: "0"}}},
			}, nil
		},
		Export: func(_ context.Context, inc record.Incident) ([]byte, error) { return []byte("<p>" + inc.ID), nil },
		Page: func(_ context.Context, inc record.Incident) ([]byte, error) {
			return []byte("<html><style>p{}</style>" + inc.ID + "</html>"), nil
		},
		Markdown: func(_ context.Context, inc record.Incident) ([]byte, error) { return []byte("# " + inc.ID), nil },
		FollowUp: func(_ context.Context, inc record.Incident) (view.FollowUp, error) {
			return view.FollowUp{Incident: inc.ID, Files: map[string]string{"review.md": "# " + inc.ID}}, nil
		},
		Flags: func(_ context.Context, service, region, format string) (api.FlagExport, error) {
			return api.FlagExport{Document: map[string]string{"service": service, "region": region, "format": format}}, nil
		},
		Ready:    func() error { return nil },
		Reload:   func(context.Context) error { return w.do("reload") },
		Doctor:   w,
		Gatherer: reg, Registerer: reg, Log: zap.NewNop(),
	}
	return &site{Handler: web.Handler(deps), world: w, t: t, ring: ring, reg: reg, deps: deps}
}

// signIn is a web configuration in which alice and bob have passwords.
func signIn(t *testing.T) web.Auth {
	t.Helper()
	text := "basic_auth_users:\n"
	for _, name := range []string{"alice", "bob"} {
		text += "  " + name + ": " + hashOf(name) + "\n"
	}
	return web.Auth{ConfigFile: write(t, text)}
}

// hashOf is slow under the race detector, so each is made once.
var hashOf = func() func(string) string {
	var known sync.Map
	return func(name string) string {
		once, _ := known.LoadOrStore(name, sync.OnceValue(func() string {
			hash, err := bcrypt.GenerateFromPassword([]byte(name+"-secret"), bcrypt.MinCost)
			if err != nil {
				panic(err)
			}
			return string(hash)
		}))
		return once.(func() string)()
	}
}()

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "web.yml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

type asks func(*http.Request)

func as(name string) asks { return func(r *http.Request) { r.SetBasicAuth(name, name+"-secret") } }

func with(header, value string) asks {
	return func(r *http.Request) { r.Header.Set(header, value) }
}

func (s *site) ask(method, path, body string, more ...asks) *httptest.ResponseRecorder {
	s.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "rollback.example"
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, m := range more {
		m(r)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func (s *site) token() string { return s.ring.Sign(s.approvals["ap-1"]) }

func (s *site) link() string { return "/approve/" + s.token() }

var planField = regexp.MustCompile(`name="plan" value="([^"]*)"`)

// fill opens the link and returns the form as a good approver would send it, with
// the browser's cookie, whose value every form of the page has.
func (s *site) fill(link string, change url.Values, more ...asks) *http.Request {
	s.t.Helper()
	page := s.ask(http.MethodGet, link, "", more...)
	form := url.Values{"service": {"ranker"}, "decision": {"approve"}}
	for _, c := range page.Result().Cookies() {
		form.Set("nonce", c.Value)
	}
	if m := planField.FindStringSubmatch(page.Body.String()); m != nil { // an order's, and not an approval's
		form = url.Values{"nonce": form["nonce"], "plan": {m[1]}, "reason": {"it is slow"}, "mode": {"paused"}, "for": {"1h0m0s"}}
	}
	for k, v := range change {
		form[k] = v
	}
	r := httptest.NewRequest(http.MethodPost, link, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Host = "rollback.example"
	for _, c := range page.Result().Cookies() {
		r.AddCookie(c)
	}
	for _, m := range more {
		m(r)
	}
	return r
}

func (s *site) send(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func (s *site) unchanged(what string) {
	s.t.Helper()
	if got := s.done(); len(got) > 0 {
		s.t.Errorf("%s: changed something: %v", what, got)
	}
}

func drain(r io.Reader) string {
	text, _ := io.ReadAll(r)
	return string(text)
}
