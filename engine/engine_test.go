package engine

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
)

// solo is one engine on a store that forgets, with a release under way.
func solo(tb testing.TB, parts func(*Parts)) (*Engine, *memory, *facts) {
	tb.Helper()
	rb, st := fixture.Runbook(tb, "page"), newMemory()
	f := factsOf(tb, rb)
	p := partsOf(st, f)
	if parts != nil {
		parts(&p)
	}
	e := engineOf(tb, p, rb, Options{Replica: "replica"})
	if err := put(st, routerKey, `{"weights":{"ranker-v1":100}}`); err != nil {
		tb.Fatal(err)
	}
	if _, err := e.Start(tb.Context(), fixture.Launch(tb), fixture.By("ann")); err != nil {
		tb.Fatal(err)
	}
	return e, st, f
}

func hears(tb testing.TB, e *Engine, alerts ...record.Alert) error {
	tb.Helper()
	return e.Alerts(tb.Context(), alerts)
}

func incidentOf(tb testing.TB, st store.Store) record.Incident {
	tb.Helper()
	for _, i := range all[record.Incident](tb, st, store.IncidentKey("")) {
		return i
	}
	return record.Incident{}
}

// The watcher hands over all services' alerts at once: what is wrong with one of them
// must not keep another from being rolled back.
func TestOneBrokenServiceStopsNoOther(t *testing.T) {
	e, st, f := solo(t, nil)
	other := *e.services["ranker"].rb
	other.Service, other.Routing.Key = "broken", "routes/broken"
	if err := e.Reload([]*runbook.Runbook{e.services["ranker"].rb, &other}); err != nil {
		t.Fatal(err)
	}
	if err := put(st, store.ReleaseKey("broken", runbook.DefaultRegion), `{"schema":99}`); err != nil {
		t.Fatal(err)
	}
	f.breaking["errors"] = true
	broken := fixture.Alert("errors", record.Watcher)
	broken.Service = "broken"
	err := hears(t, e, broken, broken, broken, fixture.Alert("errors", record.Watcher), broken)
	if !errors.Is(err, runbook.ErrLater) {
		t.Errorf("error is %v: the broken one is to be offered again", err)
	}
	if i := incidentOf(t, st); i.Phase != record.Acted {
		t.Errorf("ranker's incident is %q", i.Phase)
	}
}

func TestUnreadableControlStopsAndPages(t *testing.T) {
	e, st, f := solo(t, nil)
	f.breaking["errors"] = true
	if err := put(st, store.ControlKey, "pasued"); err != nil {
		t.Fatal(err)
	}
	if err := hears(t, e, fixture.Alert("errors", record.Webhook)); err != nil {
		t.Fatal(err)
	}
	if i := incidentOf(t, st); i.Phase != record.HeldPhase || !i.Decision.Page || !strings.Contains(i.Decision.Reasons[0], "pasued") {
		t.Errorf("incident is %s, decision %+v", i.Phase, i.Decision)
	}
	if s, err := e.Status(t.Context()); err != nil || s.Control.Mode == runbook.Active {
		t.Errorf("status says %q, %v", s.Control.Mode, err)
	}
	if _, err := e.Rollback(t.Context(), "ranker", "", fixture.By("ann"), "because"); err != nil {
		t.Errorf("a human is stopped as well: %v", err)
	}
}

func TestUnreadableQuarantineBarsItsOwnBundleOnly(t *testing.T) {
	e, st, f := solo(t, nil)
	f.breaking["errors"] = true
	if err := put(st, store.QuarantineKey("sha256:"+strings.Repeat("0", 64)), "not JSON"); err != nil {
		t.Fatal(err)
	}
	if err := hears(t, e, fixture.Alert("errors", record.Webhook)); err != nil {
		t.Fatal(err)
	}
	if i := incidentOf(t, st); i.Phase != record.Acted {
		t.Errorf("incident is %q", i.Phase)
	}
}

// An answer about weights that another replica has just replaced is asked for again.
func TestAnswerAboutOldWeightsIsAskedAgain(t *testing.T) {
	e, st, f := solo(t, nil)
	f.breaking["errors"] = true
	if err := put(st, routerKey, `{"weights":{"ranker-v1":60,"ranker-v2":40}}`); err != nil {
		t.Fatal(err)
	}
	twin := engineOf(t, partsOf(st, f), e.services["ranker"].rb, Options{Replica: "twin"})
	if _, err := twin.step(t.Context(), theTarget, lifecycle.Tick{}); err != nil {
		t.Fatal(err)
	}
	if _, err := twin.AcceptSplit(t.Context(), "ranker", "", fixture.By("ann"), "because"); err != nil {
		t.Fatal(err)
	}
	if err := hears(t, e, fixture.Alert("errors", record.Webhook)); err != nil {
		t.Fatal(err)
	}
	rel, err := e.Release(t.Context(), "ranker", "")
	if err != nil || rel.Phase != record.RolledBack || rel.Epoch != 3 {
		t.Errorf("release is %+v, %v", rel, err)
	}
}

func TestDeadSinkIsGivenUpAfterADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sends := 0
		e, st, f := solo(t, func(p *Parts) {
			p.Post = posts(func(m record.Message) (string, error) {
				if m.Kind != report.KindStarted {
					sends++
				}
				return "", errors.New("no such host")
			})
		})
		f.breaking["slo"] = true
		if err := hears(t, e, fixture.Alert("slo", record.Webhook)); err != nil {
			t.Fatal(err)
		}
		e.opts.WatchEvery, e.opts.ReconcileEvery = -1, time.Minute
		ctx, stop := context.WithCancel(t.Context())
		over := make(chan error)
		go func() { over <- e.Run(ctx) }()
		time.Sleep(23 * time.Hour)
		if n := len(all[record.Message](t, st, store.OutboxKey(""))); n != 2 { // a release began, and the incident's
			t.Errorf("%d messages are waiting after 23 hours", n)
		}
		time.Sleep(2 * time.Hour)
		if n := len(all[record.Message](t, st, store.OutboxKey(""))); n != 0 {
			t.Errorf("%d messages are waiting after 25 hours", n)
		}
		if i := incidentOf(t, st); !fixture.Noted(&i, "gave_up") {
			t.Error("the incident does not say so")
		}
		if sends < 100 || sends > 500 {
			t.Errorf("tried %d times in a day", sends)
		}
		stop()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
}

// What we cut short by stopping is no answer of Prometheus: it must neither start the
// row of polls anew nor be sealed as evidence.
func TestStoppingCommitsNoAnswers(t *testing.T) {
	captured := 0
	e, st, f := solo(t, func(p *Parts) { p.Archive = captures(func(string) error { captured++; return nil }) })
	f.breaking["errors"] = true
	if err := hears(t, e, fixture.Alert("errors", record.Webhook)); err != nil {
		t.Fatal(err)
	}
	s, err := e.step(t.Context(), theTarget, lifecycle.Tick{})
	if err != nil {
		t.Fatal(err)
	}
	before := incidentOf(t, st)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	for _, do := range []lifecycle.EffectKind{lifecycle.AskDrained, lifecycle.AskHealth, lifecycle.CaptureOld, lifecycle.SealAll, lifecycle.AskAgain} {
		if err := e.runEffect(ctx, theTarget, s, do); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", do, err)
		}
	}
	if after := incidentOf(t, st); !reflect.DeepEqual(after, before) || captured != 0 {
		t.Errorf("the incident changed or was captured (%d)", captured)
	}
}

// Run returns only once what an alert began is done. (Not in a synctest bubble: a
// goroutine that waits for a mutex does not count as blocked there.)
func TestRunWaitsForWhatAlertsBegan(t *testing.T) {
	e, st, f := solo(t, nil)
	f.breaking["errors"] = true
	e.opts.WatchEvery = -1
	reached, slow := make(chan struct{}), make(chan struct{})
	e.opts.Boundary = func(name string) {
		if name == "before-act" {
			close(reached)
			<-slow // the store is
		}
	}
	caller, hangUp := context.WithCancel(t.Context())
	heard := make(chan error)
	go func() { heard <- e.Alerts(caller, []record.Alert{fixture.Alert("errors", record.Webhook)}) }()
	<-reached
	hangUp()
	if err := <-heard; !errors.Is(err, runbook.ErrLater) {
		t.Errorf("error is %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	over := make(chan error)
	go func() { over <- e.Run(ctx) }()
	select {
	case <-over:
		t.Error("Run did not wait")
	case <-time.After(50 * time.Millisecond): // only a fault is ever faster than this
		close(slow)
		if err := <-over; err != nil {
			t.Error(err)
		}
	}
	if i := incidentOf(t, st); i.Phase != record.Acted {
		t.Errorf("incident is %q: what was begun was dropped", i.Phase)
	}
}

func TestMetricsExistFromTheStart(t *testing.T) {
	reg := prometheus.NewRegistry()
	solo(t, func(p *Parts) { p.Registerer = reg })
	got, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]int{}
	for _, m := range got {
		names[m.GetName()] = len(m.GetMetric())
	}
	for name, series := range map[string]int{"autorollback_problems_total": 7, "autorollback_decisions_total": 4, "autorollback_shadow_verdicts_total": 3, "autorollback_verdicts_total": 4, "autorollback_weight": 2} {
		if names[name] != series {
			t.Errorf("%s has %d series, want %d", name, names[name], series)
		}
	}
}

// What is committed between our look and our write stops the write: a pause, a bar on
// the bundle we would go back to, another split.
func TestWhatChangedSinceTheLookStopsTheWrite(t *testing.T) {
	for name, change := range map[string]func(*memory, record.Release) error{
		"pause": func(st *memory, _ record.Release) error { return put(st, store.ControlKey, "paused") },
		"quarantine of stable": func(st *memory, r record.Release) error {
			return put(st, store.QuarantineKey(r.Stable.Bundle), `{"schema":1}`)
		},
		"split": func(st *memory, _ record.Release) error {
			return put(st, routerKey, `{"weights":{"ranker-v1":50,"ranker-v2":50}}`)
		},
		"budget": func(st *memory, _ record.Release) error { return put(st, store.BudgetKey, `{"schema":1}`) },
		"another replica notices that the store went back": func(st *memory, _ record.Release) error {
			return put(st, store.BehindKey("ranker", runbook.DefaultRegion), `{"schema":1}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			e, st, _ := solo(t, nil)
			rel, err := e.Release(t.Context(), "ranker", "")
			if err != nil {
				t.Fatal(err)
			}
			ev := lifecycle.AlertChecked{Alert: fixture.Alert("errors", record.Webhook), Breach: fixture.Breach("errors", record.Breaching), Release: rel.ID, Epoch: rel.Epoch}
			v, err := e.read(t.Context(), theTarget, ev)
			if err != nil {
				t.Fatal(err)
			}
			if err := change(st, rel); err != nil {
				t.Fatal(err)
			}
			if _, err := e.commit(t.Context(), v, ev, time.Now().UTC()); !errors.Is(err, store.ErrConflict) {
				t.Errorf("error is %v", err)
			}
		})
	}
}

// A human's split is taken over as it was looked at: once it is put back there is
// nothing to take over, though no key of ours has changed.
func TestSplitPutBackIsNotTakenOver(t *testing.T) {
	e, st, _ := solo(t, nil)
	if err := put(st, routerKey, `{"weights":{"ranker-v1":60,"ranker-v2":40}}`); err != nil {
		t.Fatal(err)
	}
	v, err := e.read(t.Context(), theTarget, lifecycle.Tick{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.commit(t.Context(), v, lifecycle.Tick{}, time.Now().UTC()); err != nil {
		t.Fatal(err)
	}
	look := func() snapshot {
		v, err := e.read(t.Context(), theTarget, lifecycle.SplitAccepted{})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	before := look()
	if err := put(st, routerKey, `{"weights":{"ranker-v1":95,"ranker-v2":5}}`); err != nil {
		t.Fatal(err)
	}
	if _, err := e.commit(t.Context(), before, lifecycle.SplitAccepted{By: fixture.By("ann"), Reason: "because"}, time.Now().UTC()); !errors.Is(err, store.ErrConflict) {
		t.Errorf("the split of before was taken over: %v", err)
	}
	if err := put(st, routerKey, `{"weights":{"ranker-v1":60,"ranker-v2":40}}`); err != nil {
		t.Fatal(err)
	}
	if _, err := e.commit(t.Context(), look(), lifecycle.SplitAccepted{By: fixture.By("ann"), Reason: "because"}, time.Now().UTC()); err != nil {
		t.Errorf("take over what is there: %v", err)
	}
}
