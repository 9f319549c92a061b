package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/test/sim"
)

// tookStep checks a committed step of the ramp, and the end of a release.
func (m *model) tookStep(ev lifecycle.Event, before, after world, moved, closed bool) {
	t, was, is := m.t, before.release, after.release
	by, ready := "", record.Readiness{}
	switch ev := ev.(type) {
	case lifecycle.Promoted:
		by, ready = ev.By.Name, ev.Ready
	case lifecycle.Answered:
		by, ready = ev.By.Name, ev.Ready
		if a := after.approvals[ev.Approval]; a.Kind != record.Promotion || a.Status != record.Approved || before.approvals[ev.Approval].Status != record.Pending || a.Epoch != was.Epoch {
			t.Fatalf("promoted by the approval %+v", a)
		}
		m.outcomes["promoted by approval"]++
	default:
		t.Fatalf("%T moved traffic up, or closed the release", ev)
	}
	if was == nil || is == nil || was.ID != is.ID || was.Phase != record.Open {
		t.Fatalf("%T promoted %+v to %+v", ev, was, is)
	}
	i, incident := before.incidents[was.Incident]
	ramp := m.rb.Rollout
	if was.Rollout != nil {
		ramp = was.Rollout // what it must be was checked at the launch
	}
	next, more := ramp.Next(was.Weight)
	switch {
	case !before.split.Equal(was.Want()):
		t.Fatalf("%T overwrote %v", ev, before.split)
	case len(was.NotApplied(m.rb.Routing.Instances)) > 0:
		t.Fatalf("%T promoted, and of the router's instances these do not follow: %+v", ev, was.NotApplied(m.rb.Routing.Instances))
	case was.Frozen != "" || was.Held != nil || was.Stopped != nil:
		t.Fatalf("%T promoted what was frozen, held or stopped: %+v", ev, was)
	case incident && i.Phase != record.Done:
		t.Fatalf("%T promoted, and incident %s is %s", ev, i.ID, i.Phase)
	case before.control.Mode != runbook.Active && !(by != "" && before.control.Mode == runbook.Observe):
		t.Fatalf("%T promoted while %s", ev, before.control.Mode)
	case m.now.Sub(was.WeightChangedAt) < ramp.Stay(was.Weight):
		t.Fatalf("%T promoted after %s at %v %%", ev, m.now.Sub(was.WeightChangedAt), was.Weight)
	case m.now.Sub(m.heard(before)) > 6*time.Minute:
		t.Fatalf("%T promoted, and the watchdog was heard at %v", ev, m.heard(before))
	case ready.StablePods < 2 || ready.CandidatePods < 2 || ready.Problem != "" || len(ready.Breaching) > 0 || ready.StableUnhealthy || m.now.Sub(ready.AskedAt).Abs() > 30*time.Second:
		t.Fatalf("%T promoted with %+v", ev, ready)
	case was.Standby.Obstacle() != "":
		t.Fatalf("%T promoted, and the standby is %s", ev, was.Standby.Words())
	case was.Weight > 0 && (len(ready.Undecided) > 0 || ready.CandidateRate <= 0):
		t.Fatalf("%T promoted without evidence: %+v", ev, ready)
	case by == "" && moved && (was.Weight == 0 || ramp.Promote != runbook.PromoteAutomatic):
		t.Fatalf("%T promoted by itself from %v %%, and the ramp says %s", ev, was.Weight, ramp.Promote)
	case barred(before, was.Stable) || barred(before, was.Candidate):
		t.Fatalf("%T promoted a quarantined bundle", ev)
	case moved && (!more || is.Weight != next.Weight || is.Epoch != was.Epoch+1 || is.Incident != ""):
		t.Fatalf("%T promoted from %+v to %+v", ev, was, is)
	case moved && !after.split.Equal(is.Want()):
		t.Fatalf("%T promoted to %v, the release wants %v", ev, after.split, is.Want())
	case closed && (is.Weight != 100 || is.Good == nil || *is.Good != is.Candidate || *is.GoodBefore != is.Stable || is.Asking != ""):
		t.Fatalf("%T closed %+v", ev, is)
	case !moved && is.Epoch != was.Epoch:
		t.Fatalf("%T changed the epoch and no weight", ev)
	}
	if !reflect.DeepEqual(was.Rollout, is.Rollout) || was.SaferThan != is.SaferThan {
		t.Fatalf("%T changed the ramp from %v to %v", ev, was.Rollout, is.Rollout)
	}
	if moved {
		m.human = false
		m.outcomes[fmt.Sprintf("promoted to %v", is.Weight)]++
		if was.Rollout != nil {
			m.outcomes["promoted on a safer ramp"]++
		}
		if len(m.rb.Routing.Instances) > 0 {
			m.outcomes["promoted when every instance followed"]++
		}
	}
	if closed {
		m.outcomes["proved"]++
	}
}

// saferLaunch checks the ramp of a release that was launched: its own, and more careful
// than the runbook's in each part, if and only if that was asked for after a rollback.
func (m *model) saferLaunch(ev lifecycle.Event, before, after world) {
	t, r, own := m.t, after.release, m.rb.Rollout
	l, ok := ev.(lifecycle.Launched)
	switch {
	case !ok:
		t.Fatalf("%T launched %+v", ev, r)
	case !l.Launch.Safer && (r.Rollout != nil || r.SaferThan != ""):
		t.Fatalf("launched on the ramp %v, and nobody asked for a safer one", r.Rollout)
	case !l.Launch.Safer:
		return
	case own == nil || before.release == nil || before.release.Phase != record.RolledBack || before.release.Incident == "":
		t.Fatalf("a safer ramp than %v, after %+v", own, before.release)
	case r.Rollout == nil || r.SaferThan != before.release.Incident:
		t.Fatalf("asked for a safer ramp, got %v, than in %q", r.Rollout, r.SaferThan)
	case r.Rollout.Promote == runbook.PromoteAutomatic || r.Rollout.Strategy != runbook.Canary || r.Rollout.Bake < 2*own.Bake || r.Weight > r.Rollout.Steps[0].Weight:
		t.Fatalf("no safer ramp than %+v: %+v, from %v %%", own, r.Rollout, r.Weight)
	}
	for n, step := range r.Rollout.Steps {
		if n > 0 && step.Weight <= r.Rollout.Steps[n-1].Weight {
			t.Fatalf("the safer ramp does not ascend: %v", r.Rollout)
		}
	}
	for _, step := range own.Steps {
		if own.Strategy == runbook.Canary && r.Rollout.Stay(step.Weight) < 2*own.Stay(step.Weight) {
			t.Fatalf("at %v %% the safer ramp stays %s, and the runbook's %s", step.Weight, r.Rollout.Stay(step.Weight), own.Stay(step.Weight))
		}
	}
	m.outcomes["launched on a safer ramp"]++
}

func barred(w world, s record.Side) bool {
	q, ok := w.barred[s.Bundle]
	return ok && q.Lifted == ""
}

func (m *model) heard(w world) time.Time {
	var h watchdogRecord
	if text, ok := w.raw[store.WatchdogKey]; ok {
		if err := json.Unmarshal([]byte(text), &h); err != nil {
			m.t.Fatal(err)
		}
	}
	return h.At
}

// standby is what a probe of the last known good finds, mostly that it is warm.
func (m *model) standby(v snapshot) lifecycle.Event {
	ev := lifecycle.StandbyProbed{Release: "none", State: record.StandbyState(m.pick("standby", "warm", "warm", "warm", "cold", "unhealthy", "unknown"))}
	if ev.State != record.Warm {
		ev.Why = m.pick("why", "v1 has 0 pods", "v1 has 1 pod")
	}
	if v.Release != nil {
		ev.Release = v.Release.ID
	}
	return ev
}

// readiness is mostly good.
func (m *model) readiness() record.Readiness {
	r := record.Readiness{AskedAt: m.now, StablePods: 3, CandidatePods: 3, CandidateRate: 20}
	switch m.pick("readiness", "good", "good", "good", "good", "good", "good", "cold", "few", "sick", "breaching", "undecided", "old", "down", "idle") {
	case "cold":
		r.StablePods = 1
	case "few":
		r.CandidatePods = 1
	case "sick":
		r.StableUnhealthy = true
	case "breaching":
		r.Breaching = []string{"errors"}
	case "undecided":
		r.Undecided = []string{"errors"}
	case "old":
		r.AskedAt = m.now.Add(-time.Minute)
	case "down":
		r.Problem = "connection refused"
	case "idle":
		r.CandidateRate = 0
	}
	return r
}

func (m *model) promoted(by string) func(snapshot) lifecycle.Event {
	return func(v snapshot) lifecycle.Event {
		ev := lifecycle.Promoted{By: fixture.By(by), Release: "none", Ready: m.readiness()}
		if v.Release != nil {
			ev.Release, ev.Epoch = v.Release.ID, v.Release.Epoch
		}
		return ev
	}
}

// hears is the watchdog, by webhook.
func (m *model) hears() {
	text, err := json.Marshal(watchdogRecord{Schema: runbook.Schema, At: m.now})
	if err != nil {
		m.t.Fatal(err)
	}
	m.set(store.WatchdogKey, string(text))
}

// rampActions are what may happen on a ramp beside all else.
func (m *model) rampActions() map[string]func(*rapid.T) {
	all := m.actions()
	wait := func(by string) func(*rapid.T) {
		return func(*rapid.T) {
			m.now = m.now.Add(11 * time.Minute)
			m.hears()
			m.step(func(snapshot) lifecycle.Event { return lifecycle.Tick{} })
			m.step(m.observed)
			m.step(m.promoted(by))
		}
	}
	yes := func(t *rapid.T) {
		wait("")(t)
		m.step(func(v snapshot) lifecycle.Event {
			if v.Question == nil {
				return m.promoted("ann")(v)
			}
			return lifecycle.Answered{Reply: record.Reply{Yes: true}, Approval: v.Question.ID, By: fixture.By("ann"), Ready: m.readiness()}
		})
	}
	more := map[string]func(*rapid.T){
		"the daemon promotes": wait(""), "the daemon promotes again": wait(""), "a human promotes": wait("ann"),
		"asked, and yes": yes, "asked, and yes again": yes,
		"promoted":             func(*rapid.T) { m.step(m.promoted(m.pick("by", "", "", "ann"))) },
		"watchdog":             func(*rapid.T) { m.hears() },
		"the fixed one, safer": func(*rapid.T) { m.fixed() }, "the fixed one": func(*rapid.T) { m.fixed() },
		"a human stops": func(*rapid.T) {
			m.step(func(snapshot) lifecycle.Event { return lifecycle.Stopped{By: fixture.By("ann"), Reason: "because"} })
		},
		"a human resumes": func(*rapid.T) {
			m.step(func(snapshot) lifecycle.Event { return lifecycle.Resumed{By: fixture.By("ann"), Reason: "because"} })
		},
		"resumes again": func(*rapid.T) {
			m.step(func(snapshot) lifecycle.Event { return lifecycle.Resumed{By: fixture.By("bob"), Reason: "because"} })
		},
		"a step is read":    func(*rapid.T) { m.later(m.promoted(m.pick("by", "", "ann"))) },
		"an answer is read": func(*rapid.T) { m.later(m.answered) },
		"instances show":    func(*rapid.T) { m.step(m.observed) },
		"a show is read":    func(*rapid.T) { m.later(m.observed) },
	}
	maps.Copy(all, more)
	for _, name := range []string{"alert again", "alert once more"} {
		delete(all, name) // or no release comes far
	}
	return all
}

// observed is what the router's instances show, mostly what is wanted.
func (m *model) observed(v snapshot) lifecycle.Event {
	ev := lifecycle.Observed{Release: "none"}
	if v.Release == nil {
		return ev
	}
	ev.Release, ev.Epoch = v.Release.ID, v.Release.Epoch
	for _, address := range m.rb.Routing.Instances {
		i := lifecycle.View{Address: address, At: m.now, Split: v.Release.Want()}
		switch m.pick("instance", "follows", "follows", "follows", "follows", "follows", "stuck", "away") {
		case "stuck":
			i.Split = record.Split{"ranker-v1": 99, "ranker-v2": 1}
		case "away":
			i.Split, i.Problem = nil, "it does not answer within 2s"
		}
		ev.Views = append(ev.Views, i)
	}
	return ev
}

// fixed is a rollback by hand that users recover from, the next candidate on a safer
// ramp, and its first step as soon as that may be.
func (m *model) fixed() {
	as := func(ev lifecycle.Event) func(snapshot) lifecycle.Event {
		return func(snapshot) lifecycle.Event { return ev }
	}
	for _, ev := range []lifecycle.Event{lifecycle.Demanded{By: fixture.By("ann"), Reason: "because"}, lifecycle.Drained{Answer: fixture.Drained(record.Good)}, lifecycle.RecoveryPolled{Answers: fixture.Recovery(record.Good)}, lifecycle.RecoveryPolled{Answers: fixture.Recovery(record.Good)}, lifecycle.RecoveryPolled{Answers: fixture.Recovery(record.Good)}, lifecycle.Sealed{Path: "dir", Digest: "d"}} {
		m.now = m.now.Add(5 * time.Second)
		m.step(as(ev))
	}
	m.step(func(snapshot) lifecycle.Event {
		ev := m.launched()
		ev.Launch.Safer = true
		return ev
	})
	if r := m.look().release; r != nil && r.Rollout != nil && r.Phase == record.Open {
		m.step(as(lifecycle.Tick{}))
		m.step(m.observed)
		m.now = m.now.Add(r.Rollout.Stay(r.Weight))
		m.hears()
		m.step(m.promoted("ann"))
	}
}

// later reads now and commits at some other time.
func (m *model) later(make func(snapshot) lifecycle.Event) {
	if r, ok := m.read(make); ok && len(m.late) < 4 {
		m.late = append(m.late, r)
	}
}

// TestRampModel is TestModel for runbooks with a ramp: people, the daemon, a second
// replica and breaches race for each step. It has one goroutine: nothing is there for the
// race detector.
func TestRampModel(t *testing.T) {
	sim.Bulk(t)
	outcomes := map[string]int{}
	table, launch := fixture.Edges(t, "lifecycle/doc.go"), fixture.Launch(t)
	canary := func(promote string) *runbook.Rollout {
		return &runbook.Rollout{Strategy: runbook.Canary, Promote: promote, Bake: fixture.Minutes(10),
			Steps: []runbook.RampStep{{Weight: 5, For: fixture.Minutes(10)}, {Weight: 50, For: fixture.Minutes(10)}, {Weight: 100}}}
	}
	for _, rollout := range []*runbook.Rollout{canary(runbook.PromoteAutomatic), canary(runbook.PromoteAsk), canary(runbook.PromoteManual),
		{Strategy: runbook.BlueGreen, Promote: runbook.PromoteAutomatic, Holdback: 5, Bake: fixture.Minutes(10)}} {
		rb := fixture.Runbook(t, "page")
		rb.Rollout = rollout
		if rollout.Promote == runbook.PromoteAutomatic {
			rb.Routing.Instances = []string{"http://10.0.0.5:8080", "http://10.0.0.6:8080"}
		}
		services := engineOf(t, partsOf(nil, nil), rb, Options{}).services
		rapid.Check(t, func(rt *rapid.T) {
			m := &model{t: rt, rb: rb, services: services, launch: launch, st: newMemory(), table: table, now: fixture.Morning,
				automatic: map[string]int{}, ended: map[string]record.ApprovalStatus{}, outcomes: outcomes, known: map[string]any{}}
			m.start()
			m.write(`{"weights":{"ranker-v1":100}}`)
			m.human = false
			m.step(func(snapshot) lifecycle.Event { return m.launched() })
			rt.Repeat(m.rampActions())
		})
	}
	t.Logf("%v", outcomes)
	for _, must := range []string{"promoted to 5", "promoted to 50", "promoted to 95", "promoted to 100", "promoted by approval", "launched on a safer ramp", "promoted on a safer ramp", "safer refused", "proved", "rolled back by policy", "rolled back by hand", "Promoted not done", "promoted when every instance followed"} {
		if outcomes[must] == 0 && !t.Failed() && !testing.Short() {
			t.Errorf("no run came to %q: the model goes nowhere", must)
		}
	}
}

// A promotion and a rollback that were read at the same moment: one wins, the other
// reads again. Then nothing is left of the loser.
func TestPromotionAndRollbackHaveOneWinner(t *testing.T) {
	rb := fixture.Runbook(t, "page")
	rb.Rollout = &runbook.Rollout{Strategy: runbook.Canary, Promote: runbook.PromoteAutomatic, Bake: fixture.Minutes(10), Steps: []runbook.RampStep{{Weight: 20, For: fixture.Minutes(1)}, {Weight: 100}}}
	for _, first := range []int{0, 1} {
		t.Run(fmt.Sprint(first), func(t *testing.T) {
			st := newMemory()
			e := engineOf(t, partsOf(st, nil), rb, Options{})
			must(t, put(st, routerKey, `{"weights":{"ranker-v1":100}}`))
			ctx := context.Background()
			rel, err := e.Start(ctx, fixture.Launch(t), fixture.By("ann"))
			if err != nil {
				t.Fatal(err)
			}
			now := rel.StartedAt.Add(2 * time.Minute)
			text, _ := json.Marshal(watchdogRecord{At: now})
			must(t, put(st, store.WatchdogKey, string(text)))
			ready := record.Readiness{AskedAt: now, StablePods: 3, CandidatePods: 3, CandidateRate: 20}
			events := []lifecycle.Event{lifecycle.Promoted{Release: rel.ID, Epoch: rel.Epoch, Ready: ready},
				lifecycle.AlertChecked{Alert: fixture.Alert("errors", record.Watcher), Breach: fixture.Breach("errors", record.Breaching), Release: rel.ID, Epoch: rel.Epoch}}
			var views []snapshot
			for _, ev := range events {
				v, err := e.read(ctx, theTarget, ev)
				if err != nil {
					t.Fatal(err)
				}
				views = append(views, v)
			}
			if _, err := e.commit(ctx, views[first], events[first], now); err != nil {
				t.Fatal(err)
			}
			_, err = e.commit(ctx, views[1-first], events[1-first], now)
			fixture.Refused(t, err, store.ErrConflict)
			got, err := e.Release(ctx, "ranker", "")
			if err != nil {
				t.Fatal(err)
			}
			if want := []runbook.Weight{100, 0}[first]; got.Weight != want || got.Epoch != rel.Epoch+1 {
				t.Errorf("weight %v in epoch %d, want %v", got.Weight, got.Epoch, want)
			}
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
