package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/view"
	"github.com/prometheus/client_golang/prometheus"
)

// A letterbox is what people and the journal were told.
type letterbox struct {
	mu       sync.Mutex
	messages []record.Message
	lines    []record.Record
}

func (l *letterbox) parts(p *Parts) {
	p.Post = posts(func(m record.Message) (string, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.messages = append(l.messages, m)
		return "#ranking-oncall", nil
	})
	p.Journal = journals(func(_ string, r record.Record) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.lines = append(l.lines, r)
		return nil
	})
}

func (l *letterbox) told(kind string) (all []record.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.messages {
		if m.Kind == kind {
			all = append(all, m)
		}
	}
	return all
}

func (l *letterbox) orders() (all []record.Record) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.lines {
		if r.Kind == "order" {
			all = append(all, r)
		}
	}
	return all
}

// inPairs runs two replicas on one store until the test is over.
func inPairs(t *testing.T, test func(engines []*Engine, st *memory, said *letterbox)) {
	synctest.Test(t, func(t *testing.T) {
		rb, st, said := fixture.Runbook(t, "page"), newMemory(), &letterbox{}
		must(t, put(st, routerKey, `{"weights":{"ranker-v1":100}}`))
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var engines []*Engine
		var done sync.WaitGroup
		for _, name := range []string{"one", "two"} {
			p := partsOf(st, factsOf(t, rb))
			said.parts(&p)
			e := engineOf(t, p, rb, Options{Replica: name})
			engines = append(engines, e)
			done.Go(func() {
				if err := e.Run(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		test(engines, st, said)
		stop()
		done.Wait()
	})
}

func orderList(t *testing.T, e *Engine) []record.Order {
	t.Helper()
	all, err := e.Orders(t.Context(), view.OrderQuery{})
	must(t, err)
	return all
}

// The stop switch set through the daemon has an order and a message, and nobody takes it for
// somebody else's. Written past the daemon it is noticed once, by whichever replica looks first.
func TestControlHasANameOrIsNoticed(t *testing.T) {
	inPairs(t, func(engines []*Engine, st *memory, said *letterbox) {
		pass := func() { time.Sleep(15 * time.Second); synctest.Wait() }
		if n := len(said.told("control")) + len(orderList(t, engines[0])); n != 0 {
			t.Fatalf("%d words about a key that nobody wrote", n)
		}
		until := time.Now().Add(time.Hour).UTC()
		must(t, engines[0].SetControl(t.Context(), record.Control{Mode: runbook.Paused, Reason: "moving", Until: until, By: "mallory"}, "", fixture.By("ann")))
		pass()
		all, messages := orderList(t, engines[1]), said.told("control")
		if len(all) != 1 || all[0].Caller != fixture.By("ann") || all[0].Action != record.OrderControl || all[0].Subject != "paused" || all[0].Reason != "moving" || all[0].Op == "" {
			t.Fatalf("orders are %+v", all)
		}
		if len(messages) != 1 || messages[0].Page {
			t.Fatalf("messages are %+v", messages)
		}
		if st, err := engines[1].Status(t.Context()); err != nil || st.Control.By != "ann" {
			t.Fatalf("control is %+v, %v: the caller's name is the one that was verified", st.Control, err)
		}
		for n, value := range []string{"active", `{"mode":"paused","by":"ann","reason":"all is well"}`, "", "pasued"} {
			if value == "" {
				snap, err := st.Read(t.Context(), store.ControlKey)
				must(t, err)
				must(t, st.Commit(t.Context(), store.NewTx(store.Op{Verb: store.Delete, Key: store.ControlKey, Index: index(snap, store.ControlKey)})))
			} else {
				must(t, put(st, store.ControlKey, value))
			}
			pass()
			all, messages = orderList(t, engines[0]), said.told("control")
			if len(all) != n+2 || all[0].How != record.InStore || all[0].Known() || all[0].Name == "ann" {
				t.Fatalf("after %q the newest of %d orders is %+v", value, len(all), all[0])
			}
			if last := messages[len(messages)-1]; len(messages) != n+2 || !last.Page {
				t.Fatalf("after %q the last of %d messages is %+v", value, len(messages), last)
			}
		}
		if lines := said.orders(); len(lines) != len(all) {
			t.Errorf("the journal has %d orders of %d", len(lines), len(all))
		}
		if left := said.told("control"); len(left) != 5 {
			t.Errorf("%d messages were sent, want each once", len(left))
		}
	})
}

// A value that stood there before the daemon knew of the key is nobody's change.
func TestControlOfBeforeIsNotNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rb, st, said := fixture.Runbook(t, "page"), newMemory(), &letterbox{}
		must(t, put(st, store.ControlKey, "observe"))
		p := partsOf(st, factsOf(t, rb))
		said.parts(&p)
		e := engineOf(t, p, rb, Options{Replica: "one"})
		for range 3 {
			e.noticeControl(t.Context())
		}
		if all := orderList(t, e); len(all) != 0 {
			t.Fatalf("orders are %+v", all)
		}
		must(t, put(st, store.ControlKey, "active"))
		e.noticeControl(t.Context())
		again := engineOf(t, anew(p), rb, Options{Replica: "started again"})
		again.noticeControl(t.Context())
		if all := orderList(t, e); len(all) != 1 || all[0].Subject != "active" {
			t.Fatalf("orders are %+v", all)
		}
	})
}

// Of two people who set the switch at the same moment both have an order, and the last is in force.
func TestControlByTwoAtOnce(t *testing.T) {
	e, _, _ := solo(t, nil)
	var ann, bob error
	together(
		func() { ann = e.SetControl(t.Context(), record.Control{Mode: runbook.Observe}, "", fixture.By("ann")) },
		func() { bob = e.SetControl(t.Context(), record.Control{Mode: runbook.Active}, "", fixture.By("bob")) })
	must(t, errors.Join(ann, bob))
	var names []string
	for _, o := range orderList(t, e) {
		if o.Action == record.OrderControl {
			names = append(names, o.Name)
		}
	}
	if slices.Sort(names); !slices.Equal(names, []string{"ann", "bob"}) {
		t.Errorf("orders are of %v", names)
	}
}

// A lift is told to the service's people, with the reason.
func TestLiftIsTold(t *testing.T) {
	inPairs(t, func(engines []*Engine, _ *memory, said *letterbox) {
		e := engines[0]
		_, err := e.Start(t.Context(), fixture.Launch(t), fixture.By("ann"))
		must(t, err)
		time.Sleep(time.Second)
		inc, err := e.Rollback(t.Context(), "ranker", "", fixture.By("bob"), "it is slow")
		must(t, err)
		time.Sleep(time.Second)
		must(t, e.Lift(t.Context(), inc.Candidate.Bundle, fixture.By("eve"), "it was the network"))
		time.Sleep(15 * time.Second)
		synctest.Wait()
		if m := said.told("lifted"); len(m) != 1 || m[0].Service != "ranker" {
			t.Fatalf("messages are %+v", m)
		}
		var did []string
		for _, o := range orderList(t, e) {
			did = append(did, fmt.Sprint(o.Name, " ", o.Action, " ", o.Service, ": ", o.Reason))
		}
		if want := []string{"eve lift_quarantine ranker: it was the network", "bob rollback ranker: it is slow", "ann start ranker: "}; !slices.Equal(did, want) {
			t.Errorf("orders are %q, want %q", did, want)
		}
		if err := e.Lift(t.Context(), inc.Candidate.Bundle, record.Caller{}, "because"); !errors.Is(err, runbook.ErrRefused) {
			t.Errorf("nobody lifted it: %v", err)
		}
	})
}

// What a person did stands in the incident with how they were known and from where.
func TestTimelineNamesHowAndWhere(t *testing.T) {
	e, st, _ := solo(t, nil)
	if _, err := e.Rollback(t.Context(), "ranker", "", fixture.By("bob"), "it is slow"); err != nil {
		t.Fatal(err)
	}
	named := 0
	for _, r := range incidentOf(t, st).Timeline {
		if r.By == "bob" && r.How == record.BasicAuth && r.From == "192.0.2.7" {
			named++
		}
	}
	if named != 2 { // demanded, and acted
		t.Errorf("timeline is %+v", incidentOf(t, st).Timeline)
	}
}

func TestOldOrders(t *testing.T) {
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	st := newMemory()
	at := func(age time.Duration, n int) {
		o := record.Order{}.Committed(now.Add(-age), fmt.Sprintf("%012d", n))
		text, err := json.Marshal(o)
		must(t, err)
		st.keys[store.OrderKey(o.ID)] = store.Entry{Key: store.OrderKey(o.ID), Value: text, Index: 1}
	}
	at(keepOrders+time.Second, 0)
	at(keepOrders-time.Second, 1)
	at(time.Hour, 2)
	gone := func() int {
		snap, err := st.Read(t.Context(), store.Root)
		must(t, err)
		return len(oldOrders(snap, now))
	}
	if n := gone(); n != 1 {
		t.Errorf("%d of three orders are too old, want one", n)
	}
	for n := range mostOrders {
		at(time.Minute, n)
	}
	if n := gone(); n != 3 {
		t.Errorf("%d orders are too many, want the oldest three", n)
	}
}

// anew are the parts of a process that begins.
func anew(p Parts) Parts {
	p.Registerer = prometheus.NewRegistry()
	return p
}

// Lifting a quarantine takes two people where the runbook asks for it, and taking automation away
// where the daemon does.
func TestLiftAndControlByTwo(t *testing.T) {
	e, st, _ := solo(t, nil)
	e.services["ranker"].rb.Policy.TwoPeople = []runbook.TwoPeople{runbook.LiftQuarantine}
	e.opts.ControlByTwo = true
	inc, err := e.Rollback(t.Context(), "ranker", "", fixture.By("ann"), "it is slow")
	must(t, err)
	bundle := inc.Candidate.Bundle
	for name, c := range map[string]struct {
		order func(by record.Caller) error
		done  func(s view.Status) string // the names; empty: not yet
	}{
		"lift": {func(by record.Caller) error { return e.Lift(t.Context(), bundle, by, "it was the network") },
			func(s view.Status) string { return s.Quarantine[0].Lifted }},
		"pause": {func(by record.Caller) error {
			return e.SetControl(t.Context(), record.Control{Mode: runbook.Paused, Until: time.Now().Add(time.Hour)}, "", by)
		}, func(s view.Status) string { return s.Control.By }},
	} {
		t.Run(name, func(t *testing.T) {
			stands := func(waiting int, names string) {
				t.Helper()
				s, err := e.Status(t.Context())
				must(t, err)
				if len(s.Waiting) != waiting || !strings.Contains(c.done(s), names) || names == "" && c.done(s) != "" {
					t.Fatalf("%d wait, done by %q; want %d and %q", len(s.Waiting), c.done(s), waiting, names)
				}
			}
			stands(0, "")
			if err := c.order(fixture.By("ann")); !errors.Is(err, runbook.ErrSecond) {
				t.Fatalf("ann alone: %v", err)
			}
			if err := c.order(fixture.By("ann")); !errors.Is(err, runbook.ErrSecond) {
				t.Fatalf("ann twice: %v", err)
			}
			if err := c.order(record.Caller{Name: "bob", How: record.Unauthenticated}); !errors.Is(err, runbook.ErrRefused) {
				t.Fatalf("somebody who did not sign in: %v", err)
			}
			stands(1, "")
			must(t, c.order(fixture.By("bob")))
			stands(0, "ann and bob")
			newest := orderList(t, e)[0]
			if newest.Name != "bob" || newest.First == nil || newest.First.Name != "ann" {
				t.Errorf("newest order is %+v", newest)
			}
		})
	}
	must(t, e.SetControl(t.Context(), record.Control{Mode: runbook.Active}, "", fixture.By("ann"))) // to give it back takes one
	if n := len(all[record.WaitingOrder](t, st, waiting)); n != 0 {
		t.Errorf("%d orders still wait", n)
	}
}
