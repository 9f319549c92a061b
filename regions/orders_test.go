package regions_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/bcrypt"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/engine"
	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/regions"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/test/openapi"
	"github.com/autorollback/autorollback/verify"
	"github.com/autorollback/autorollback/view"
	"github.com/autorollback/autorollback/web"
)

const routerKey = "routes/ranker/weights"

// A desk is a daemon's web handler on a real engine and a store in a file, and everything that was
// committed there.
type desk struct {
	nowhere
	t       *testing.T
	http    http.Handler
	set     *regions.Set
	engine  *engine.Engine
	ring    report.Keyring
	prom    *numbers
	file    store.Store
	logs    *observer.ObservedLogs
	stop    func()
	mu      sync.Mutex
	commits []store.Tx
	journal []record.Record
	mail    mailbox
	began   int // how many orders stood when the fire or the reload began; -1: neither did
}

func (d *desk) Read(ctx context.Context, prefixes ...string) (store.Snapshot, error) {
	return d.file.Read(ctx, prefixes...)
}

func (d *desk) Watch(ctx context.Context, prefix string, since uint64) (store.Snapshot, error) {
	return d.file.Watch(ctx, prefix, since)
}

func (d *desk) Commit(ctx context.Context, tx store.Tx) error {
	err := d.file.Commit(ctx, tx)
	if err == nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.commits = append(d.commits, tx)
	}
	return err
}

func (d *desk) Append(_ string, records ...record.Record) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.journal = append(d.journal, records...)
	return nil
}

func (d *desk) Fire(context.Context) (view.Firing, error) {
	d.began = len(d.orders())
	return view.Firing{}, nil
}

func (d *desk) Examine(context.Context) (view.Examination, error) {
	return view.Examination{}, nil
}

// numbers is a Prometheus in which all is well, but for the triggers that breach.
type numbers struct {
	table    fixture.Questions
	mu       sync.Mutex
	breaking string
}

func (n *numbers) Query(_ context.Context, query string, at time.Time) (model.Value, promapi.Warnings, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if at.IsZero() {
		at = time.Now()
	}
	vector := model.Vector{}
	for _, part := range n.table.Read(query) {
		v, there := map[string]float64{"warm candidate": 3, "warm stable": 3, "age": 1, "pods": 3, "rate": 80, "traffic": 20, "samples": 5000, "before": 0.001, "now": 0.001}[part.About]
		switch {
		case part.About == "breach "+n.breaking:
			v, there = 0.3, true
		case strings.HasPrefix(part.About, "effect "):
			v, there = 0.1, true
		}
		if there {
			vector = append(vector, &model.Sample{Metric: model.Metric{"autorollback_question": model.LabelValue(part.Label)}, Value: model.SampleValue(v), Timestamp: model.TimeFromUnixNano(at.UnixNano())})
		}
	}
	return vector, nil, nil
}

func (n *numbers) QueryRange(context.Context, string, promapi.Range) (model.Value, promapi.Warnings, error) {
	return model.Matrix{}, nil, nil
}

// proved is a monitor to which everything is significant.
type proved struct{ nowhere }

func (proved) Significance(_, _ string, now time.Time) record.Significance {
	return record.Significance{At: now, Value: 3, LogE: 20}
}

// atDesk has a running daemon whose ann may do everything, and bob may operate.
func atDesk(t *testing.T, edit func(*runbook.Runbook), test func(d *desk)) {
	synctest.Test(t, func(t *testing.T) {
		rb := fixture.Runbook(t, "page")
		rb.Rollout, rb.Routing.Mirror = fixture.Ramp(runbook.PromoteManual), &runbook.Mirroring{}
		if edit != nil {
			edit(rb)
		}
		file, err := store.OpenFile(filepath.Join(t.TempDir(), "autorollback.db"))
		ok(t, err)
		defer file.Close()
		core, logs := observer.New(zapcore.InfoLevel)
		d := &desk{t: t, file: file, prom: &numbers{table: fixture.QuestionsOf(t, rb)}, logs: logs, began: -1}
		ok(t, file.Commit(t.Context(), store.NewTx(store.Op{Key: routerKey, Value: []byte(`{"weights":{"ranker-v1":100}}`)})))
		stores := regions.NewStores(regions.Source{Store: d})
		d.engine, err = engine.New(engine.Parts{Store: d, Prometheus: verify.New(d.prom, 0), Monitor: proved{}, Archive: nowhere{}, Journal: d, Post: &d.mail,
			Log: zap.New(core), Registerer: prometheus.NewRegistry()}, []*runbook.Runbook{rb}, engine.Options{Replica: "one", RulesEvery: -1, WatchEvery: -1})
		ok(t, err)
		d.set = regions.New(stores, []regions.Member{{Engine: d.engine}}, []*runbook.Runbook{rb}, zap.New(core))
		d.ring, err = report.ParseKeyring([]byte(report.GenerateKey().Reveal()))
		ok(t, err)
		reg := prometheus.NewRegistry()
		d.http = web.Handler(web.Deps{Engine: d.set, Live: d.set.Live, Tokens: d.ring, Auth: d.signIn(), Runbooks: func() []*runbook.Runbook { return []*runbook.Runbook{rb} },
			Flags: d.flags, FollowUp: d.set.FollowUp, Export: func(_ context.Context, inc record.Incident) ([]byte, error) {
				return report.Export(inc, rb, report.Options{}), nil
			},
			Markdown: func(_ context.Context, inc record.Incident) ([]byte, error) {
				return report.Markdown(inc, rb, report.Options{}), nil
			},
			Ready: func() error { return nil }, Doctor: d, Gatherer: reg, Registerer: reg, Log: zap.New(core),
			Reload: func(context.Context) error { d.began = len(d.orders()); return nil }})
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- d.set.Run(ctx) }()
		d.stop = sync.OnceFunc(func() { stop(); ok(t, <-done) })
		defer d.stop()
		d.pass(10 * time.Second)
		test(d)
	})
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (d *desk) signIn() web.Auth {
	dir, users := d.t.TempDir(), "basic_auth_users:\n"
	for _, name := range []string{"ann", "bob"} {
		hash, err := bcrypt.GenerateFromPassword([]byte(name+"'s"), bcrypt.MinCost)
		ok(d.t, err)
		users += fmt.Sprintf("  %s: %s\n", name, hash)
	}
	a := web.Auth{ConfigFile: filepath.Join(dir, "web.yml"), RolesFile: filepath.Join(dir, "roles.yml")}
	ok(d.t, os.WriteFile(a.ConfigFile, []byte(users), 0o600))
	ok(d.t, os.WriteFile(a.RolesFile, []byte(`roles: {view: ["*"], operate: [ann, bob], approve: [ann], admin: [ann]}`), 0o600))
	return a
}

// pass lets the daemon work, with the watchdog heard.
func (d *desk) pass(of time.Duration) {
	d.t.Helper()
	for ; of > 0; of -= time.Minute {
		ok(d.t, d.engine.Alerts(d.t.Context(), []record.Alert{{Trigger: rules.WatchdogTrigger, Firing: true, Source: record.Webhook}}))
		time.Sleep(min(of, time.Minute))
	}
	synctest.Wait()
}

func (d *desk) start() record.Release {
	d.t.Helper()
	rel, err := d.set.Start(d.t.Context(), fixture.Launch(d.t), fixture.By("ann"))
	ok(d.t, err)
	d.pass(11 * time.Minute)
	return rel
}

// asked has a mild breach put to a human, and returns the question.
func (d *desk) asked() record.Approval {
	d.t.Helper()
	d.start()
	d.prom.mu.Lock()
	d.prom.breaking = "slowish"
	d.prom.mu.Unlock()
	ok(d.t, d.engine.Alerts(d.t.Context(), []record.Alert{fixture.Alert("slowish", record.Webhook)}))
	st, err := d.set.Status(d.t.Context())
	ok(d.t, err)
	if len(st.Approvals) != 1 {
		d.t.Fatalf("asked are %+v", st.Approvals)
	}
	return st.Approvals[0]
}

func (d *desk) write(key, value string) {
	d.t.Helper()
	snap, err := d.file.Read(d.t.Context(), key)
	ok(d.t, err)
	en, _ := snap.Get(key)
	ok(d.t, d.file.Commit(d.t.Context(), store.NewTx(store.Op{Verb: store.Set, Key: key, Value: []byte(value), Index: en.Index})))
}

func (d *desk) orders() []record.Order {
	all, err := d.set.Orders(d.t.Context(), view.OrderQuery{})
	ok(d.t, err)
	return all
}

func (d *desk) ask(as, method, path, body string, edit ...func(*http.Request)) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(d.t.Context(), method, path, strings.NewReader(body))
	r.RemoteAddr = "192.0.2.99:4711"
	r.SetBasicAuth(as, as+"'s")
	r.Header.Set("Content-Type", "application/json")
	for _, f := range edit {
		f(r)
	}
	w := httptest.NewRecorder()
	d.http.ServeHTTP(w, r)
	document, err := documented()
	ok(d.t, err)
	if err := document.Check(openapi.Exchange{Request: r, Sent: []byte(body), Code: w.Code, Header: w.Header(), Body: w.Body.Bytes()}); err != nil {
		d.t.Error(err)
	}
	return w
}

// documented is what the API is said to be: whatever the desk is asked and answers must be in it.
var documented = sync.OnceValues(func() (*openapi.Document, error) { return openapi.Load("../docs/openapi.yaml") })

// restored has the store as it was before the release was rolled back.
func (d *desk) restored() {
	d.start()
	before, err := d.file.Read(d.t.Context(), store.Root, "routes/", "features/")
	ok(d.t, err)
	_, err = d.set.Rollback(d.t.Context(), "ranker", "default", fixture.By("ann"), "users complain")
	ok(d.t, err)
	d.pass(15 * time.Second)
	after, err := d.file.Read(d.t.Context(), store.Root, "routes/", "features/")
	ok(d.t, err)
	for _, en := range after.Entries {
		op := store.Op{Verb: store.Delete, Key: en.Key, Index: en.Index}
		if old, was := before.Get(en.Key); was {
			op.Verb, op.Value = store.Set, old.Value
		}
		ok(d.t, d.file.Commit(d.t.Context(), store.NewTx(op)))
	}
	d.pass(15 * time.Second)
}

const (
	orderReason = `{"reason":"because I say so"}`
	target      = "/api/v1/releases/ranker/default"
)

// A walk is how one changing route comes to carry something out.
type walk struct {
	action record.OrderAction
	edit   func(*runbook.Runbook)
	// before brings it about and returns the path and the body; nil: the route's own, with a reason.
	before func(d *desk) (path, body string)
	form   bool
}

func started(d *desk) { d.start() }

func after(prepare func(d *desk), path, body string) func(d *desk) (string, string) {
	return func(d *desk) (string, string) { prepare(d); return path, body }
}

func nothing(*desk) {}

// walks has every changing route of the handler. A route that is not here fails the test.
var walks = map[string]walk{
	"POST /-/reload": {action: record.OrderReload, before: after(nothing, "/-/reload", "")},
	"PUT /-/reload":  {action: record.OrderReload, before: after(nothing, "/-/reload", "")},
	"POST /approve/{token}": {action: record.OrderApprove, form: true, before: func(d *desk) (string, string) {
		return report.ApprovePath + d.ring.Sign(d.asked()), url.Values{"decision": {"approve"}, "service": {"ranker"}, "reason": {"because I say so"}}.Encode()
	}},
	"POST /api/v1/releases": {action: record.OrderStart, before: func(d *desk) (string, string) {
		text, err := yaml.Marshal(fixture.Launch(d.t))
		ok(d.t, err)
		return "/api/v1/releases?stable_not_proved=true&reason=because+I+say+so", string(text)
	}},
	"POST /api/v1/releases/{service}/rollback":          {action: record.OrderRollback, before: after(started, "/api/v1/releases/ranker/rollback", orderReason)},
	"POST /api/v1/releases/{service}/{region}/rollback": {action: record.OrderRollback, before: after(started, target+"/rollback", orderReason)},
	"POST /api/v1/releases/{service}/{region}/promote":  {action: record.OrderPromote, before: after(started, target+"/promote", "{}")},
	"POST /api/v1/releases/{service}/{region}/flip": {action: record.OrderFlip, edit: func(rb *runbook.Runbook) {
		rb.Rollout = &runbook.Rollout{Strategy: runbook.BlueGreen, Promote: runbook.PromoteManual, Bake: fixture.Minutes(20), Steps: []runbook.RampStep{{Weight: 100}}}
	}, before: func(d *desk) (string, string) {
		l := fixture.Launch(d.t)
		l.Weight = 0
		_, err := d.set.Start(d.t.Context(), l, fixture.By("ann"))
		ok(d.t, err)
		d.pass(time.Minute)
		return target + "/flip", "{}"
	}},
	"POST /api/v1/releases/{service}/{region}/hold": {action: record.OrderHold, before: after(started, target+"/hold", orderReason)},
	"POST /api/v1/releases/{service}/{region}/resume": {action: record.OrderResume, before: after(func(d *desk) {
		d.start()
		_, err := d.set.Stop(d.t.Context(), "ranker", "default", fixture.By("ann"), "lunch")
		ok(d.t, err)
	}, target+"/resume", orderReason)},
	"POST /api/v1/releases/{service}/{region}/release-hold": {action: record.OrderAcceptSplit, before: after(func(d *desk) {
		d.start()
		d.write(routerKey, `{"weights":{"ranker-v1":70,"ranker-v2":30}}`)
		d.pass(15 * time.Second)
	}, target+"/release-hold", orderReason)},
	"POST /api/v1/releases/{service}/{region}/recovery": {action: record.OrderRecover, before: func(d *desk) (string, string) {
		d.restored()
		r, err := d.set.Recovery(d.t.Context(), "ranker", "default")
		ok(d.t, err)
		return target + "/recovery", fmt.Sprintf(`{"reason":"because I say so","plan":%q}`, r.Plan)
	}},
	"POST /api/v1/mirrors/{service}/{region}/start": {action: record.OrderStartMirror,
		before: after(nothing, "/api/v1/mirrors/ranker/default/start", `{"backend":"ranker-v2","percent":10,"for":"1h"}`)},
	"POST /api/v1/mirrors/{service}/{region}/stop": {action: record.OrderStopMirror, before: after(func(d *desk) {
		_, err := d.set.StartMirror(d.t.Context(), "ranker", "default", runbook.MirrorOrder{Backend: "ranker-v2", Percent: 10, For: runbook.Duration(time.Hour)}, fixture.By("ann"))
		ok(d.t, err)
	}, "/api/v1/mirrors/ranker/default/stop", orderReason)},
	"POST /api/v1/approvals/{id}": {action: record.OrderReject, before: func(d *desk) (string, string) {
		return "/api/v1/approvals/" + d.asked().ID, `{"decision":"reject","service":"ranker","reason":"because I say so"}`
	}},
	"POST /services/{service}/{region}/{order}": {action: record.OrderRollback, form: true,
		before: after(started, "/services/ranker/default/rollback", "reason=because+I+say+so")},
	"POST /control":       {action: record.OrderControl, form: true, before: after(nothing, "/control", "mode=paused&for=1h&reason=because+I+say+so")},
	"PUT /api/v1/control": {action: record.OrderControl, before: after(nothing, "/api/v1/control", `{"mode":"observe","reason":"because I say so","by":"mallory"}`)},
	"POST /api/v1/quarantine/{digest}/lift": {action: record.OrderLift, before: func(d *desk) (string, string) {
		d.start()
		inc, err := d.set.Rollback(d.t.Context(), "ranker", "default", fixture.By("ann"), "users complain")
		ok(d.t, err)
		return "/api/v1/quarantine/" + inc.Candidate.Bundle + "/lift", orderReason
	}},
	"POST /api/v1/shadow": {action: record.OrderRecordShadow, before: func(d *desk) (string, string) {
		l, report := fixture.Launch(d.t), "sha256:"+strings.Repeat("0", 64)
		text, err := json.Marshal(shadow.Gate{Schema: shadow.SchemaGate, Service: "ranker", Verdict: shadow.Pass, Rule: "all good", Report: report, At: time.Now(),
			Candidate: l.Candidate.Bundle.Digest(), Stable: l.Stable.Bundle.Digest()})
		ok(d.t, err)
		return "/api/v1/shadow", string(text)
	}},
	"POST /api/v1/doctor/fire": {action: record.OrderDoctorFire, before: after(nothing, "/api/v1/doctor/fire", "{}")},
}

// Every changing route of the handler's own table commits an order with what it changes, in the
// same transaction, with who, how and from where; and it has a line in the journal and in the log.
func TestEveryChangingRouteHasItsOrder(t *testing.T) {
	found := map[string]bool{}
	for _, r := range web.Routes() {
		if r.Method == "" || r.Method == http.MethodGet || r.Method == http.MethodHead {
			continue
		}
		name := r.Method + " " + r.Path
		found[name] = true
		w, there := walks[name]
		if !there {
			t.Errorf("%s may change something, and nothing here walks it: write how it comes to, and have it commit an order", name)
			continue
		}
		t.Run(name, func(t *testing.T) { atDesk(t, w.edit, func(d *desk) { d.walk(r.Method, w) }) })
	}
	for name := range walks {
		if !found[name] {
			t.Errorf("the handler has no %s", name)
		}
	}
}

func (d *desk) walk(method string, w walk) {
	t := d.t
	path, body := w.before(d)
	d.stop() // what is committed from here on is the request's
	before := len(d.orders())
	d.commits, d.journal, d.began = nil, nil, -1
	d.logs.TakeAll()
	var edits []func(*http.Request)
	switch {
	case w.form:
		page := d.ask("ann", http.MethodGet, path, "")
		cookie, err := http.ParseSetCookie(page.Header().Get("Set-Cookie"))
		ok(t, err)
		body += "&nonce=" + cookie.Value
		if plan := shownPlan.FindStringSubmatch(page.Body.String()); plan != nil {
			body += "&plan=" + plan[1]
		}
		edits = append(edits, func(r *http.Request) {
			r.AddCookie(cookie)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
		})
	case strings.HasPrefix(path, "/api/v1/releases?"):
		edits = append(edits, func(r *http.Request) { r.Header.Set("Content-Type", "application/yaml") })
	}
	if got := d.ask("ann", method, path, body, edits...); got.Code != http.StatusOK {
		t.Fatalf("%s %s answers %d: %s", method, path, got.Code, got.Body)
	}
	if len(d.commits) == 0 {
		t.Fatal("nothing was committed")
	}
	for _, tx := range d.commits {
		d.check(tx, w.action)
	}
	if d.began >= 0 && d.began != before+1 {
		t.Errorf("it began before its order stood")
	}
	if !strings.Contains(fmt.Sprint(d.journal), "192.0.2.99") {
		t.Errorf("the journal has no line: %+v", d.journal)
	}
	lines := d.logs.FilterMessageSnippet("order: ").FilterField(zap.String("by", "ann")).FilterField(zap.String("from", "192.0.2.99"))
	if lines.Len() != len(d.commits) {
		t.Errorf("the log has %d lines of %d orders", lines.Len(), len(d.commits))
	}
}

// check: a transaction of a request has exactly one order, which names it.
func (d *desk) check(tx store.Tx, action record.OrderAction) {
	var found []record.Order
	for _, op := range tx.Ops {
		if strings.HasPrefix(op.Key, store.OrderKey("")) && op.Verb == store.Set {
			var o record.Order
			ok(d.t, json.NewDecoder(bytes.NewReader(op.Value)).Decode(&o))
			found = append(found, o)
		}
	}
	if len(found) != 1 {
		d.t.Fatalf("the transaction has %d orders: %+v", len(found), tx.Ops)
	}
	o := found[0]
	if o.Name != "ann" || o.How != record.BasicAuth || o.From != "192.0.2.99" || o.Role == "" || o.Action != action || o.Op != tx.ID || o.At.IsZero() || o.Schema != runbook.Schema {
		d.t.Errorf("the order is %+v", o)
	}
}

// Somebody whom the runbook does not name may not answer the question. If they may operate they can
// roll back by hand, and the order names them.
func TestRolledBackByWhomMayNotApprove(t *testing.T) {
	onlyAnn := func(rb *runbook.Runbook) { rb.Policy.Approvers = []string{"ann"} }
	atDesk(t, onlyAnn, func(d *desk) {
		a := d.asked()
		if w := d.ask("bob", "POST", "/api/v1/approvals/"+a.ID, `{"decision":"approve","service":"ranker"}`); w.Code != http.StatusForbidden {
			t.Fatalf("bob approves: %d %s", w.Code, w.Body)
		}
		if w := d.ask("bob", "POST", target+"/rollback", orderReason); w.Code != http.StatusOK {
			t.Fatalf("bob may not operate: %d %s", w.Code, w.Body)
		}
		if n := d.logs.FilterMessageSnippet("refused: POST /api/v1/approvals/" + a.ID).FilterField(zap.String("by", "bob")).Len(); n != 1 {
			t.Errorf("bob's attempt has %d lines", n)
		}
		o := d.orders()[0]
		if o.Name != "bob" || o.How != record.BasicAuth || o.Role != "operate" || o.Action != record.OrderRollback || o.Subject != a.Incident || o.Reason != "because I say so" {
			t.Errorf("the order is %+v", o)
		}
	})
}

// What somebody tried and was refused is noted with who, how and from where, by the role or by a
// rule; a flood of one caller's attempts hides nobody else's, and fills no disk.
func TestRefusedAttemptsAreNoted(t *testing.T) {
	atDesk(t, nil, func(d *desk) {
		d.stop()
		noted := func(by string) int {
			n := 0
			for _, r := range d.journal {
				if r.Kind == "refused" && r.By == by && r.How == record.BasicAuth && r.From == "192.0.2.99" {
					n++
				}
			}
			return n
		}
		for range 200 {
			if w := d.ask("bob", "PUT", "/api/v1/control", `{"mode":"active"}`); w.Code != http.StatusForbidden {
				t.Fatalf("bob sets the switch: %d", w.Code)
			}
		}
		if w := d.ask("ann", "POST", target+"/resume", orderReason); w.Code != http.StatusConflict {
			t.Fatalf("ann resumes nothing: %d %s", w.Code, w.Body)
		}
		if bob, ann := noted("bob"), noted("ann"); bob == 0 || bob > 60 || ann != 1 {
			t.Errorf("%d attempts of bob are noted, and %d of ann's one", bob, ann)
		}
		if all := d.orders(); len(all) != 0 {
			t.Errorf("refused attempts are orders: %+v", all)
		}
	})
}

// The order log is asked for over HTTP by service, person and time, newest first.
func TestOrdersByHTTP(t *testing.T) {
	atDesk(t, nil, func(d *desk) {
		d.stop()
		client := api.Client{URL: "http://autorollback.example", HTTP: &http.Client{Transport: asAnn{d}}}
		began := time.Now()
		for n, reason := range []string{"one", "two", "three"} {
			time.Sleep(time.Minute)
			ok(t, d.set.SetControl(t.Context(), record.Control{Mode: runbook.Observe, Reason: reason}, "", fixture.By([]string{"ann", "bob", "ann"}[n])))
		}
		for _, c := range []struct {
			q    view.OrderQuery
			want string
		}{
			{view.OrderQuery{}, "three two one"},
			{view.OrderQuery{By: "ann"}, "three one"},
			{view.OrderQuery{Service: "ranker"}, "three two one"}, // they are about every service
			{view.OrderQuery{Since: began.Add(90 * time.Second)}, "three two"},
			{view.OrderQuery{Limit: 1}, "three"},
			{view.OrderQuery{By: "eve"}, ""},
		} {
			all, err := client.Orders(t.Context(), c.q)
			ok(t, err)
			var got []string
			for _, o := range all {
				got = append(got, o.Reason)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%+v: %v, want %s", c.q, got, c.want)
			}
		}
		for _, bad := range []string{"since=yesterday", "limit=0", "limit=1001", "limit=x"} {
			if w := d.ask("ann", "GET", "/api/v1/orders?"+bad, ""); w.Code != http.StatusBadRequest {
				t.Errorf("%s: answers %d", bad, w.Code)
			}
		}
	})
}

// asAnn takes requests to the desk without a network, which is not for a bubble.
type asAnn struct{ d *desk }

func (a asAnn) RoundTrip(r *http.Request) (*http.Response, error) {
	return a.d.ask("ann", r.Method, r.URL.RequestURI(), "").Result(), nil
}
