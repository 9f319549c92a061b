package engine

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
)

// fleet are instances of a router that follow the store, but those that are frozen: they
// accept a question and never answer it; and those that are stuck with what they had.
type fleet struct {
	st *memory

	mu     sync.Mutex
	frozen map[string]bool // by host
	stuck  map[string]string
	asked  map[string]int
}

func (f *fleet) freeze(host string, is bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.frozen[host] = is
}

// stick lets a host show a text whatever the store says; empty: no more.
func (f *fleet) stick(host, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stuck[host] = text
}

func (f *fleet) questions(host string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[host]
}

func (f *fleet) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	f.asked[r.URL.Host]++
	frozen, shown := f.frozen[r.URL.Host], f.stuck[r.URL.Host]
	f.mu.Unlock()
	if frozen {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	snap, err := f.st.Read(r.Context(), routerKey)
	en, ok := snap.Get(routerKey)
	if err != nil || !ok {
		return nil, errors.Join(err, errors.New("no weights"))
	}
	if shown == "" {
		shown = string(en.Value)
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(shown)), Request: r}, nil
}

// A routedWorld is an engine that runs over a fleet of two, on time that is nobody's.
type routedWorld struct {
	t     *testing.T
	e     *Engine
	st    *memory
	fleet *fleet
	begin func() (e *Engine, stop func()) // another process on the same store

	mu   sync.Mutex
	told []record.Message
}

func (w *routedWorld) messages(kind string) []record.Message {
	w.mu.Lock()
	defer w.mu.Unlock()
	var of []record.Message
	for _, m := range w.told {
		if m.Kind == kind {
			of = append(of, m)
		}
	}
	return of
}

func routing(t *testing.T, test func(t *testing.T, w *routedWorld)) { routingOf(t, test) }

// routingOf has instances that are frozen before the release starts: later, one may have been asked already.
func routingOf(t *testing.T, test func(t *testing.T, w *routedWorld), frozen ...string) {
	synctest.Test(t, func(t *testing.T) {
		rb, st := fixture.Runbook(t, "page"), newMemory()
		rb.Rollout = fixture.Ramp(runbook.PromoteAutomatic)
		rb.Routing.Instances = []string{"http://a", "http://b"}
		w := &routedWorld{t: t, st: st, fleet: &fleet{st: st, frozen: map[string]bool{}, stuck: map[string]string{}, asked: map[string]int{}}}
		for _, host := range frozen {
			w.fleet.freeze(host, true)
		}
		w.begin = func() (*Engine, func()) {
			parts := partsOf(st, factsOf(t, rb))
			parts.Client = &http.Client{Transport: w.fleet}
			parts.Post = posts(func(m record.Message) (string, error) {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.told = append(w.told, m)
				return "#ranking-oncall", nil
			})
			e := engineOf(t, parts, rb, Options{Replica: newOp()})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- e.Run(ctx) }()
			return e, func() {
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
			}
		}
		must(t, put(st, routerKey, `{"weights":{"ranker-v1":100}}`))
		e, stop := w.begin()
		w.e = e
		if _, err := e.Start(t.Context(), fixture.Launch(t), fixture.By("ann")); err != nil {
			t.Fatal(err)
		}
		defer func() { stop() }()
		test(t, w)
	})
}

func (w *routedWorld) rollback() {
	w.t.Helper()
	if _, err := w.e.Rollback(w.t.Context(), "ranker", "", fixture.By("ann"), "looks bad"); err != nil {
		w.t.Fatal(err)
	}
}

func (w *routedWorld) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestEveryInstanceAppliesARollback(t *testing.T) {
	routing(t, func(t *testing.T, w *routedWorld) {
		w.pass(3 * time.Second)
		w.rollback()
		w.pass(3 * time.Second)
		i := incidentOf(t, w.st)
		if a := i.Applied; a == nil || a.ReadBackAt.Before(i.ActedAt) || a.AppliedAt.Before(a.ReadBackAt) || a.AppliedAt.Sub(i.ActedAt) > 2*time.Second || len(a.Instances) != 2 {
			t.Fatalf("%+v", a)
		}
		asked := w.fleet.questions("a")
		w.pass(time.Minute)
		if n := w.fleet.questions("a") - asked; n < 1 || n > 3 {
			t.Errorf("an instance that has shown the split was asked %d times in a minute more", n)
		}
		if n := len(w.messages(report.KindInstanceNotApplied)) + len(w.messages(report.KindInstanceApplied)); n != 0 {
			t.Errorf("told %d times that all is well", n)
		}
	})
}

// A frozen instance is named within 15 s, once, whoever runs; a process that dies in
// between changes nothing, and it is told when the instance follows.
func TestAFrozenInstanceIsNamedWithinFifteenSeconds(t *testing.T) {
	routing(t, func(t *testing.T, w *routedWorld) {
		_, stop := w.begin() // a second replica, which dies
		w.pass(3 * time.Second)
		w.fleet.freeze("b", true)
		w.rollback()
		w.pass(5 * time.Second)
		stop()
		_, stop = w.begin()
		defer func() { stop() }()
		w.pass(40 * time.Second)
		i := incidentOf(t, w.st)
		late := i.Applied.Late()
		if len(late) != 1 || late[0].Address != "http://b" || late[0].LateAt.Sub(i.ActedAt) > 15*time.Second || !strings.Contains(late[0].Problem, "does not answer within 2s") {
			t.Fatalf("late are %+v, acted at %s", late, i.ActedAt)
		}
		pages := w.messages(report.KindInstanceNotApplied)
		if len(pages) != 1 || !pages[0].Page || pages[0].CreatedAt.Sub(i.ActedAt) > 15*time.Second {
			t.Fatalf("pages %+v", pages)
		}
		if i.ActedAt.IsZero() || !i.Applied.AppliedAt.IsZero() {
			t.Errorf("%+v", i.Applied)
		}
		w.fleet.freeze("b", false)
		w.pass(5 * time.Second)
		if i = incidentOf(t, w.st); len(i.Applied.Late()) != 0 || i.Applied.AppliedAt.IsZero() {
			t.Errorf("it follows: %+v", i.Applied)
		}
		if told := w.messages(report.KindInstanceApplied); len(told) != 1 || told[0].Page {
			t.Errorf("told %+v", told)
		}
	})
}

// An instance that has shown the split falls back to an older one: it is named and pages, keeps the
// ramp, and people are told when it is over. One that only does not answer is no such thing.
func TestAnInstanceThatFallsBackIsNamed(t *testing.T) {
	const old = `{"weights":{"ranker-v1":100,"ranker-v2":0}}`
	routing(t, func(t *testing.T, w *routedWorld) {
		w.pass(5 * time.Second)
		w.fleet.freeze("a", true)
		w.pass(2 * time.Minute)
		w.fleet.freeze("a", false)
		w.fleet.stick("b", old)
		w.pass(45 * time.Second)
		rel, err := w.e.Release(t.Context(), "ranker", "")
		must(t, err)
		pages := w.messages(report.KindInstanceNotApplied)
		if late := rel.Applied.Late(); len(late) != 1 || late[0].Address != "http://b" || late[0].AppliedAt.IsZero() ||
			late[0].Problem != "it serves ranker-v1 100, ranker-v2 0" || len(pages) != 1 || !pages[0].Page ||
			!strings.Contains(pages[0].Title, "1 router instance fell back") {
			t.Fatalf("late are %+v, pages %+v", late, pages)
		}
		if _, err := w.e.Promote(t.Context(), "ranker", "", fixture.By("ann")); err == nil || !strings.Contains(err.Error(), "does not serve 20 % everywhere") {
			t.Errorf("promoted over it: %v", err)
		}
		w.pass(5 * time.Minute)
		w.fleet.stick("b", "")
		w.pass(3 * time.Second)
		rel, err = w.e.Release(t.Context(), "ranker", "")
		must(t, err)
		told := w.messages(report.KindInstanceApplied)
		if len(rel.NotApplied([]string{"http://a", "http://b"})) != 0 || len(told) != 1 || !strings.Contains(told[0].Text, "with another split") {
			t.Errorf("it serves the split again: %+v, told %+v", rel.Applied, told)
		}
		if n := len(w.messages(report.KindInstanceNotApplied)); n != 1 {
			t.Errorf("paged %d times", n)
		}
	})
}

// After a rollback the split that it falls back to is the candidate's.
func TestAnInstanceThatFallsBackAfterARollbackIsNamed(t *testing.T) {
	routing(t, func(t *testing.T, w *routedWorld) {
		w.pass(3 * time.Second)
		w.rollback()
		w.pass(time.Hour)
		w.fleet.stick("b", `{"weights":{"ranker-v1":80,"ranker-v2":20}}`)
		w.pass(45 * time.Second)
		i := incidentOf(t, w.st)
		pages := w.messages(report.KindInstanceNotApplied)
		if late := i.Applied.Late(); len(late) != 1 || late[0].Address != "http://b" || len(pages) != 1 || pages[0].Incident != i.ID ||
			!strings.Contains(pages[0].Text, "Their users may still get v2.") {
			t.Errorf("late are %+v, pages %+v", late, pages)
		}
		w.fleet.stick("b", "")
		w.pass(3 * time.Second)
		if i = incidentOf(t, w.st); len(i.Applied.Late()) != 0 || len(w.messages(report.KindInstanceApplied)) != 1 {
			t.Errorf("it is over: %+v", i.Applied)
		}
	})
}

// One that lets us wait takes nothing from the time of another.
func TestEachInstanceHasItsOwnTime(t *testing.T) {
	routing(t, func(t *testing.T, w *routedWorld) {
		w.pass(3 * time.Second)
		w.fleet.freeze("b", true)
		w.fleet.stick("a", `{"weights":{"ranker-v1":80,"ranker-v2":20}}`)
		w.rollback()
		w.pass(500 * time.Millisecond)
		w.fleet.stick("a", "")
		w.pass(5 * time.Second)
		i := incidentOf(t, w.st)
		if after := i.Applied.Instances[0].AppliedAt.Sub(i.ActedAt); after < 500*time.Millisecond || after > time.Second {
			t.Errorf("it followed after 500 ms, and is said to after %s", after)
		}
	})
}

// An instance that is frozen from the start keeps the ramp where it is.
func TestAnInstanceThatNeverFollowsStopsTheRamp(t *testing.T) {
	routingOf(t, func(t *testing.T, w *routedWorld) {
		for range 15 {
			must(t, w.e.Alerts(t.Context(), []record.Alert{{Trigger: watchdog, Firing: true, Source: record.Webhook}}))
			w.pass(time.Minute)
		}
		rel, err := w.e.Release(t.Context(), "ranker", "")
		if err != nil || rel.Weight != 20 || !strings.Contains(rel.Waiting, "http://a (it does not answer within 2s") {
			t.Fatalf("%v %%, waiting: %q, %v", rel.Weight, rel.Waiting, err)
		}
		if pages := w.messages(report.KindInstanceNotApplied); len(pages) != 1 || !pages[0].Page || pages[0].Incident != "" {
			t.Errorf("pages %+v", pages)
		}
		w.fleet.freeze("a", false)
		for range 3 {
			must(t, w.e.Alerts(t.Context(), []record.Alert{{Trigger: watchdog, Firing: true, Source: record.Webhook}}))
			w.pass(time.Minute)
		}
		if rel, err = w.e.Release(t.Context(), "ranker", ""); err != nil || rel.Weight == 20 {
			t.Errorf("%v %%, waiting: %q, %v", rel.Weight, rel.Waiting, err)
		}
	}, "a")
}

// While an instance hangs the loop writes nothing, and stops when it is told to.
func TestAHangingInstanceIsNoBusyLoop(t *testing.T) {
	routingOf(t, func(t *testing.T, w *routedWorld) {
		w.pass(20 * time.Second)
		before := keyIndex(t, w.st, store.ReleaseKey("ranker", runbook.DefaultRegion))
		w.pass(time.Minute)
		if after := keyIndex(t, w.st, store.ReleaseKey("ranker", runbook.DefaultRegion)); after != before {
			t.Errorf("the release was written again, %d and %d, though nothing is new", before, after)
		}
		if n := w.fleet.questions("b"); n < 10 || n > 90 {
			t.Errorf("asked %d times in 80 s", n)
		}
	}, "b")
}

func keyIndex(t *testing.T, st *memory, key string) uint64 {
	t.Helper()
	snap, err := st.Read(t.Context(), key)
	must(t, err)
	return index(snap, key)
}

func TestInstancesAreMeasured(t *testing.T) {
	routingOf(t, func(t *testing.T, w *routedWorld) {
		w.pass(3 * time.Second)
		reg := prometheus.NewRegistry()
		reg.MustRegister(routerInstances{w.e})
		found, err := reg.Gather()
		if err != nil || len(found) != 1 {
			t.Fatalf("%v, %v", found, err)
		}
		got := map[string]float64{}
		for _, m := range found[0].GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "instance" {
					got[l.GetValue()] = m.GetGauge().GetValue()
				}
			}
		}
		if len(got) != 2 || got["http://a"] != 1 || got["http://b"] != 0 {
			t.Errorf("%v", got)
		}
	}, "b")
}
