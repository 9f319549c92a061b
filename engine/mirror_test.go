package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/servers"
)

func mirrorRunbook(tb testing.TB) *runbook.Runbook {
	tb.Helper()
	rb := runbookOf(tb, "page")
	rb.Routing.Mirror = &runbook.Mirroring{}
	return rb
}

var day = runbook.MirrorOrder{Backend: "ranker-v2", Percent: 10, For: runbook.Duration(24 * time.Hour)}

// on is a mirror of 10 % since the morning, as the router is told.
func on(tb testing.TB) MirrorState {
	tb.Helper()
	s := MirrorState{Runbook: mirrorRunbook(tb), Region: "default", Op: "op", Control: record.Control{Mode: runbook.Active}, Split: record.Split{"ranker-v1": 100}}
	s, err := StepMirror(s, MirrorStart{day, "ann"}, morning)
	if err != nil || !s.Write.Percent || !s.Mirror.On() || s.Mirror.Until != morning.Add(24*time.Hour) || s.Mirror.StartedBy != "ann" {
		tb.Fatalf("%+v, %v", s.Mirror, err)
	}
	s.Shares = map[string]int{"ranker-v2": 10}
	return s
}

func TestMirrorStartIsRefused(t *testing.T) {
	for want, change := range map[string]func(*MirrorState, *runbook.MirrorOrder){
		"has no routing.mirror":       func(s *MirrorState, _ *runbook.MirrorOrder) { s.Runbook.Routing.Mirror = nil },
		"--allow-more":                func(_ *MirrorState, o *runbook.MirrorOrder) { o.Percent = 11 },
		"is no share":                 func(_ *MirrorState, o *runbook.MirrorOrder) { o.Percent = 0 },
		"is no share of the":          func(_ *MirrorState, o *runbook.MirrorOrder) { o.Percent, o.AllowMore = 101, true },
		"is no planned time":          func(_ *MirrorState, o *runbook.MirrorOrder) { o.For = 0 },
		"at most 1w":                  func(_ *MirrorState, o *runbook.MirrorOrder) { o.For = runbook.Duration(8 * 24 * time.Hour) },
		"cannot be read: broken":      func(s *MirrorState, _ *runbook.MirrorOrder) { s.Problem = "broken" },
		"cannot be written: broken":   func(s *MirrorState, _ *runbook.MirrorOrder) { s.Obstacle = "broken" },
		"would ignore a change: typo": func(s *MirrorState, _ *runbook.MirrorOrder) { s.Hazards = []string{"typo"} },
		"--backend":                   func(_ *MirrorState, o *runbook.MirrorOrder) { o.Backend = "" },
		"gets users' traffic":         func(s *MirrorState, _ *runbook.MirrorOrder) { s.Split = record.Split{"ranker-v1": 95, "ranker-v2": 5} },
		"somebody mirrors 3 %":        func(s *MirrorState, _ *runbook.MirrorOrder) { s.Shares = map[string]int{"ranker-v2": 3} },
		"the control is paused":       func(s *MirrorState, _ *runbook.MirrorOrder) { s.Control.Mode = runbook.Paused },
		"stop it first":               func(s *MirrorState, _ *runbook.MirrorOrder) { s.Mirror = on(t).Mirror },
	} {
		s, o := on(t), day
		s.Mirror, s.Shares = nil, nil
		change(&s, &o)
		if _, err := StepMirror(s, MirrorStart{o, "ann"}, morning); !errors.Is(err, runbook.ErrRefused) || !strings.Contains(err.Error(), want) {
			t.Errorf("says %v, want %q", err, want)
		}
	}
	s := on(t)
	s.Mirror, s.Shares = nil, map[string]int{"ranker-v2": 0}
	s, err := StepMirror(s, MirrorStart{runbook.MirrorOrder{Percent: 50, For: day.For, AllowMore: true}, "ann"}, morning)
	if err != nil || s.Mirror.Backend != "ranker-v2" || s.Mirror.Percent != 50 {
		t.Errorf("half of the requests, said so, to the only backend: %+v, %v", s.Mirror, err)
	}
}

// What a look makes of a mirror that is on.
func TestMirrorTick(t *testing.T) {
	end := morning.Add(24 * time.Hour)
	for name, c := range map[string]struct {
		at     time.Time
		change func(*MirrorState)
		ended  string // why; empty: it is on
		writes bool
		told   string // the kind of the message
		held   string
		waits  string
	}{
		"under way":           {at: morning.Add(time.Hour)},
		"at its end":          {at: end, ended: "its planned time is over", writes: true, told: report.KindMirrorEnded},
		"long after it":       {at: end.Add(1000 * time.Hour), ended: "its planned time is over", writes: true, told: report.KindMirrorEnded},
		"switched off":        {at: morning.Add(time.Hour), change: func(s *MirrorState) { s.Shares["ranker-v2"] = 0 }, ended: "somebody set the percent to 0", told: report.KindMirrorEnded},
		"taken away":          {at: morning.Add(time.Hour), change: func(s *MirrorState) { s.Shares = nil }, ended: "somebody set the percent to 0", told: report.KindMirrorEnded},
		"turned up":           {at: morning.Add(time.Hour), change: func(s *MirrorState) { s.Shares["ranker-v2"] = 25 }, held: "25 %", told: report.KindMirrorHeld},
		"turned up, at end":   {at: end, change: func(s *MirrorState) { s.Shares["ranker-v2"] = 25 }, held: "25 %", told: report.KindMirrorHeld},
		"unreadable":          {at: end, change: func(s *MirrorState) { s.Problem = "no number" }, held: "no number", told: report.KindMirrorHeld},
		"users' traffic":      {at: morning.Add(time.Hour), change: func(s *MirrorState) { s.Split["ranker-v2"] = 5 }, ended: "gets users' traffic", writes: true, told: report.KindMirrorEnded},
		"paused, under way":   {at: morning.Add(time.Hour), change: func(s *MirrorState) { s.Control.Mode = runbook.Paused }},
		"paused, at its end":  {at: end, change: func(s *MirrorState) { s.Control.Mode = runbook.Paused }, waits: "the control is paused", told: report.KindMirrorWaits},
		"observe, at its end": {at: end, change: func(s *MirrorState) { s.Control.Mode = runbook.Observe }, ended: "its planned time is over", writes: true, told: report.KindMirrorEnded},
		"cannot be written":   {at: end, change: func(s *MirrorState) { s.Obstacle = "two types" }, waits: "two types", told: report.KindMirrorWaits},
		"rolled back": {at: morning.Add(time.Hour), change: func(s *MirrorState) {
			s.Release = &record.Release{Phase: record.RolledBack, Candidate: record.Side{Version: "v2", Backend: "ranker-v2"}, WeightChangedAt: morning.Add(time.Minute)}
		}, ended: "was rolled back", writes: true, told: report.KindMirrorEnded},
		"rolled back before": {at: morning.Add(time.Hour), change: func(s *MirrorState) {
			s.Release = &record.Release{Phase: record.RolledBack, Candidate: record.Side{Backend: "ranker-v2"}, WeightChangedAt: morning.Add(-time.Minute)}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := on(t)
			if c.change != nil {
				c.change(&s)
			}
			s, err := StepMirror(s, MirrorTick{}, c.at)
			if err != nil {
				t.Fatal(err)
			}
			m, told, held := s.Mirror, "", ""
			for _, msg := range s.Write.Messages {
				told += msg.Kind
				if msg.Page != (msg.Kind != report.KindMirrorEnded) {
					t.Errorf("%s pages: %v", msg.Kind, msg.Page)
				}
			}
			if m.Held != nil {
				held = m.Held.Found
			}
			if m.On() != (c.ended == "") || !strings.Contains(m.Ended, c.ended) || s.Write.Percent != c.writes || told != c.told || held != c.held || !strings.Contains(m.Waiting, c.waits) || c.waits == "" && m.Waiting != "" {
				t.Fatalf("%+v, held %+v, writes %v, told %q", m, m.Held, s.Write.Percent, told)
			}
			before := *m
			s, err = StepMirror(s, MirrorTick{}, c.at.Add(time.Second))
			if err != nil || len(s.Write.Messages) > 0 || s.Write.Percent {
				t.Errorf("the next look says and writes it again: %+v, %v", s.Write, err)
			}
			if m.Held == nil && !reflect.DeepEqual(before, *s.Mirror) {
				t.Errorf("the next look changes the record: %+v", s.Mirror)
			}
		})
	}
}

// A person's percent stays, before the end and at it; put back, the plan goes on.
func TestMirrorHeldAndPutBack(t *testing.T) {
	s := on(t)
	step := func(share int, at time.Duration) {
		t.Helper()
		s.Shares = map[string]int{"ranker-v2": share}
		var err error
		if s, err = StepMirror(s, MirrorTick{}, morning.Add(at)); err != nil {
			t.Fatal(err)
		}
	}
	step(25, time.Hour)
	if s.Mirror.Held == nil || len(s.Write.Messages) != 1 {
		t.Fatalf("%+v", s.Mirror)
	}
	step(25, 25*time.Hour)
	if !s.Mirror.On() || !s.Mirror.Held.Due || s.Write.Percent || len(s.Write.Messages) != 1 || !strings.Contains(s.Write.Messages[0].Title, "planned end is over") {
		t.Fatalf("at its end: %+v, %+v", s.Mirror, s.Write)
	}
	stopped, err := StepMirror(s, MirrorStop{"ann", "mine now"}, morning)
	if err != nil || stopped.Write.Percent || stopped.Mirror.On() || !strings.Contains(stopped.Mirror.Ended, "stays as it is: 25 %") {
		t.Fatalf("stopped: %+v, %v", stopped.Mirror, err)
	}
	step(10, 26*time.Hour)
	if s.Mirror.On() || !s.Write.Percent {
		t.Fatalf("put back after the end: %+v", s.Mirror)
	}
	if _, err := StepMirror(s, MirrorStop{"ann", "again"}, morning); !errors.Is(err, runbook.ErrRefused) {
		t.Errorf("stopped twice: %v", err)
	}
}

// The percent in the store, and the mirror's record.
func mirrorIn(tb testing.TB, st store.Store) (int, record.Mirror) {
	tb.Helper()
	snap, err := st.Read(context.Background(), routerKey)
	if err != nil {
		tb.Fatal(err)
	}
	en, _ := snap.Get(routerKey)
	var doc struct {
		Mirror struct{ Percent int }
	}
	if err := json.Unmarshal(en.Value, &doc); err != nil {
		tb.Fatal(err)
	}
	for _, m := range all[record.Mirror](tb, st, mirrorKeys) {
		return doc.Mirror.Percent, m
	}
	return doc.Mirror.Percent, record.Mirror{}
}

const mirrorHead = `# What a crash leaves behind of a mirror

Generated by engine/mirror_test.go: two replicas and a mirror for an hour. The one that comes
to the boundary first dies there. At "mirror-note" a person has turned the percent; it is put
back two minutes later. Every row ends with the router's percent at 0 and the
record closed, at the planned end or when a process runs again, and a message says so.

## A mirror for a planned time

| died at | found in the store | percent afterwards | ended | told |
|---|---|---|---|---|
`

// A planned time, a process that dies at one of its boundaries, and another
// that ends it: once, at its time, whoever died.
func TestMirrorEndsWhoeverDies(t *testing.T) {
	rb := mirrorRunbook(t)
	var table strings.Builder
	table.WriteString(mirrorHead)
	for _, dieAt := range []string{"", "before-mirror-on", "after-mirror-on", "before-mirror-note", "after-mirror-note", "before-mirror-off", "after-mirror-off"} {
		t.Run(dieAt, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &drama{t: t, rb: rb, facts: factsOf(t, rb), dieAt: dieAt, st: newMemory(), sent: map[string]int{}}
				must(t, put(d.st, routerKey, `{"weights":{"ranker-v1":100}}`))
				l := d.live(t.Context())
				second := d.live(t.Context()) // another replica, which dies as well if it is there first
				hour := day
				hour.For = runbook.Duration(time.Hour)
				_, err := l.e.StartMirror(t.Context(), "ranker", "", hour, "ann")
				if percent, m := mirrorIn(t, d.st); dieAt == "before-mirror-on" && (err == nil || percent != 0 || m.Schema != 0) || dieAt != "before-mirror-on" && percent != 10 {
					t.Fatalf("%d %%, %+v, %v", percent, m, err)
				}
				if dieAt == "before-mirror-on" { // nothing began; the person asks again
					l = d.live(t.Context())
					if _, err := l.e.StartMirror(t.Context(), "ranker", "", hour, "ann"); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(30 * time.Minute)
				if strings.HasSuffix(dieAt, "mirror-note") { // a person turns it for a while
					must(t, put(d.st, routerKey, `{"weights":{"ranker-v1":100},"mirror":{"backend":"ranker-v2","percent":25}}`))
					time.Sleep(2 * time.Minute)
					if _, m := mirrorIn(t, d.st); m.Held == nil {
						t.Errorf("a person's percent is not seen: %+v", m)
					}
					must(t, put(d.st, routerKey, `{"weights":{"ranker-v1":100},"mirror":{"backend":"ranker-v2","percent":10}}`))
					time.Sleep(27 * time.Minute)
				} else {
					time.Sleep(29 * time.Minute)
				}
				if percent, m := mirrorIn(t, d.st); percent != 10 || !m.On() {
					t.Fatalf("a minute before its end: %d %%, %+v", percent, m)
				}
				time.Sleep(2 * time.Minute)
				third := d.live(t.Context())
				time.Sleep(time.Minute)
				percent, m := mirrorIn(t, d.st)
				if percent != 0 || m.On() || m.EndedAt.Sub(m.Until) > 30*time.Second || d.sent[report.KindMirrorEnded] < 1 || d.sent[report.KindMirrorEnded] > 2 {
					t.Fatalf("afterwards %d %%, %+v, told %v", percent, m, d.sent)
				}
				if dieAt != "" {
					fmt.Fprintf(&table, "| %s | %s | %d %% | %s | %s |\n", dieAt, d.found, percent, m.Ended, report.KindMirrorEnded)
				}
				for _, one := range []*life{l, second, third} {
					one.stop()
					<-one.over
				}
			})
		})
	}
	asDocumented(t, crashTable, 6, table.String())
}

// A person turns the percent at the very moment of the planned end: theirs stands.
func TestMirrorEndNeverOverwritesAPerson(t *testing.T) {
	race := func(t *testing.T, a, b store.Store, rounds int) {
		rb := mirrorRunbook(t)
		var during func(string)
		var engines [2]*Engine
		for n, st := range []store.Store{a, b} {
			engines[n] = engineOf(t, partsOf(st, nil), rb, Options{Replica: fmt.Sprint(n), Boundary: func(name string) {
				if n == 0 && during != nil {
					during(name)
				}
			}})
		}
		ctx, order := t.Context(), day
		order.For = runbook.Duration(time.Millisecond)
		for n := range rounds {
			must(t, put(a, routerKey, `{"weights":{"ranker-v1":100}}`))
			during = nil
			m, err := engines[1].StartMirror(ctx, "ranker", "", order, "ann")
			must(t, err)
			pause(ctx, time.Until(m.Until)+time.Millisecond)
			turned := false
			if n%2 == 0 {
				during = func(name string) {
					if name == "before-mirror-off" && !turned {
						turned = true
						must(t, put(a, routerKey, `{"weights":{"ranker-v1":100},"mirror":{"backend":"ranker-v2","percent":25}}`))
					}
				}
			}
			together(func() { engines[0].mirrors(ctx) }, func() {
				if n%2 == 1 {
					engines[1].mirrors(ctx)
				}
			})
			percent, m := mirrorIn(t, a)
			switch {
			case n%2 == 0 && (!turned || percent != 25 || !m.On() || m.Held == nil):
				t.Fatalf("round %d: %d %%, %+v: a person's percent was overwritten", n, percent, m)
			case n%2 == 1 && (percent != 0 || m.On()):
				t.Fatalf("round %d: %d %%, %+v", n, percent, m)
			case n%2 == 0:
				_, err := engines[1].StopMirror(ctx, "ranker", "", "ann", "next round")
				must(t, err)
			}
		}
	}
	t.Run("memory", func(t *testing.T) { m := newMemory(); race(t, m, m, 40) })
	t.Run("file", func(t *testing.T) { f := fileOf(t); race(t, f, f, 10) })
	t.Run("consul", func(t *testing.T) {
		if testing.Short() {
			t.Skip("starts a real Consul")
		}
		addr := servers.Consul(t).Addr
		race(t, consulOf(t, addr, 0), consulOf(t, addr, 1), 10)
	})
}

// Whatever people, tools, releases and two replicas do in whatever order: nobody's
// percent is overwritten but our own, an end is written once, and a mirror that is
// ours and over is at 0 after the next look.
func TestMirrorModel(t *testing.T) {
	rb := mirrorRunbook(t)
	reached := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		ctx, st, now := context.Background(), newMemory(), morning
		e := [2]*Engine{engineOf(t, partsOf(st, nil), rb, Options{}), engineOf(t, partsOf(st, nil), rb, Options{})}
		must(t, put(st, routerKey, `{"weights":{"ranker-v1":100}}`))
		type late struct {
			v  mirrorView
			ev MirrorEvent
		}
		var views []late
		commit := func(l late) {
			was, before := mirrorIn(t, st)
			_, err := e[0].commitMirror(ctx, l.v, l.ev, now)
			is, after := mirrorIn(t, st)
			name := strings.TrimPrefix(fmt.Sprintf("%T", l.ev), "engine.Mirror")
			switch {
			case err != nil && !errors.Is(err, store.ErrConflict) && !errors.Is(err, runbook.ErrRefused):
				rt.Fatalf("%s: %v", name, err)
			case err != nil && (was != is || !reflect.DeepEqual(before, after)):
				rt.Fatalf("%s: %v, and yet %d %% became %d %%, %+v became %+v", name, err, was, is, before, after)
			case was != is && was != 0 && (was != before.Percent || !before.On() || is != 0 || after.On()):
				rt.Fatalf("%s overwrote %d %% with %d %%: %+v, %+v", name, was, is, before, after)
			case was != is && was == 0 && (name != "Start" || is != after.Percent || !after.On()):
				rt.Fatalf("%s switched %d %% on: %+v", name, is, after)
			case before.On() && !after.On() && name == "Tick" && was == before.Percent && is != 0:
				rt.Fatalf("ended at %d %%: %+v", is, after)
			}
			if err == nil && before.On() && !after.On() {
				reached["ended"]++
			}
			if err == nil && name == "Start" {
				reached["started"]++
			}
			if after.Held != nil {
				reached["held"]++
			}
		}
		read := func(ev MirrorEvent) late {
			v, err := e[rapid.IntRange(0, 1).Draw(rt, "replica")].readMirror(ctx, theTarget, ev)
			if err != nil {
				rt.Fatal(err)
			}
			return late{v, ev}
		}
		draw := func() MirrorEvent {
			o := day
			o.Percent = rapid.SampledFrom([]int{5, 10, 10, 20}).Draw(rt, "percent")
			return rapid.SampledFrom([]MirrorEvent{MirrorTick{}, MirrorTick{}, MirrorStart{o, "ann"}, MirrorStop{"ann", "because"}}).Draw(rt, "event")
		}
		// begin has a mirror on that is ours, whatever was there; chance alone seldom comes there.
		begin := func() {
			must(t, put(st, store.ControlKey, "active"))
			commit(read(MirrorStop{"ann", "because"}))
			must(t, put(st, routerKey, `{"weights":{"ranker-v1":100}}`))
			commit(read(MirrorStart{day, "ann"}))
		}
		rt.Repeat(map[string]func(*rapid.T){
			"begun, and somebody meddles": func(*rapid.T) {
				begin()
				must(t, put(st, routerKey, `{"weights":{"ranker-v1":100},"mirror":{"backend":"ranker-v2","percent":25}}`))
				commit(read(MirrorTick{}))
			},
			"begun, and a day goes by": func(*rapid.T) {
				begin()
				now = now.Add(25 * time.Hour)
				commit(read(MirrorTick{}))
			},
			"step":  func(*rapid.T) { commit(read(draw())) },
			"tick":  func(*rapid.T) { commit(read(MirrorTick{})) },
			"start": func(*rapid.T) { commit(read(MirrorStart{day, "ann"})) },
			"read": func(*rapid.T) {
				if len(views) < 3 {
					views = append(views, read(draw()))
				}
			},
			"commit late": func(*rapid.T) {
				if len(views) > 0 {
					commit(views[0])
					views = views[1:]
				}
			},
			"somebody": func(*rapid.T) {
				must(t, put(st, routerKey, rapid.SampledFrom([]string{`{"weights":{"ranker-v1":100},"mirror":{"backend":"ranker-v2","percent":25}}`,
					`{"weights":{"ranker-v1":100},"mirror":{"backend":"ranker-v2","percent":10}}`, `{"weights":{"ranker-v1":100}}`, `{"weights":{"ranker-v1":90,"ranker-v2":10},"mirror":{"backend":"ranker-v2","percent":10}}`}).Draw(rt, "value")))
			},
			"control": func(*rapid.T) {
				must(t, put(st, store.ControlKey, rapid.SampledFrom([]string{"active", "active", "paused", "observe"}).Draw(rt, "mode")))
			},
			"time": func(*rapid.T) {
				now = now.Add(rapid.SampledFrom([]time.Duration{time.Second, time.Hour, 25 * time.Hour}).Draw(rt, "time"))
			},
			"": func(rt *rapid.T) { // an end that is due and ours comes with the next look
				v, err := e[0].readMirror(ctx, theTarget, MirrorTick{})
				if err != nil {
					rt.Fatal(err)
				}
				if m := v.Mirror; m.On() && v.ours() && !now.Before(m.Until) && v.Control.Mode == runbook.Active {
					if s, err := StepMirror(v.MirrorState, MirrorTick{}, now); err != nil || s.Mirror.On() || !s.Write.Percent {
						rt.Fatalf("over, and still on: %+v, %v", s.Mirror, err)
					}
				}
			},
		})
	})
	t.Logf("%v", reached)
	for _, must := range []string{"started", "ended", "held"} {
		if reached[must] == 0 && !t.Failed() {
			t.Errorf("no run came to %q", must)
		}
	}
}
