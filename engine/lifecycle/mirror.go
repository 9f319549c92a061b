package lifecycle

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
)

// A MirrorState is everything [StepMirror] may look at: one target's mirror as it was
// read in one snapshot with what the router is told.
type MirrorState struct {
	Runbook *runbook.Runbook
	Region  string
	Op      string
	Control record.Control
	Release *record.Release // nil: the target has never had one
	Mirror  *record.Mirror  // the newest; nil: never

	Shares   map[string]int // percent of the requests copied, by backend
	Split    record.Split   // users' traffic; nil if nobody can read it
	Problem  string         // why the router's mirror cannot be read
	Obstacle string         // why the wanted percent cannot be written
	Hazards  []string       // what in the router's keys makes it ignore a change

	Write MirrorWrite
}

// MirrorWrite is what a step asks to commit beside the mirror's record.
type MirrorWrite struct {
	Order    *record.Order // that this step carries out; nil: nobody ordered it
	Percent  bool          // write the router's percent, as it was planned
	Messages []record.Message
}

// A MirrorEvent is something that happened to a mirror. The set is closed.
type MirrorEvent interface{ mirrorEvent() }

type (
	// MirrorStart is a human switching a mirror on for a planned time.
	MirrorStart struct {
		Order runbook.MirrorOrder
		By    record.Caller
	}
	// MirrorStop is a human switching it off before its end.
	MirrorStop struct {
		By     record.Caller
		Reason string
	}
	// MirrorTick is time passing, and the router's percent being looked at.
	MirrorTick struct{}
)

func (MirrorStart) mirrorEvent() {}
func (MirrorStop) mirrorEvent()  {}
func (MirrorTick) mirrorEvent()  {}

// StepMirror says what an event makes of a mirror. It is pure, like [Step]. A percent
// that somebody else wrote is never overwritten.
func StepMirror(s MirrorState, ev MirrorEvent, now time.Time) (MirrorState, error) {
	s.Write = MirrorWrite{}
	if s.Mirror != nil {
		m := *s.Mirror
		if m.Held != nil {
			held := *m.Held
			m.Held = &held
		}
		s.Mirror = &m
	}
	if err := s.ordered(ev, now); err != nil {
		return s, err
	}
	var err error
	switch ev := ev.(type) {
	case MirrorStart:
		err = s.start(ev, now)
	case MirrorStop:
		err = s.stop(ev, now)
	case MirrorTick:
		s.tick(now)
	default:
		err = fmt.Errorf("step %T: unknown event", ev)
	}
	return s, err
}

// Backend is what a start means: the one it names, or the only one that is laid out.
func (s MirrorState) Backend(o runbook.MirrorOrder) string {
	if laid := slices.Sorted(maps.Keys(s.Shares)); o.Backend == "" && len(laid) == 1 {
		return laid[0]
	}
	return o.Backend
}

func (s *MirrorState) start(ev MirrorStart, now time.Time) error {
	backend, service := s.Backend(ev.Order), s.Runbook.Service
	if err := ev.Order.Check(); err != nil {
		return err
	}
	switch {
	case s.Runbook.Routing.Mirror == nil:
		return runbook.Refuse("the runbook of %s has no routing.mirror: it says how the router copies requests", service)
	case s.Mirror.On():
		return runbook.Refuse("%d %% already go to %s until %s; stop it first: autorollback shadow stop --service %s --reason WHY", s.Mirror.Percent, s.Mirror.Backend, s.Mirror.Until.UTC().Format(time.RFC3339), service)
	case s.Control.Mode != runbook.Active && s.Control.Mode != runbook.Observe:
		return runbook.Refuse("the control mode is %s: the daemon could not switch the mirror off at its end", s.Control.Mode)
	case s.Problem != "":
		return runbook.Refuse("the router's mirror cannot be read: %s", s.Problem)
	case backend == "":
		return runbook.Refuse("name the backend that gets the copies with --backend: the router lays out %s", cmp.Or(strings.Join(slices.Sorted(maps.Keys(s.Shares)), ", "), "none"))
	case s.Split[backend] > 0:
		return runbook.Refuse("%s gets users' traffic (%v): the copies would count twice in its metrics", backend, s.Split)
	case s.Shares[backend] > 0:
		return runbook.Refuse("somebody else already mirrors %d %% to %s; set that to 0 first: autorollback never overwrites somebody else's value", s.Shares[backend], backend)
	case len(s.Hazards) > 0:
		return runbook.Refuse("the router would ignore a change: %s", strings.Join(s.Hazards, "; "))
	case s.Obstacle != "":
		return runbook.Refuse("the router's mirror cannot be written: %s", s.Obstacle)
	}
	s.Mirror = &record.Mirror{
		Schema: runbook.Schema, Service: service, Region: s.Region, Backend: backend, Percent: ev.Order.Percent,
		StartedAt: now, StartedBy: record.Truncate(ev.By.Name, 100), Until: now.Add(ev.Order.For.Std()), Op: s.Op,
	}
	s.Write.Percent = true
	return nil
}

// stop ends the mirror. A percent that is not ours stays, and is nobody's plan then.
func (s *MirrorState) stop(ev MirrorStop, now time.Time) error {
	if !s.Mirror.On() {
		return runbook.Refuse("nothing is mirrored for %s in %s", s.Runbook.Service, s.Region)
	}
	why := "stopped: " + ev.Reason
	switch {
	case s.ours() && s.Obstacle != "":
		return runbook.Refuse("the router's mirror cannot be written: %s", s.Obstacle)
	case s.ours():
		s.Write.Percent = true
	case s.Problem != "" || s.found() > 0:
		why += "; the router's percent is somebody else's and stays as it is: " + s.seen()
	}
	s.end(ev.By.Name, why, now)
	return nil
}

// tick ends the mirror when its time is over or it makes no sense any more, and says
// when somebody else changed the percent.
func (s *MirrorState) tick(now time.Time) {
	m := s.Mirror
	if !m.On() {
		return
	}
	switch {
	case s.Problem == "" && s.found() == 0:
		s.end("", "somebody set the percent to 0", now)
		s.tell(report.MirrorEndedMsg, now)
		return
	case !s.ours():
		s.hold(now)
		return
	}
	m.Held = nil
	why := s.over(now)
	switch {
	case why == "":
		m.Waiting = ""
	case s.Control.Mode != runbook.Active && s.Control.Mode != runbook.Observe:
		s.wait(fmt.Sprintf("%s, but the control mode is %s", why, s.Control.Mode), now)
	case s.Obstacle != "":
		s.wait(fmt.Sprintf("%s, but the percent cannot be written: %s", why, s.Obstacle), now)
	default:
		s.Write.Percent = true
		s.end("", why, now)
		s.tell(report.MirrorEndedMsg, now)
	}
}

// over is why the mirror is to end now; empty: it is not.
func (s MirrorState) over(now time.Time) string {
	m, r := s.Mirror, s.Release
	switch {
	case !now.Before(m.Until):
		return "its planned time is over"
	case s.Split[m.Backend] > 0:
		return m.Backend + " gets users' traffic now"
	case r != nil && r.Phase == record.RolledBack && r.Candidate.Backend == m.Backend && r.WeightChangedAt.After(m.StartedAt):
		return "the release of " + r.Candidate.Version + " was rolled back"
	}
	return ""
}

func (s *MirrorState) hold(now time.Time) {
	m := s.Mirror
	due := s.over(now) != ""
	if m.Held != nil && m.Held.Found == s.seen() && m.Held.Due == due {
		return
	}
	since := now
	if m.Held != nil {
		since = m.Held.Since
	}
	m.Held, m.Waiting = &record.MirrorHold{Since: since, Found: s.seen(), Due: due}, ""
	s.tell(report.MirrorHeldMsg, now)
}

func (s *MirrorState) wait(why string, now time.Time) {
	if s.Mirror.Waiting == why {
		return
	}
	s.Mirror.Waiting = why
	s.tell(report.MirrorWaitsMsg, now)
}

func (s *MirrorState) end(by, why string, now time.Time) {
	m := s.Mirror
	m.EndedAt, m.EndedBy, m.Ended, m.Held, m.Waiting = now, record.Truncate(by, 100), record.Truncate(why, record.MaxLine), nil, ""
}

// ours reports whether the router is told just what we wrote.
func (s MirrorState) ours() bool { return s.Problem == "" && s.found() == s.Mirror.Percent }

func (s MirrorState) found() int { return s.Shares[s.Mirror.Backend] }

func (s MirrorState) seen() string {
	if s.Problem != "" {
		return record.Truncate(s.Problem, record.MaxLine)
	}
	return fmt.Sprintf("%d %%", s.found())
}

func (s *MirrorState) tell(compose func(record.Mirror, *runbook.Runbook, time.Time) record.Message, now time.Time) {
	s.Mirror.Notified++
	s.Write.Messages = append(s.Write.Messages, compose(*s.Mirror, s.Runbook, now))
}
