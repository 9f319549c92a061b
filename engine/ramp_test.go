package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
)

// A climb is an engine that runs, with a watchdog that is heard, on time that is
// nobody's.
type climb struct {
	t  *testing.T
	e  *Engine
	st *memory
	f  *facts
}

// climbing runs the test in a bubble, with a runbook that has this rollout.
func climbing(t *testing.T, rollout *runbook.Rollout, weight runbook.Weight, test func(c climb)) {
	climbingWith(t, rollout, weight, func(*Parts) {}, test)
}

func climbingWith(t *testing.T, rollout *runbook.Rollout, weight runbook.Weight, edit func(*Parts), test func(c climb)) {
	rb := fixture.Runbook(t, "page")
	rb.Rollout = rollout
	climbingOf(t, rb, weight, edit, test)
}

func climbingOf(t *testing.T, rb *runbook.Runbook, weight runbook.Weight, edit func(*Parts), test func(c climb)) {
	synctest.Test(t, func(t *testing.T) {
		st := newMemory()
		f := factsOf(t, rb)
		parts := partsOf(st, f)
		edit(&parts)
		e := engineOf(t, parts, rb, Options{Replica: "replica"})
		must(t, put(st, routerKey, `{"weights":{"ranker-v1":100}}`))
		l := fixture.Launch(t)
		l.Weight = weight
		if _, err := e.Start(t.Context(), l, fixture.By("ann")); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop() // a test that ends early would leave it running
		done := make(chan error, 1)
		go func() { done <- e.Run(ctx) }()
		synctest.Wait() // what a test changes then is seen whole by the next tick
		test(climb{t, e, st, f})
		stop()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

// pass lets time pass with the watchdog heard every two minutes.
func (c climb) pass(d time.Duration) {
	for ; d > 0; d -= 2 * time.Minute {
		must(c.t, c.e.Alerts(c.t.Context(), []record.Alert{{Trigger: watchdog, Firing: true, Source: record.Webhook}}))
		time.Sleep(min(d, 2*time.Minute))
	}
	synctest.Wait()
}

func (c climb) release() record.Release {
	rel, err := c.e.Release(c.t.Context(), "ranker", "")
	must(c.t, err)
	return rel
}

// router is what the router is told.
func (c climb) router() string {
	v, err := c.e.read(c.t.Context(), theTarget, lifecycle.Tick{})
	must(c.t, err)
	return v.Split.String()
}

func TestTheDaemonGoesUpTheRamp(t *testing.T) {
	climbing(t, fixture.Ramp(runbook.PromoteAutomatic), 20, func(c climb) {
		t := c.t
		for _, step := range []struct {
			after time.Duration
			want  string
		}{{9 * time.Minute, "20 open ranker-v1 80, ranker-v2 20"}, {2 * time.Minute, "50 open ranker-v1 50, ranker-v2 50"}, {10 * time.Minute, "100 open ranker-v1 0, ranker-v2 100"},
			{18 * time.Minute, "100 open ranker-v1 0, ranker-v2 100"}, {3 * time.Minute, "100 closed ranker-v1 0, ranker-v2 100"}} {
			c.pass(step.after)
			rel := c.release()
			if got := fmt.Sprint(rel.Weight, " ", rel.Phase, " ", c.router()); got != step.want {
				t.Fatalf("got %s, want %s; waiting: %s", got, step.want, rel.Waiting)
			}
		}
		if n := len(all[record.Incident](t, c.st, store.IncidentKey(""))); n != 0 {
			t.Errorf("%d incidents", n)
		}
		var moves []runbook.Weight
		for _, m := range c.release().Moves {
			moves = append(moves, m.To)
		}
		if !slices.Equal(moves, []runbook.Weight{20, 50, 100, 100}) {
			t.Errorf("moves are %v", moves)
		}
	})
}

// Large services begin at a tenth of a percent. Nothing on the way is a neighbour of what the
// runbook says.
func TestTheRampBeginsAtATenthOfAPercent(t *testing.T) {
	ramp := &runbook.Rollout{Strategy: runbook.Canary, Promote: runbook.PromoteAutomatic, Bake: fixture.Minutes(10)}
	for _, w := range []runbook.Weight{0.1, 1, 5, 25, 50} {
		ramp.Steps = append(ramp.Steps, runbook.RampStep{Weight: w, For: fixture.Minutes(10)})
	}
	ramp.Steps = append(ramp.Steps, runbook.RampStep{Weight: 100})
	climbing(t, ramp, 0.07, func(c climb) {
		snap, _ := c.st.Read(t.Context(), routerKey)
		if text := string(snap.Entries[0].Value); !strings.Contains(text, `"ranker-v1":99.93,"ranker-v2":0.07}`) {
			t.Errorf("written as %s", text)
		}
		for _, want := range []string{"ranker-v1 99.93, ranker-v2 0.07", "ranker-v1 99.9, ranker-v2 0.1", "ranker-v1 99, ranker-v2 1", "ranker-v1 95, ranker-v2 5",
			"ranker-v1 75, ranker-v2 25", "ranker-v1 50, ranker-v2 50", "ranker-v1 0, ranker-v2 100"} {
			if got := c.router(); got != want || c.release().Held != nil {
				t.Fatalf("the router is told %s, want %s; waiting: %s", got, want, c.release().Waiting)
			}
			c.pass(11 * time.Minute)
		}
		rel, moves := c.release(), []runbook.Weight{}
		for _, m := range rel.Moves {
			moves = append(moves, m.To)
		}
		if rel.Phase != record.Closed || !slices.Equal(moves, []runbook.Weight{0.07, 0.1, 1, 5, 25, 50, 100, 100}) {
			t.Errorf("%s after %v; waiting: %s", rel.Phase, moves, rel.Waiting)
		}
	})
}

func TestTheRampStandsWhileNoRollbackIsPossible(t *testing.T) {
	climbing(t, fixture.Ramp(runbook.PromoteAutomatic), 20, func(c climb) {
		t := c.t
		c.f.set(func(f *facts) { f.warm = 1 })
		c.pass(15 * time.Minute)
		if rel := c.release(); rel.Weight != 20 || !strings.Contains(rel.Waiting, "v2 has 1 pod ready and needs 2") {
			t.Fatalf("%v %%, waiting: %s", rel.Weight, rel.Waiting)
		}
		writes := c.st.index
		c.pass(10 * time.Minute)
		if n := c.st.index - writes; n > 12 { // the watchdog's word, and nothing else
			t.Errorf("%d writes in ten minutes in which nothing changed", n)
		}
		_, err := c.e.Promote(t.Context(), "ranker", "", fixture.By("ann"))
		fixture.Refused(t, err, runbook.ErrRefused)
		c.f.set(func(f *facts) { f.down = true })
		_, err = c.e.Promote(t.Context(), "ranker", "", fixture.By("ann"))
		fixture.Refused(t, err, runbook.ErrRefused)
		c.f.set(func(f *facts) { f.down, f.warm = false, 3 })
		time.Sleep(10 * time.Minute) // and nobody heard the watchdog
		if rel := c.release(); rel.Weight != 50 {
			t.Fatalf("%v %%, waiting: %s", rel.Weight, rel.Waiting)
		}
		time.Sleep(20 * time.Minute)
		if rel := c.release(); rel.Weight != 50 || !strings.Contains(rel.Waiting, "no watchdog alert received by webhook since") {
			t.Fatalf("%v %%, waiting: %s", rel.Weight, rel.Waiting)
		}
	})
}

func TestABreachOnTheRampEndsIt(t *testing.T) {
	climbing(t, fixture.Ramp(runbook.PromoteAutomatic), 20, func(c climb) {
		t := c.t
		c.pass(11 * time.Minute)
		c.f.set(func(f *facts) { f.breaking["errors"], f.firing = true, []string{"errors"} })
		c.pass(20 * time.Minute)
		if rel := c.release(); rel.Phase != record.RolledBack || c.router() != "ranker-v1 100, ranker-v2 0" {
			t.Errorf("%+v, router %s", rel, c.router())
		}
	})
}

func TestAskedByTheDaemonAnsweredByAHuman(t *testing.T) {
	climbing(t, fixture.Ramp(runbook.PromoteAsk), 20, func(c climb) {
		t := c.t
		c.pass(12 * time.Minute)
		rel := c.release()
		a, err := c.e.Approval(t.Context(), rel.Asking)
		if err != nil || a.Kind != "promote" || rel.Weight != 20 {
			t.Fatalf("%v, %+v, %s", err, a, rel.Waiting)
		}
		now, err := c.e.Live(t.Context(), a)
		if err != nil || now.Plan.Digest != a.Change || now.Plan.To.String() != "ranker-v1 50, ranker-v2 50" || len(now.Triggers) == 0 {
			t.Fatalf("the page would show %+v, %v", now, err)
		}
		answered, err := c.e.Answer(t.Context(), a.ID, fixture.By("bob"), record.Reply{Yes: true, Reason: ""})
		if err != nil || answered.Status != record.Approved {
			t.Fatalf("%v, %+v", err, answered)
		}
		if c.release().Weight != 50 || c.router() != "ranker-v1 50, ranker-v2 50" {
			t.Errorf("%+v, router %s", c.release(), c.router())
		}
	})
}

func TestFlipAndFlipBack(t *testing.T) {
	rollout := &runbook.Rollout{Strategy: runbook.BlueGreen, Promote: runbook.PromoteAutomatic, Bake: fixture.Minutes(60), Holdback: 5}
	climbing(t, rollout, 0, func(c climb) {
		t := c.t
		c.f.set(func(f *facts) { f.traffic, f.warm = 0, 1 })
		c.pass(5 * time.Minute)
		_, err := c.e.Flip(t.Context(), "ranker", "", fixture.By("ann"))
		fixture.Refused(t, err, runbook.ErrRefused)
		c.f.set(func(f *facts) { f.warm = 2 })
		rel, err := c.e.Flip(t.Context(), "ranker", "", fixture.By("ann"))
		if err != nil || rel.Weight != 95 || c.router() != "ranker-v1 5, ranker-v2 95" {
			t.Fatalf("%v, %+v, router %s", err, rel, c.router())
		}
		flags, _ := c.st.Read(t.Context(), "features/ranker/")
		for _, en := range flags.Entries {
			if !strings.Contains(string(en.Value), `"serving":true`) && !strings.Contains(string(en.Value), `"serving": true`) {
				t.Errorf("%s is %s", en.Key, en.Value)
			}
		}
		if _, err := c.e.Rollback(t.Context(), "ranker", "", fixture.By("ann"), "flip back"); err != nil || c.router() != "ranker-v1 100, ranker-v2 0" {
			t.Errorf("%v, router %s", err, c.router())
		}
	})
}

func TestRampPlan(t *testing.T) {
	climbing(t, fixture.Ramp(runbook.PromoteAutomatic), 20, func(c climb) {
		t := c.t
		p, err := c.e.RampPlan(t.Context(), "ranker", "")
		if err != nil || len(p.Steps) != 3 || p.Rate != 100 || p.Weight != 20 || p.Problem != "" {
			t.Fatalf("%v, %+v", err, p)
		}
		first, last := p.Steps[0], p.Steps[2]
		if !slices.Contains(first.Decide, "errors") || first.Need <= 0 || last.For != fixture.Minutes(20) || last.Through < fixture.Minutes(40) {
			t.Errorf("%+v", p.Steps)
		}
		if slices.Contains(last.Decide, "errors") {
			t.Error("at 100 % nothing is left to compare with")
		}
	})
	climbing(t, fixture.Ramp(runbook.PromoteAutomatic), 20, func(c climb) {
		t := c.t
		c.f.set(func(f *facts) { f.down = true })
		p, err := c.e.RampPlan(t.Context(), "ranker", "")
		if err != nil || p.Problem == "" || len(p.Steps) != 3 {
			t.Errorf("%v, %+v", err, p)
		}
	})
}
