package engine

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
)

// rampObjection is why the next step is not taken; empty: nothing objects. Without
// ready it is what is known before Prometheus is asked.
func (s State) rampObjection(ready *record.Readiness, byHuman bool, now time.Time) string {
	if s.Release == nil {
		return fmt.Sprintf("%s has no open release in %s", s.Runbook.Service, s.Region)
	}
	in := policy.Ramp{
		Runbook: s.Runbook, Release: *s.Release, Incident: s.Incident, Control: s.Control, Foreign: s.Foreign(),
		StableQuarantined: s.isQuarantined(s.Release.Stable.Bundle), CandidateQuarantined: s.isQuarantined(s.Release.Candidate.Bundle),
		Heard: s.Heard, Ready: ready, ByHuman: byHuman,
	}
	switch {
	case s.PlanProblem != "":
		in.Router = s.PlanProblem
	case s.NextProblem != "":
		in.Router = s.NextProblem
	case len(s.Hazards) > 0:
		in.Router = "it would ignore a change: " + strings.Join(s.Hazards, "; ")
	}
	return policy.Promote(in, now)
}

// ramping reports whether a release goes up a ramp.
func (s State) ramping() bool { return s.Open() && s.Runbook.Rollout != nil }

// atEnd reports whether nothing is left to promote, so that the release is to be closed.
func (s State) atEnd() bool {
	_, more := s.Runbook.Rollout.Next(s.Release.Weight)
	return !more
}

// tendRamp says in words why the next step is not taken. What only Prometheus knows
// comes with [Promoted], and its words stay until then.
func (s *State) tendRamp(now time.Time) {
	if !s.ramping() {
		return
	}
	s.tendQuestion(now)
	if why := s.rampObjection(nil, false, now); why != "" {
		s.Release.Waiting = why
	} else if s.Question != nil && s.Release.Asking == s.Question.ID && !s.atEnd() {
		s.Release.Waiting = asked(*s.Question, s.Runbook)
	}
}

// asked says what became of the question whether to take the next step.
func asked(a record.Approval, rb *runbook.Runbook) string {
	if a.Status == record.Pending {
		return fmt.Sprintf("%s is asked until %s (approval %s)", strings.Join(rb.Policy.Approvers, " or "), a.ExpiresAt.UTC().Format(time.RFC3339), a.ID)
	}
	return fmt.Sprintf("nobody answered the question whether to go on, and silence is never a yes; by hand: autorollback release promote %s", rb.Service)
}

// wantsReady reports whether Prometheus is to be asked about readiness.
func wantsReady(s State, now time.Time) bool {
	return s.ramping() && (s.Release.Asking == "" || s.atEnd()) && s.rampObjection(nil, false, now) == ""
}

// promoted takes the next step of the ramp, or asks whether to, or says why not. At the
// end of the ramp it closes the release, whose candidate is the last known good then.
func (s *State) promoted(ev Promoted, now time.Time) error {
	byHuman := ev.By != ""
	if s.Release == nil || ev.Release != s.Release.ID || ev.Epoch != s.Release.Epoch {
		if byHuman {
			return fmt.Errorf("promote %s: %w: the weights changed meanwhile", s.Runbook.Service, runbook.ErrConflict)
		}
		return nil
	}
	if ev.Flip && (s.Runbook.Rollout == nil || s.Runbook.Rollout.Strategy != runbook.BlueGreen || s.Release.Weight > 0) {
		return runbook.Refuse("flip is the first step of a blue and green rollout: the candidate has %d %%, the runbook's strategy is %s", s.Release.Weight, strategy(s.Runbook))
	}
	if byHuman || wantsReady(*s, now) {
		return s.promote(ev, now)
	}
	s.tendRamp(now)
	return nil
}

func strategy(rb *runbook.Runbook) string {
	if rb.Rollout == nil {
		return "none"
	}
	return rb.Rollout.Strategy
}

func (s *State) promote(ev Promoted, now time.Time) error {
	why := s.rampObjection(&ev.Ready, ev.By != "", now)
	switch {
	case why != "" && ev.By != "":
		return runbook.Refuse("not promoted: %s", why)
	case why != "":
		s.Release.Waiting = why
	case s.atEnd():
		s.prove(ev.By, now)
	case ev.By == "" && s.Runbook.Rollout.Promote != runbook.PromoteAutomatic:
		s.askPromotion(now)
	default:
		s.advance(ev.By, now)
	}
	return nil
}

// advance writes the next weight: the router's keys, both sides' flags and the release
// in one transaction. The new epoch has no incident yet.
func (s *State) advance(by string, now time.Time) {
	next, more := s.Runbook.Rollout.Next(s.Release.Weight)
	if !more {
		return
	}
	why := "promote"
	if s.Release.Weight == 0 && s.Runbook.Rollout.Strategy == runbook.BlueGreen {
		why = "flip"
	}
	s.supersedeQuestion(now)
	s.Release.Epoch++
	s.weigh(next.Weight, by, why, now)
	s.Release.Incident, s.Release.Waiting = "", ""
	s.Incident, s.Approval = nil, nil
	s.Write.Advance = true
	if next.Weight == 100 && s.Runbook.Rollout.Stay(100) == 0 {
		s.prove(by, now) // it has baked with a holdback
		return
	}
	s.beginProof(why, now)
	s.Write.Messages = append(s.Write.Messages, report.PromotedMsg(*s.Release, s.Runbook, now))
}

// weigh records a change of the weight.
func (s *State) weigh(to int, by, why string, now time.Time) {
	r := s.Release
	s.remember(record.Move{At: now, From: r.Weight, To: to, By: by, Why: why, Epoch: r.Epoch})
	r.Weight, r.WeightChangedAt = to, now
	if to > 0 && r.TrafficAt.IsZero() {
		r.TrafficAt = now
	}
}

// remember keeps a move; of too many, the start and the newest stay.
func (s *State) remember(m record.Move) {
	m.By = clip(m.By, 100)
	r := s.Release
	if r.Moves = append(r.Moves, m); len(r.Moves) > maxMoves {
		r.Moves = slices.Delete(r.Moves, 1, 2)
	}
}

// maxMoves bounds what a release remembers of its weights.
const maxMoves = 40

// prove closes the release: it has all traffic, has baked, and nothing objects.
func (s *State) prove(by string, now time.Time) {
	r := s.Release
	s.supersedeQuestion(now)
	s.remember(record.Move{At: now, From: r.Weight, To: r.Weight, By: by, Why: "proved", Epoch: r.Epoch})
	r.Phase, r.ClosedAt, r.Waiting, r.Incident = record.Closed, now, "", ""
	good, before := r.Candidate, r.Stable
	r.Good, r.GoodBefore = &good, &before
	s.Incident, s.Approval = nil, nil
	s.Write.Messages = append(s.Write.Messages, report.ProvedMsg(*r, s.Runbook, by, now))
}

// stopRamp is a human stopping the ramp where it is.
func (s *State) stopRamp(ev Stopped, now time.Time) error {
	switch {
	case !s.Open():
		return runbook.Refuse("%s has no open release in %s", s.Runbook.Service, s.Region)
	case s.Release.Stopped != nil:
		return runbook.Refuse("%s stopped it already: %s", s.Release.Stopped.By, s.Release.Stopped.Reason)
	}
	s.supersedeQuestion(now)
	s.Release.Stopped = &record.HumanStop{At: now, By: ev.By, Reason: ev.Reason}
	s.note(now, "stopped", ev.By, "the ramp is stopped: "+ev.Reason)
	s.tendRamp(now)
	return nil
}

// resume is a human letting the ramp go on: what was stopped, frozen or held is looked
// at. A breach that is still true comes back by itself.
func (s *State) resume(ev Resumed, now time.Time) error {
	r, i := s.Release, s.Incident
	if !s.Open() {
		return runbook.Refuse("%s has no open release in %s", s.Runbook.Service, s.Region)
	}
	over := i != nil && (i.Phase == record.Frozen || i.Phase == record.HeldPhase)
	expired := s.Question != nil && s.Question.Status != record.Pending
	switch {
	case s.Foreign() || r.Held != nil:
		return runbook.Refuse("somebody changed the split to %v; let the release go on with it: autorollback release let-go %s", s.Split, r.Service)
	case i != nil && i.Phase == record.Awaiting:
		return runbook.Refuse("incident %s waits for an answer: approve or reject its rollback first", i.ID)
	case r.Stopped == nil && r.Frozen == "" && !over && !expired:
		return runbook.Refuse("the ramp of %s in %s is not stopped", r.Service, r.Region)
	}
	r.Stopped, r.Frozen, r.Waiting = nil, "", ""
	if expired {
		r.Asking, s.Question = "", nil
	}
	if over {
		s.supersede(now)
		s.note(now, "resumed", ev.By, "the ramp may go on: "+ev.Reason)
		s.close(now)
	}
	s.tendRamp(now)
	return nil
}
