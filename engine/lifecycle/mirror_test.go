package lifecycle

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/fixture"
)

func mirrorRunbook(tb testing.TB) *runbook.Runbook {
	tb.Helper()
	rb := fixture.Runbook(tb, "page")
	rb.Routing.Mirror = &runbook.Mirroring{}
	return rb
}

var day = runbook.MirrorOrder{Backend: "ranker-v2", Percent: 10, For: runbook.Duration(24 * time.Hour)}

// on is a mirror of 10 % since the morning, as the router is told.
func on(tb testing.TB) MirrorState {
	tb.Helper()
	s := MirrorState{Runbook: mirrorRunbook(tb), Region: "default", Op: "op", Control: record.Control{Mode: runbook.Active}, Split: record.Split{"ranker-v1": 100}}
	s, err := StepMirror(s, MirrorStart{day, fixture.By("ann")}, fixture.Morning)
	if err != nil || !s.Write.Percent || !s.Mirror.On() || s.Mirror.Until != fixture.Morning.Add(24*time.Hour) || s.Mirror.StartedBy != "ann" {
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
		"gets users' traffic": func(s *MirrorState, _ *runbook.MirrorOrder) {
			s.Split = record.Split{"ranker-v1": 95, "ranker-v2": 5}
		},
		"somebody else already mirrors 3 %": func(s *MirrorState, _ *runbook.MirrorOrder) { s.Shares = map[string]int{"ranker-v2": 3} },
		"the control mode is paused":        func(s *MirrorState, _ *runbook.MirrorOrder) { s.Control.Mode = runbook.Paused },
		"stop it first":                     func(s *MirrorState, _ *runbook.MirrorOrder) { s.Mirror = on(t).Mirror },
	} {
		s, o := on(t), day
		s.Mirror, s.Shares = nil, nil
		change(&s, &o)
		if _, err := StepMirror(s, MirrorStart{o, fixture.By("ann")}, fixture.Morning); !errors.Is(err, runbook.ErrRefused) || !strings.Contains(err.Error(), want) {
			t.Errorf("says %v, want %q", err, want)
		}
	}
	s := on(t)
	s.Mirror, s.Shares = nil, map[string]int{"ranker-v2": 0}
	s, err := StepMirror(s, MirrorStart{runbook.MirrorOrder{Percent: 50, For: day.For, AllowMore: true}, fixture.By("ann")}, fixture.Morning)
	if err != nil || s.Mirror.Backend != "ranker-v2" || s.Mirror.Percent != 50 {
		t.Errorf("half of the requests, said so, to the only backend: %+v, %v", s.Mirror, err)
	}
}

// What a look makes of a mirror that is on.
func TestMirrorTick(t *testing.T) {
	end := fixture.Morning.Add(24 * time.Hour)
	for name, c := range map[string]struct {
		at     time.Time
		change func(*MirrorState)
		ended  string // why; empty: it is on
		writes bool
		told   string // the kind of the message
		held   string
		waits  string
	}{
		"under way":           {at: fixture.Morning.Add(time.Hour)},
		"at its end":          {at: end, ended: "its planned time is over", writes: true, told: report.KindMirrorEnded},
		"long after it":       {at: end.Add(1000 * time.Hour), ended: "its planned time is over", writes: true, told: report.KindMirrorEnded},
		"switched off":        {at: fixture.Morning.Add(time.Hour), change: func(s *MirrorState) { s.Shares["ranker-v2"] = 0 }, ended: "somebody set the percent to 0", told: report.KindMirrorEnded},
		"taken away":          {at: fixture.Morning.Add(time.Hour), change: func(s *MirrorState) { s.Shares = nil }, ended: "somebody set the percent to 0", told: report.KindMirrorEnded},
		"turned up":           {at: fixture.Morning.Add(time.Hour), change: func(s *MirrorState) { s.Shares["ranker-v2"] = 25 }, held: "25 %", told: report.KindMirrorHeld},
		"turned up, at end":   {at: end, change: func(s *MirrorState) { s.Shares["ranker-v2"] = 25 }, held: "25 %", told: report.KindMirrorHeld},
		"unreadable":          {at: end, change: func(s *MirrorState) { s.Problem = "no number" }, held: "no number", told: report.KindMirrorHeld},
		"users' traffic":      {at: fixture.Morning.Add(time.Hour), change: func(s *MirrorState) { s.Split["ranker-v2"] = 5 }, ended: "gets users' traffic", writes: true, told: report.KindMirrorEnded},
		"paused, under way":   {at: fixture.Morning.Add(time.Hour), change: func(s *MirrorState) { s.Control.Mode = runbook.Paused }},
		"paused, at its end":  {at: end, change: func(s *MirrorState) { s.Control.Mode = runbook.Paused }, waits: "the control mode is paused", told: report.KindMirrorWaits},
		"observe, at its end": {at: end, change: func(s *MirrorState) { s.Control.Mode = runbook.Observe }, ended: "its planned time is over", writes: true, told: report.KindMirrorEnded},
		"cannot be written":   {at: end, change: func(s *MirrorState) { s.Obstacle = "two types" }, waits: "two types", told: report.KindMirrorWaits},
		"rolled back": {at: fixture.Morning.Add(time.Hour), change: func(s *MirrorState) {
			s.Release = &record.Release{Phase: record.RolledBack, Candidate: record.Side{Version: "v2", Backend: "ranker-v2"}, WeightChangedAt: fixture.Morning.Add(time.Minute)}
		}, ended: "was rolled back", writes: true, told: report.KindMirrorEnded},
		"rolled back before": {at: fixture.Morning.Add(time.Hour), change: func(s *MirrorState) {
			s.Release = &record.Release{Phase: record.RolledBack, Candidate: record.Side{Backend: "ranker-v2"}, WeightChangedAt: fixture.Morning.Add(-time.Minute)}
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
		if s, err = StepMirror(s, MirrorTick{}, fixture.Morning.Add(at)); err != nil {
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
	stopped, err := StepMirror(s, MirrorStop{fixture.By("ann"), "mine now"}, fixture.Morning)
	if err != nil || stopped.Write.Percent || stopped.Mirror.On() || !strings.Contains(stopped.Mirror.Ended, "stays as it is: 25 %") {
		t.Fatalf("stopped: %+v, %v", stopped.Mirror, err)
	}
	step(10, 26*time.Hour)
	if s.Mirror.On() || !s.Write.Percent {
		t.Fatalf("put back after the end: %+v", s.Mirror)
	}
	if _, err := StepMirror(s, MirrorStop{fixture.By("ann"), "again"}, fixture.Morning); !errors.Is(err, runbook.ErrRefused) {
		t.Errorf("stopped twice: %v", err)
	}
}
