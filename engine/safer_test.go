package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
)

// A release that breaks at 50 %, and the fixed one on the ramp drafted from it: half of
// 50 comes first, no step is taken without a yes, and the runbook is not changed.
func TestSaferRamp(t *testing.T) {
	rb := fixture.Runbook(t, "page")
	rb.Rollout = fixture.Ramp(runbook.PromoteAutomatic)
	st := newMemory()
	e := engineOf(t, partsOf(st, nil), rb, Options{})
	must(t, put(st, routerKey, `{"weights":{"ranker-v1":100}}`))
	must(t, put(st, store.WatchdogKey, `{"schema":1,"at":"2030-05-06T09:00:00Z"}`))
	now := fixture.Morning
	step := func(ev func(lifecycle.State) lifecycle.Event) lifecycle.State {
		t.Helper()
		v, err := e.read(t.Context(), theTarget, lifecycle.Tick{})
		must(t, err)
		do := ev(v.State)
		v, err = e.read(t.Context(), theTarget, do)
		must(t, err)
		s, err := e.commit(t.Context(), v, do, now)
		must(t, err)
		return s
	}
	as := func(ev lifecycle.Event) func(lifecycle.State) lifecycle.Event {
		return func(lifecycle.State) lifecycle.Event { return ev }
	}
	promoted := func(by string) func(lifecycle.State) lifecycle.Event {
		return func(s lifecycle.State) lifecycle.Event {
			return lifecycle.Promoted{By: fixture.By(by), Release: s.Release.ID, Epoch: s.Release.Epoch, Ready: record.Readiness{AskedAt: now, StablePods: 3, CandidatePods: 3, CandidateRate: 20}}
		}
	}
	weight := func(t *testing.T, s lifecycle.State, want runbook.Weight) {
		t.Helper()
		if s.Release.Weight != want {
			t.Fatalf("weight %v, want %v: %s", s.Release.Weight, want, s.Release.Waiting)
		}
	}
	waiting := func(s lifecycle.State, want string) {
		t.Helper()
		if !strings.Contains(s.Release.Waiting, want) {
			t.Fatalf("waiting for %q, want %q", s.Release.Waiting, want)
		}
	}
	fixed := fixture.Launch(t)
	fixed.Candidate.Bundle.Model.Registry.Version, fixed.Safer = "13", true
	start := func(l runbook.Launch) error {
		v, err := e.read(t.Context(), theTarget, lifecycle.Launched{Launch: l, By: fixture.By("ann")})
		must(t, err)
		v.Op = newOp()
		_, err = lifecycle.Step(v.State, lifecycle.Launched{Launch: l, By: fixture.By("ann")}, now)
		return err
	}
	if err := start(fixed); err == nil || !strings.Contains(err.Error(), "no release before") {
		t.Fatalf("safer than nothing: %v", err)
	}
	step(as(lifecycle.Launched{Launch: fixture.Launch(t), By: fixture.By("ann")}))
	now = now.Add(5 * time.Minute)
	must(t, put(st, store.WatchdogKey, `{"schema":1,"at":"2030-05-06T09:10:00Z"}`))
	now = now.Add(5 * time.Minute)
	weight(t, step(promoted("")), 50)
	s := step(func(s lifecycle.State) lifecycle.Event {
		return lifecycle.AlertChecked{Alert: fixture.Alert("errors", record.Webhook), Breach: fixture.Breach("errors", record.Breaching), Release: s.Release.ID, Epoch: s.Release.Epoch}
	})
	weight(t, s, 0)
	incident := s.Incident.ID
	now = now.Add(5 * time.Second)
	step(as(lifecycle.Drained{Answer: fixture.Drained(record.Good)}))
	for range 3 {
		now = now.Add(5 * time.Second)
		step(as(lifecycle.RecoveryPolled{Answers: fixture.Recovery(record.Good)}))
	}
	step(as(lifecycle.Sealed{Path: "folder", Digest: "d"}))
	greedy := fixed
	greedy.Weight = 50
	if err := start(greedy); err == nil || !strings.Contains(err.Error(), "begins at 20 %") {
		t.Fatalf("half of the traffic at once: %v", err)
	}
	s = step(as(lifecycle.Launched{Launch: fixed, By: fixture.By("ann")}))
	if s.Release.SaferThan != incident || s.Release.Rollout.String() != "20 % for 20m, 25 % for 20m, 50 % for 20m, 100 % for 40m" {
		t.Fatalf("the draft is %v, of %s", s.Release.Rollout, s.Release.SaferThan)
	}
	now = now.Add(11 * time.Minute)
	must(t, put(st, store.WatchdogKey, `{"schema":1,"at":"2030-05-06T09:22:00Z"}`))
	s = step(promoted(""))
	weight(t, s, 20)
	waiting(s, "20m")
	now = now.Add(10 * time.Minute)
	must(t, put(st, store.WatchdogKey, `{"schema":1,"at":"2030-05-06T09:31:00Z"}`))
	s = step(promoted(""))
	weight(t, s, 20)
	waiting(s, "waiting for approval from")
	weight(t, step(promoted("ann")), 25)
	if rb.Rollout.String() != "20 % for 10m, 50 % for 10m, 100 % for 20m" {
		t.Errorf("the runbook's own ramp is %s", rb.Rollout)
	}
}
