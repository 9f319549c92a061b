package engine

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
)

// A replica that does not know the significance yet keeps the alert, pages once, and asks
// again until it knows.
func TestARebuildingReplicaAsksAgain(t *testing.T) {
	for _, c := range []struct {
		name  string
		known record.Significance
		phase record.Phase
		split string
	}{
		{"proved", record.Significance{Value: 2}, record.Acted, "ranker-v1 100, ranker-v2 0"},
		{"not proved, and the ramp goes on", record.Significance{Value: 0.5}, record.Done, "ranker-v1 50, ranker-v2 50"},
	} {
		t.Run(c.name, func(t *testing.T) {
			climbing(t, fixture.Ramp(runbook.PromoteAutomatic), 20, func(at climb) {
				t, m := at.t, at.e.monitor.(*proofs)
				time.Sleep(2 * sharedFor) // the answer that the watcher's first tick had would be shared
				m.say("errors", rebuilding)
				at.f.set(func(f *facts) { f.breaking["errors"] = true })
				must(t, hears(t, at.e, fixture.Alert("errors", record.Webhook)))
				at.pass(15 * time.Minute)
				i := incidentOf(t, at.st)
				if i.Phase != record.Unconfirmed || at.release().Weight != 20 {
					t.Fatalf("incident is %q at %v %%", i.Phase, at.release().Weight)
				}
				if told := toldOf(i); len(told) != 1 || !strings.Contains(told[0], "its significance is not known yet") || fixture.Noted(&i, "decided") {
					t.Errorf("told %q", told)
				}
				c.known.At = time.Now()
				m.say("errors", c.known)
				time.Sleep(6 * time.Second)
				synctest.Wait()
				if i := incidentOf(t, at.st); i.Phase != c.phase || at.router() != c.split {
					t.Errorf("incident is %q, router %s", i.Phase, at.router())
				}
			})
		})
	}
}

// toldOf is what the incident says was told.
func toldOf(i record.Incident) (told []string) {
	for _, line := range i.Timeline {
		if line.Kind == "told" {
			told = append(told, line.Text)
		}
	}
	return told
}

func TestTheRampHoldsWhileTheSignificanceIsRebuilt(t *testing.T) {
	climbing(t, fixture.Ramp(runbook.PromoteAutomatic), 20, func(c climb) {
		t, m := c.t, c.e.monitor.(*proofs)
		m.say("errors", rebuilding)
		c.pass(20 * time.Minute)
		if rel := c.release(); rel.Weight != 20 || !strings.Contains(rel.Waiting, "errors: "+rebuilding.Problem) || strings.Contains(rel.Waiting, "Prometheus cannot") {
			t.Fatalf("%v %%, waiting: %s", rel.Weight, rel.Waiting)
		}
		_, err := c.e.Promote(t.Context(), "ranker", "", fixture.By("ann"))
		fixture.Refused(t, err, runbook.ErrRefused)
		m.say("errors", record.Significance{At: time.Now(), Value: 0.1})
		c.pass(2 * time.Minute)
		if rel := c.release(); rel.Weight != 50 {
			t.Errorf("%v %%, waiting: %s", rel.Weight, rel.Waiting)
		}
	})
}

// At the moment of the transaction, not at the next look.
func TestTheMonitorIsToldWhatToWatch(t *testing.T) {
	watches := func(t *testing.T, e *Engine, want ...runbook.Weight) {
		t.Helper()
		synctest.Wait()
		if got := e.monitor.(*proofs).weights(); !slices.Equal(got, want) {
			t.Errorf("watches releases of weights %v, want %v", got, want)
		}
	}
	t.Run("begins", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			rb, st := fixture.Runbook(t, "page"), newMemory()
			e := engineOf(t, partsOf(st, factsOf(t, rb)), rb, Options{Replica: "replica"})
			must(t, put(st, routerKey, `{"weights":{"ranker-v1":100}}`))
			ctx, stop := context.WithCancel(t.Context())
			over := make(chan error)
			go func() { over <- e.Run(ctx) }()
			watches(t, e)
			if _, err := e.Start(t.Context(), fixture.Launch(t), fixture.By("ann")); err != nil {
				t.Fatal(err)
			}
			watches(t, e, 20)
			stop()
			must(t, <-over)
		})
	})
	t.Run("changes and ends", func(t *testing.T) {
		climbing(t, fixture.Ramp(runbook.PromoteManual), 20, func(c climb) {
			watches(c.t, c.e, 20)
			c.pass(12 * time.Minute)
			if _, err := c.e.Promote(c.t.Context(), "ranker", "", fixture.By("ann")); err != nil {
				c.t.Fatal(err)
			}
			watches(c.t, c.e, 50)
			if _, err := c.e.Rollback(c.t.Context(), "ranker", "", fixture.By("ann"), "because"); err != nil {
				c.t.Fatal(err)
			}
			watches(c.t, c.e)
		})
	})
	t.Run("not yet any traffic", func(t *testing.T) {
		climbing(t, &runbook.Rollout{Strategy: runbook.BlueGreen, Promote: runbook.PromoteManual, Bake: fixture.Minutes(60), Holdback: 5}, 0, func(c climb) {
			watches(c.t, c.e)
			if all[record.Release](c.t, c.st, store.ReleaseKey("ranker", ""))[""].Weight != 0 {
				c.t.Error("it has traffic")
			}
		})
	})
}
