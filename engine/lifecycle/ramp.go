package lifecycle

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
)

// ramp is what the next step rests on; without ready, what is known before Prometheus
// is asked.
func (s State) ramp(ready *record.Readiness, byHuman bool) policy.Ramp {
	in := policy.Ramp{
		Runbook: s.Runbook, Release: s.release(), Incident: s.Incident, Control: s.Control, ExternalChange: s.ExternalChange(),
		Router: cmp.Or(s.PlanProblem, s.NextProblem), Watchdog: s.Watchdog, Ready: ready, ByHuman: byHuman,
	}
	in.Stores = s.Stores
	in.StableQuarantined = s.isQuarantined(in.Release.Stable.Bundle)
	in.CandidateQuarantined = s.isQuarantined(in.Release.Candidate.Bundle)
	if in.Router == "" && len(s.Hazards) > 0 {
		in.Router = "it would ignore a change: " + strings.Join(s.Hazards, "; ")
	}
	return in
}

// Ramping reports whether a release goes up a ramp.
func (s State) Ramping() bool { return s.Open() && s.Runbook.Rollout != nil }

// atEnd reports whether nothing is left to promote, so that the release is to be closed.
func (s State) atEnd() bool {
	_, more := s.Runbook.Rollout.Next(s.Release.Weight)
	return !more
}

// reconcileRamp says in words why the next step is not taken. What only Prometheus knows
// comes with [Promoted], and its words stay until then.
func (s *State) reconcileRamp(now time.Time) {
	if !s.Ramping() {
		return
	}
	s.reconcileQuestion(now)
	if _, why := policy.Promote(s.ramp(nil, false), now); why != "" {
		s.Release.Waiting = why
	} else if s.Question != nil && s.Release.Asking == s.Question.ID && !s.atEnd() {
		s.Release.Waiting = asked(*s.Question, s.Runbook)
	}
}

// asked says what became of the question whether to take the next step.
func asked(a record.Approval, rb *runbook.Runbook) string {
	if a.Status == record.Pending {
		return fmt.Sprintf("waiting for approval from %s until %s (approval %s)", strings.Join(rb.Policy.Approvers, " or "), a.ExpiresAt.UTC().Format(time.RFC3339), a.ID)
	}
	return fmt.Sprintf("nobody approved the next step in time, and silence is never a yes; promote by hand: autorollback release promote %s", rb.Named(a.Region))
}

// wantsReady reports whether Prometheus is to be asked about readiness.
func wantsReady(s State, now time.Time) bool {
	if !s.Ramping() || s.Release.Asking != "" && !s.atEnd() {
		return false
	}
	guard, _ := policy.Promote(s.ramp(nil, false), now)
	return guard == ""
}

// promoted takes the next step of the ramp, or asks whether to, or says why not. At the
// end of the ramp it closes the release, whose candidate is the last known good then.
func (s *State) promoted(ev Promoted, now time.Time) error {
	byHuman := ev.By.Name != ""
	if s.Release == nil || ev.Release != s.Release.ID || ev.Epoch != s.Release.Epoch {
		if byHuman {
			return fmt.Errorf("promote %s: %w: the weights changed meanwhile", s.Runbook.Service, runbook.ErrConflict)
		}
		return nil
	}
	if byHuman || wantsReady(*s, now) {
		return s.promote(ev, now)
	}
	s.reconcileRamp(now)
	return nil
}

func (s *State) promote(ev Promoted, now time.Time) error {
	in := s.ramp(&ev.Ready, ev.By.Name != "")
	in.Flip = ev.Flip
	switch move, why := policy.NextStep(in, now); move {
	case policy.Wait:
		if in.ByHuman {
			return runbook.Refuse("not promoted: %s", why)
		}
		s.Release.Waiting = why
	case policy.Close:
		s.prove(ev.By.Name, now)
	case policy.AskStep:
		s.askPromotion(now)
	case policy.Advance:
		s.advance(ev.By.Name, now)
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
	if policy.LooksFirst(s.HazardsAge) {
		s.Write = Write{Look: true}
		return
	}
	why := "promote"
	if s.Release.Weight == 0 && s.Runbook.Rollout.Strategy == runbook.BlueGreen {
		why = "flip"
	}
	s.supersedeQuestion(now)
	s.Release.Epoch++
	s.postpone(s.NextLater, now)
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
func (s *State) weigh(to runbook.Weight, by, why string, now time.Time) {
	r := s.Release
	s.remember(record.Move{At: now, From: r.Weight, To: to, By: by, Why: why, Epoch: r.Epoch})
	r.Weight, r.WeightChangedAt = to, now
	if to > 0 && r.TrafficAt.IsZero() {
		r.TrafficAt = now
	}
}

// remember keeps a move; of too many, the start and the newest stay.
func (s *State) remember(m record.Move) {
	m.By = record.Truncate(m.By, 100)
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
	s.endStandby(now)
	s.Incident, s.Approval = nil, nil
	s.Write.Messages = append(s.Write.Messages, report.ProvedMsg(*r, s.Runbook, by, now))
}

// stopRamp is a human stopping the ramp where it is.
func (s *State) stopRamp(ev Stopped, now time.Time) error {
	if err := policy.Stop(s.ramp(nil, true)); err != nil {
		return err
	}
	s.supersedeQuestion(now)
	s.Release.Stopped = &record.HumanStop{At: now, By: ev.By.Name, Reason: ev.Reason}
	s.note(now, "stopped", ev.By.Name, "Ramp stopped: "+ev.Reason)
	s.reconcileRamp(now)
	return nil
}

// resume is a human letting the ramp continue: what was stopped, frozen or held is looked
// at. A breach that is still true comes back automatically.
func (s *State) resume(ev Resumed, now time.Time) error {
	if err := policy.Resume(s.ramp(nil, true), s.Question); err != nil {
		return err
	}
	r, i := s.Release, s.Incident
	over := i != nil && (i.Phase == record.Frozen || i.Phase == record.HeldPhase)
	expired := s.Question != nil && s.Question.Status != record.Pending
	r.Stopped, r.Frozen, r.Waiting = nil, "", ""
	if expired {
		r.Asking, s.Question = "", nil
	}
	if over {
		s.supersede(now)
		s.note(now, "resumed", ev.By.Name, "Ramp resumed: "+ev.Reason)
		s.close(now)
	}
	s.reconcileRamp(now)
	return nil
}
