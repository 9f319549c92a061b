package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/test/sim"
)

const routerKey = "routes/ranker/weights"

// A model is two replicas on one store, people and tools that write to the router's
// key, and what must be true whatever they do and in whatever order.
type model struct {
	t        *rapid.T
	rb       *runbook.Runbook
	services map[string]service
	launch   runbook.Launch
	st       store.Store
	engines  [2]*Engine
	table    map[string][]string
	now      time.Time
	late     []read // views that were read and not committed yet

	human      bool           // somebody else wrote the split last
	automatic  map[string]int // rollbacks nobody asked for, by incident
	automatics []time.Time    // and when
	was        world          // as of the last look, at index seen
	seen       uint64
	known      map[string]any // decoded records by their text
	ended      map[string]record.ApprovalStatus
	outcomes   map[string]int // what was reached, to see that the model goes anywhere
}

// A read is a snapshot of one replica with the event it was read for.
type read struct {
	e  *Engine
	v  snapshot
	ev lifecycle.Event
}

// A world is everything in the store, decoded.
type world struct {
	raw       map[string]string
	control   record.Control
	release   *record.Release
	incidents map[string]record.Incident
	approvals map[string]record.Approval
	barred    map[string]record.Quarantine
	split     record.Split
}

func (m *model) look() world {
	w := world{raw: map[string]string{}, control: record.Control{Mode: runbook.Active}, incidents: map[string]record.Incident{},
		approvals: map[string]record.Approval{}, barred: map[string]record.Quarantine{}}
	snap, err := m.st.Read(context.Background(), store.Root, "routes/", "features/")
	if err != nil {
		m.t.Fatal(err)
	}
	if m.seen == snap.Index {
		return m.was
	}
	for _, en := range snap.Entries {
		w.raw[en.Key] = string(en.Value)
		name := en.Key[strings.LastIndex(en.Key, "/")+1:]
		switch {
		case en.Key == store.ControlKey:
			w.control = control(en.Value)
		case strings.HasPrefix(en.Key, releases):
			w.release = decoded[*record.Release](m, en)
		case strings.HasPrefix(en.Key, store.IncidentKey("")):
			w.incidents[name] = decoded[record.Incident](m, en)
			if len(en.Value) > 64<<10 {
				m.t.Fatalf("incident %s has %d bytes", name, len(en.Value))
			}
		case strings.HasPrefix(en.Key, store.ApprovalKey("")):
			w.approvals[name] = decoded[record.Approval](m, en)
		case strings.HasPrefix(en.Key, store.QuarantineKey("")):
			w.barred[name] = decoded[record.Quarantine](m, en)
		}
	}
	svc, _ := m.engines[0].serves(theTarget)
	if split, err := svc.router.Decode(snap); err == nil {
		w.split = split
	}
	m.was, m.seen = w, snap.Index
	return w
}

func decoded[T any](m *model, en store.Entry) T {
	if v, ok := m.known[en.Key+" "+string(en.Value)]; ok {
		return v.(T)
	}
	var v T
	if err := json.Unmarshal(en.Value, &v); err != nil {
		m.t.Fatalf("read %s: %v", en.Key, err)
	}
	m.known[en.Key+" "+string(en.Value)] = v
	return v
}

// take commits an event as replica e sees it, and holds what changed to the rules.
func (m *model) take(r read) {
	before := m.look()
	_, err := r.e.commit(context.Background(), r.v, r.ev, m.now)
	after := m.look()
	name := strings.TrimPrefix(fmt.Sprintf("%T", r.ev), "lifecycle.")
	if err != nil {
		m.outcomes[name+" not done"]++
		if l, ok := r.ev.(lifecycle.Launched); ok && l.Launch.Safer && strings.Contains(err.Error(), "safer") {
			m.outcomes["safer refused"]++
		}
		ok := errors.Is(err, store.ErrConflict) || errors.Is(err, runbook.ErrRefused) || errors.Is(err, runbook.ErrConflict) || errors.Is(err, runbook.ErrNotFound)
		if !ok {
			m.t.Fatalf("%s: %v", name, err)
		}
		if !maps.Equal(before.raw, after.raw) {
			m.t.Fatalf("%s: %v, and yet something was written", name, err)
		}
		return
	}
	if maps.Equal(before.raw, after.raw) {
		return // held before
	}
	m.hold(r.ev, before, after)
	for _, i := range after.incidents {
		if again := policy.Again(i.Inputs, i.Decision); i.Decision.Guard != "" && !again.Agrees {
			m.t.Fatalf("%s: %s", i.ID, again.Text)
		}
	}
}

// step reads and commits at once.
func (m *model) step(ev func(snapshot) lifecycle.Event) {
	if r, ok := m.read(ev); ok {
		m.take(r)
	}
}

func (m *model) read(make func(snapshot) lifecycle.Event) (read, bool) {
	e := m.engines[rapid.IntRange(0, 1).Draw(m.t, "replica")]
	blank, err := e.read(context.Background(), theTarget, lifecycle.Tick{})
	if err != nil {
		m.t.Fatal(err)
	}
	ev := make(blank)
	v, err := e.read(context.Background(), theTarget, ev)
	if err != nil {
		m.t.Fatal(err)
	}
	return read{e, v, ev}, true
}

// hold checks one committed step.
func (m *model) hold(ev lifecycle.Event, before, after world) {
	t := m.t
	moved := before.raw[routerKey] != after.raw[routerKey]
	launched := after.release != nil && (before.release == nil || before.release.ID != after.release.ID)
	rolled := !launched && after.release != nil && before.release != nil && before.release.Phase == record.Open && after.release.Phase == record.RolledBack
	promoted := !launched && !rolled && moved
	closed := !launched && after.release != nil && before.release != nil && before.release.Phase == record.Open && after.release.Phase == record.Closed
	if promoted || closed {
		m.tookStep(ev, before, after, promoted, closed)
	}
	if launched {
		m.outcomes["launched"]++
		m.human = false
		if before.split != nil && !before.split.Equal(record.Split{after.release.Stable.Backend: 100}) {
			t.Fatalf("a launch overwrote %v", before.split)
		}
		m.gated(before, after)
		m.saferLaunch(ev, before, after)
		if r := before.release; r != nil && r.Good != nil && r.Good.Bundle != after.release.Stable.Bundle && (after.release.NotProved == nil || after.release.NotProved.Reason == "") {
			t.Fatalf("launched on %+v, the last known good is %+v", after.release.Stable, r.Good)
		}
	}
	if rolled {
		m.rolledBack(ev, before, after)
	}
	if moved || rolled || closed {
		for backend, w := range after.split {
			if _, known := before.split[backend]; w < 0 || !known && !slices.Contains([]string{"ranker-v1", "ranker-v2"}, backend) {
				t.Fatalf("the split is %v, it was %v", after.split, before.split)
			}
		}
		if sum := after.split.Sum(); sum != 100 {
			t.Fatalf("the split is %v", after.split)
		}
	}
	for id, i := range after.incidents {
		from := lifecycle.State{}
		if old, ok := before.incidents[id]; ok {
			from.Incident = &old
		}
		if bad := fixture.Illegal(m.table, from.Incident, &i); bad != "" {
			t.Fatalf("%T: %s", ev, bad)
		}
		m.outcomes[string(i.Phase)]++
	}
	m.steady(after)
}

func (m *model) rolledBack(ev lifecycle.Event, before, after world) {
	t, r := m.t, after.release
	i, ok := after.incidents[r.Incident]
	q, barred := after.barred[r.Candidate.Bundle]
	switch {
	case !before.split.Equal(before.release.Want()):
		t.Fatalf("%T overwrote %v, which was not the split it decided on: %v", ev, before.split, before.release.Want())
	case before.release.Held != nil && !before.split.Equal(before.release.Want()):
		t.Fatalf("%T wrote while the release was held", ev)
	case !ok || i.Phase != record.Acted || i.Change == nil || !i.Change.From.Equal(before.split) || !i.ActedAt.Equal(m.now):
		t.Fatalf("%T rolled back and the incident says %+v", ev, i)
	case !barred || q.Lifted != "" || q.Incident != i.ID:
		t.Fatalf("%T rolled back and the quarantine says %+v", ev, q)
	case !after.split.Equal(record.Split{r.Stable.Backend: 100}):
		t.Fatalf("%T rolled back to %v", ev, after.split)
	}
	m.human = false
	if a, ok := ev.(lifecycle.Answered); ok {
		m.outcomes["rolled back by approval"]++
		if a.Now.State != record.Breaching && !a.Anyway {
			t.Fatalf("%+v rolled back, and the trigger is %s", a.Reply, a.Now.State)
		}
		if before.approvals[a.Approval].Status != record.Pending || after.approvals[a.Approval].Status != record.Approved {
			t.Fatalf("approval %s went from %s to %s", a.Approval, before.approvals[a.Approval].Status, after.approvals[a.Approval].Status)
		}
		return
	}
	if _, ok := ev.(lifecycle.Demanded); ok {
		m.outcomes["rolled back by hand"]++
		return
	}
	m.outcomes["rolled back by policy"]++
	if before.control.Mode != runbook.Active {
		t.Fatalf("%T rolled back while %s", ev, before.control.Mode)
	}
	m.automatic[i.ID]++
	m.automatics = append(m.automatics, m.now)
	hour, day := 0, 0
	for _, at := range m.automatics {
		if m.now.Sub(at) < time.Hour {
			hour++
		}
		if m.now.Sub(at) < 24*time.Hour {
			day++
		}
	}
	switch {
	case m.automatic[i.ID] > 1:
		t.Fatalf("incident %s was rolled back %d times", i.ID, m.automatic[i.ID])
	case hour > 1: // the cool-down is an hour
		t.Fatalf("%d rollbacks in an hour", hour)
	case day > m.rb.Policy.MaxRollbacks:
		t.Fatalf("%d rollbacks in a day", day)
	}
	b := after.raw[store.BudgetKey]
	if before.raw[store.BudgetKey] == b {
		t.Fatalf("%T rolled back and the budget is %s", ev, b)
	}
}

// steady is what is true between any two steps.
func (m *model) steady(w world) {
	t := m.t
	if r := w.release; r != nil {
		if !m.human && !w.split.Equal(r.Want()) {
			t.Fatalf("the release wants %v, the router has %v, and nobody else wrote", r.Want(), w.split)
		}
		_, barred := w.barred[r.Candidate.Bundle]
		if r.Phase == record.RolledBack && (!barred || r.Weight != 0 || w.incidents[r.Incident].Change == nil) {
			t.Fatalf("release %+v is rolled back; quarantined %v", r, barred)
		}
	}
	for id, a := range w.approvals {
		if was, ok := m.ended[id]; ok && was != a.Status {
			t.Fatalf("approval %s was %s and is %s", id, was, a.Status)
		}
		if a.Status != record.Pending {
			m.ended[id] = a.Status
		} else if a.Kind == record.Promotion {
			if w.release == nil || w.release.Asking != id || w.release.Phase != record.Open {
				t.Fatalf("the question %s is pending, and the release asks %q", id, w.release.Asking)
			}
		} else if w.release == nil || w.release.Incident != a.Incident || w.incidents[a.Incident].Approval != id {
			t.Fatalf("approval %s is pending, and nothing waits for it", id)
		}
	}
	for id, i := range w.incidents {
		s := lifecycle.State{Incident: &i}
		closed := i.Phase == record.Done
		switch {
		case !closed && (w.release == nil || w.release.Incident != id):
			t.Fatalf("incident %s is %s and no release knows it", id, i.Phase)
		case closed && i.Change != nil && (i.Verdict == nil || i.EvidenceAt.IsZero()):
			t.Fatalf("incident %s moved traffic and was closed with verdict %v, evidence %v", id, i.Verdict, i.EvidenceAt)
		case closed && i.Change == nil && i.Breach.State == record.Breaching && i.Verdict == nil && !fixture.Noted(s.Incident, "rejected") && !fixture.Noted(s.Incident, "split_accepted") && !fixture.Noted(s.Incident, "resumed"):
			t.Fatalf("incident %s was confirmed and closed without a verdict or a human's word: %+v", id, i.Timeline)
		case i.Phase == record.Settled && i.Verdict == nil:
			t.Fatalf("incident %s is settled without a verdict", id)
		}
	}
	m.canRollBack()
}

// canRollBack: a human can always end an open release, unless another human's split
// would be overwritten, or nobody can read the keys.
func (m *model) canRollBack() {
	v, err := m.engines[0].read(context.Background(), theTarget, lifecycle.Demanded{})
	if err != nil {
		m.t.Fatal(err)
	}
	if !v.Open() || v.PlanProblem != "" {
		return
	}
	v.Op = "op"
	s := v.State
	if s.ExternalChange() {
		s, err = lifecycle.Step(s, lifecycle.Tick{}, m.now)
		if err != nil {
			m.t.Fatal(err)
		}
		s, err = lifecycle.Step(s, lifecycle.SplitAccepted{By: fixture.By("ann"), Reason: "because"}, m.now)
		if err != nil {
			return // not whole percents of the two sides: it is put right first
		}
	}
	if _, err := lifecycle.Step(s, lifecycle.Demanded{By: fixture.By("ann"), Reason: "because"}, m.now); err != nil {
		m.t.Fatalf("an open release cannot be rolled back: %v", err)
	}
}

// write is somebody else at the router's key.
func (m *model) write(value string) {
	snap, err := m.st.Read(context.Background(), routerKey)
	if err != nil {
		m.t.Fatal(err)
	}
	op := store.Op{Verb: store.Set, Key: routerKey, Value: []byte(value), Index: index(snap, routerKey)}
	if value == "" {
		op.Verb = store.Delete
		if op.Index == 0 {
			return
		}
	}
	m.commit(op)
	m.human = true
	if w := m.look(); w.release != nil && w.split.Equal(w.release.Want()) {
		m.human = false
	}
}

func (m *model) commit(ops ...store.Op) {
	if err := m.st.Commit(context.Background(), store.NewTx(ops...)); err != nil {
		m.t.Fatal(err)
	}
}

func (m *model) set(key, value string) {
	snap, err := m.st.Read(context.Background(), key)
	if err != nil {
		m.t.Fatal(err)
	}
	m.commit(store.Op{Verb: store.Set, Key: key, Value: []byte(value), Index: index(snap, key)})
}

// actions are what may happen next; those that are there twice happen more often.
func (m *model) actions() map[string]func(*rapid.T) {
	event := func(make func(snapshot) lifecycle.Event) func(*rapid.T) { return func(*rapid.T) { m.step(make) } }
	alert := func(v snapshot) lifecycle.Event { return m.asked(v) }
	return map[string]func(*rapid.T){
		"alert": event(alert), "alert again": event(alert), "alert once more": event(alert),
		"tick":    event(func(snapshot) lifecycle.Event { return lifecycle.Tick{} }),
		"standby": event(m.standby),
		"tick 2":  event(func(snapshot) lifecycle.Event { return lifecycle.Tick{} }),
		"drained": event(func(snapshot) lifecycle.Event { return lifecycle.Drained{Answer: fixture.Drained(m.health())} }), "polled": event(func(snapshot) lifecycle.Event { return lifecycle.RecoveryPolled{Answers: fixture.Recovery(m.health())} }),
		"polled again": event(func(snapshot) lifecycle.Event { return lifecycle.RecoveryPolled{Answers: fixture.Recovery(m.health())} }),
		"archived": event(func(snapshot) lifecycle.Event {
			return lifecycle.Sealed{Path: "dir", Digest: "d", Problem: m.pick("problem", "", "", "disk full")}
		}),
		"told":   event(func(snapshot) lifecycle.Event { return m.told() }),
		"launch": event(func(snapshot) lifecycle.Event { return m.launched() }), "launch again": event(func(snapshot) lifecycle.Event { return m.launched() }),
		"human rolls back": event(func(snapshot) lifecycle.Event { return lifecycle.Demanded{By: fixture.By("ann"), Reason: "because"} }),
		"answer":           event(m.answered), "answer again": event(m.answered),
		"accept split": event(func(snapshot) lifecycle.Event {
			return lifecycle.SplitAccepted{By: fixture.By("ann"), Reason: "because"}
		}),
		"control": func(*rapid.T) {
			m.set(store.ControlKey, m.pick("control", "active", "active", "active", `{"mode":"paused","by":"ann"}`, "observe", "pasued"))
		},
		"active": func(*rapid.T) { m.set(store.ControlKey, "active") },
		"lift":   func(*rapid.T) { m.lift() },
		"somebody writes": func(*rapid.T) {
			m.write(m.pick("value", `{"weights":{"ranker-v1":60,"ranker-v2":40}}`, `{"weights":{"ranker-v1":100,"ranker-v2":0}}`, `{"weights":{"ranker-v1":3,"ranker-v2":1}}`,
				`{"weights":{"ranker-v1":50,"ranker-v9":50}}`, `{"weights":{"ranker-v1":0,"ranker-v2":100}}`, "not JSON", ""))
		},
		"somebody puts back": func(*rapid.T) {
			if r := m.look().release; r != nil {
				text, _ := json.Marshal(map[string]any{"weights": r.Want(), "schema": 1})
				m.write(string(text))
			}
		},
		"a moment": func(*rapid.T) { m.now = m.now.Add(5 * time.Second) },
		"time": func(*rapid.T) {
			m.now = m.now.Add(rapid.SampledFrom([]time.Duration{time.Second, time.Minute, 11 * time.Minute, 31 * time.Minute, 2 * time.Hour, 25 * time.Hour}).Draw(m.t, "time"))
		},
		"clock set back": func(*rapid.T) { m.now = m.now.Add(-2 * time.Second) },
		"read": func(*rapid.T) {
			makes := []func(snapshot) lifecycle.Event{alert, alert, m.answered, func(snapshot) lifecycle.Event { return lifecycle.Demanded{By: fixture.By("bob"), Reason: "because"} }, func(snapshot) lifecycle.Event { return lifecycle.Tick{} }, func(snapshot) lifecycle.Event {
				return lifecycle.SplitAccepted{By: fixture.By("bob"), Reason: "because"}
			}, func(snapshot) lifecycle.Event { return m.launched() }}
			if r, ok := m.read(rapid.SampledFrom(makes).Draw(m.t, "event")); ok && len(m.late) < 4 {
				m.late = append(m.late, r)
			}
		},
		"commit late": func(*rapid.T) {
			if len(m.late) > 0 {
				n := rapid.IntRange(0, len(m.late)-1).Draw(m.t, "which")
				r := m.late[n]
				m.late = slices.Delete(m.late, n, n+1)
				m.take(r)
			}
		},
		"crash": func(*rapid.T) { m.late = nil; m.start() },
	}
}

func (m *model) asked(v snapshot) lifecycle.Event {
	b := fixture.Breach(m.pick("trigger", "errors", "errors", "slow", "slowish", "slowish", "slo", "blind"), rapid.SampledFrom([]record.State{
		record.Breaching, record.Breaching, record.Breaching, record.NotBreaching, record.NoData, record.Unreachable}).Draw(m.t, "state"))
	switch m.pick("case", "plain", "plain", "plain", "plain", "sick", "few pods", "cold") {
	case "sick":
		b.StableUnhealthy = true
	case "few pods":
		b.CandidatePods = 1
	case "cold":
		b.StablePods = 0
	}
	ev := lifecycle.AlertChecked{Alert: fixture.Alert(b.Trigger, record.Watcher), Breach: b, Release: "none"}
	if v.Release != nil {
		ev.Release, ev.Epoch = v.Release.ID, v.Release.Epoch
	}
	return ev
}

func (m *model) answered(v snapshot) lifecycle.Event {
	if v.Question != nil && rapid.IntRange(0, 2).Draw(m.t, "the step's") > 0 {
		return lifecycle.Answered{Reply: record.Reply{Yes: rapid.IntRange(0, 3).Draw(m.t, "yes") > 0, Reason: "because"}, Approval: v.Question.ID, By: fixture.By(m.pick("by", "ann", "bob", "eve")), Ready: m.readiness()}
	}
	id := "none"
	if ids := slices.Sorted(maps.Keys(m.look().approvals)); len(ids) > 0 {
		id = rapid.SampledFrom(ids).Draw(m.t, "approval")
	}
	if v.Approval != nil && rapid.IntRange(0, 3).Draw(m.t, "newest") > 0 {
		id = v.Approval.ID
	}
	return lifecycle.Answered{Reply: record.Reply{Yes: rapid.IntRange(0, 3).Draw(m.t, "yes") > 0, Anyway: m.pick("anyway", "no", "no", "yes") == "yes", Reason: "because"}, Now: record.Breach{State: record.State(m.pick("asked again", "breaching", "breaching", "breaching", "not_breaching", "no_data", "unreachable"))}, Approval: id, By: fixture.By(m.pick("by", "ann", "ann", "bob", "eve"))}
}

func (m *model) launched() lifecycle.Launched {
	l := m.launch
	l.Weight = rapid.SampledFrom([]runbook.Weight{5, 20, 50, 0}).Draw(m.t, "weight")
	n := rapid.IntRange(1, 6).Draw(m.t, "candidate")
	l.Candidate.Bundle.Model.Registry.Version = fmt.Sprint(11 + n)
	if w := m.look(); w.release != nil && w.release.Phase == record.Closed && w.split.Equal(record.Split{"ranker-v2": 100}) {
		l.Stable, l.Candidate = l.Candidate, l.Stable // the last known good is the other side now
		l.Candidate.Bundle.Model.Registry.Version = fmt.Sprint(31 + n)
	}
	if m.look().release != nil {
		l.StableNotProved = m.pick("not proved", "", "because")
		l.Safer = rapid.IntRange(0, 4).Draw(m.t, "safer") == 4
	}
	m.reported(l)
	return lifecycle.Launched{Launch: l, By: fixture.By("ann")}
}

func (m *model) told() lifecycle.Event {
	for key := range m.look().raw {
		if id, ok := strings.CutPrefix(key, store.OutboxKey("")); ok {
			return lifecycle.MessageSent{Message: id, Incident: id[:strings.LastIndex(id[:len(id)-3], "-")], Text: "told"}
		}
	}
	return lifecycle.MessageSent{Message: "none"}
}

func (m *model) lift() {
	for _, q := range m.look().barred {
		if err := m.engines[0].Lift(context.Background(), q.Bundle, fixture.By("ann"), "because"); err != nil {
			m.t.Fatal(err)
		}
	}
}

func (m *model) health() record.Health {
	return rapid.SampledFrom([]record.Health{record.Good, record.Good, record.Good, record.Bad, record.Unknown}).Draw(m.t, "health")
}

func (m *model) pick(what string, of ...string) string { return rapid.SampledFrom(of).Draw(m.t, what) }

func (m *model) start() {
	for n := range m.engines {
		e, err := New(partsOf(m.st, nil), nil, Options{Replica: fmt.Sprint("replica-", n)})
		if err != nil {
			m.t.Fatal(err)
		}
		e.services = m.services // compiled once for all runs
		m.engines[n] = e
	}
}

// TestModel runs a thousand lives of a target, under the race detector two hundred; and
// -rapid.checks multiplies them. One in a hundred has the real file store under it, the
// others one that forgets.
func TestModel(t *testing.T) {
	dir, files := t.TempDir(), 0
	outcomes := map[string]int{}
	table, launch := fixture.Edges(t, "lifecycle/doc.go"), fixture.Launch(t)
	for _, expiry := range []string{"page", "rollback"} {
		rb := fixture.Runbook(t, expiry)
		if expiry == "rollback" {
			rb.Shadow = &runbook.Shadow{Required: true, MaxAge: fixture.Minutes(60)}
		}
		services := engineOf(t, partsOf(nil, nil), rb, Options{}).services
		rounds := sim.Size(20, 5, 1) // of a hundred
		if testing.Short() {
			rounds = 1
		}
		for range rounds {
			rapid.Check(t, func(rt *rapid.T) {
				m := &model{t: rt, rb: rb, services: services, launch: launch, st: newMemory(), table: table, now: fixture.Morning,
					automatic: map[string]int{}, ended: map[string]record.ApprovalStatus{}, outcomes: outcomes, known: map[string]any{}}
				if rapid.IntRange(0, 99).Draw(rt, "store") == 99 {
					files++
					f, err := store.OpenFile(filepath.Join(dir, fmt.Sprint(files)))
					if err != nil {
						rt.Fatal(err)
					}
					defer f.Close()
					m.st = f
				}
				m.start()
				m.write(`{"weights":{"ranker-v1":100}}`)
				m.human = false
				m.step(func(snapshot) lifecycle.Event { return m.launched() })
				rt.Repeat(m.actions())
			})
		}
	}
	t.Logf("%v; %d runs on the file store", outcomes, files)
	if testing.Short() || sim.Raced {
		return
	}
	for _, must := range []string{"rolled back by policy", "rolled back by approval", "rolled back by hand", "held", "frozen", "awaiting", "unconfirmed", "verifying", "settled", "closed", "AlertChecked not done", "Answered not done", "launched on a pass", "Launched not done"} {
		if outcomes[must] == 0 && !t.Failed() {
			t.Errorf("no run came to %q: the model goes nowhere", must)
		}
	}
}
