package lifecycle

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/verify"
)

// shift moves all traffic to the stable bundle. Everything it touches is committed in
// one transaction: weights and flags, release, incident, budget, quarantine, the
// approval that was used, and the message. by is the human who asked, or "".
func (s *State) shift(by string, now time.Time) {
	r, i := s.Release, s.Incident
	change := s.Plan
	i.Change, i.By = &change, by
	i.Phase, i.ActedAt, i.PolledAt, i.Polls = record.Acted, now, time.Time{}, 0
	i.Deadline = now.Add(s.Runbook.Verification.Within.Std())
	i.Verdict, i.EvidenceAt = nil, time.Time{}
	r.Phase, r.Epoch = record.RolledBack, r.Epoch+1
	s.weigh(0, by, "rollback", now)
	r.Waiting, r.Stopped = "", nil
	s.supersedeQuestion(now)
	if by == "" {
		r.Rollbacks = append(recent(r.Rollbacks, now), now)
		s.Budget.Schema = runbook.Schema
		s.Budget.Recent = append(recent(s.Budget.Recent, now), now)
	}
	s.supersede(now)
	s.Write.Shift = true
	s.Write.Quarantine = append(s.Write.Quarantine, record.Quarantine{
		Schema: runbook.Schema, Bundle: r.Candidate.Bundle, Service: r.Service, Incident: i.ID,
		Reason: cmp.Or(first(i.Decision.Reasons), "rolled back by "+by),
	})
	s.note(now, "acted", by, fmt.Sprintf("traffic moved from %v to %v in one transaction; bundle %s quarantined", change.From, change.To, r.Candidate.Bundle))
	s.tell(report.Acted, now)
	if len(s.Hazards) > 0 { // never a reason not to act, and always one to look
		s.note(now, "hazard", "", "the router may ignore the change: "+strings.Join(s.Hazards, "; "))
		hazards := s.Hazards
		s.tell(func(i record.Incident, rb *runbook.Runbook, now time.Time) record.Message {
			return report.HazardMsg(i, rb, hazards, now)
		}, now)
	}
}

// drained takes the answer whether the candidate still gets traffic. A written key is
// not traffic that moved.
func (s *State) drained(ev Drained, now time.Time) {
	i := s.Incident
	if i == nil || i.Phase != record.Acted || tooSoon(*i, *s.Runbook, now) {
		return
	}
	i.PolledAt = now
	i.Health, i.Answers = ev.Answer.Health, []record.Answer{ev.Answer}
	switch ev.Answer.Health {
	case record.Good:
		i.Phase, i.DrainedAt = record.Verifying, now
		i.Health = ""
		s.note(now, "drained", "", ev.Answer.Text)
	default:
		grace := 30*time.Second + 2*s.Runbook.Metrics.Interval.Std()
		if now.Sub(i.ActedAt) > grace && i.NotAppliedAt.IsZero() {
			i.NotAppliedAt = now
			s.note(now, "not_applied", "", "written is not applied: "+ev.Answer.Text)
			s.tell(report.NotAppliedMsg, now)
		}
	}
}

// polled takes one poll of the recovery questions.
func (s *State) polled(ev RecoveryPolled, now time.Time) {
	i := s.Incident
	if i == nil || i.Phase != record.Verifying || tooSoon(*i, *s.Runbook, now) {
		return
	}
	health, why := verify.Judge(ev.Answers)
	i.PolledAt, i.Answers, i.Polls = now, ev.Answers, verify.Count(i.Polls, health)
	i.Unproved = questions(verify.Pending(ev.Answers))
	if health != i.Health {
		i.Health = health
		s.note(now, "poll", "", fmt.Sprintf("%s: %s", health, why))
	}
	s.conclude(now)
}

// conclude gives the verdict once there is one: after a full row of good polls, or at
// the deadline.
func (s *State) conclude(now time.Time) {
	i := s.Incident
	v, ok := verify.Conclude(verify.Course{Answers: i.Answers, Polls: i.Polls, Need: s.Runbook.Verification.Polls,
		Deadline: i.Deadline, StableUnhealthy: i.Breach.StableUnhealthy}, now)
	if !ok {
		return
	}
	i.Verdict, i.Phase = &v, record.Settled
	s.note(now, "verdict", "", fmt.Sprintf("%s: %s", v.Outcome, v.Reason))
	s.tell(report.VerdictMsg, now)
}

func questions(answers []record.Answer) []string {
	var n []string
	for _, a := range answers {
		n = append(n, a.Question)
	}
	return n
}

// archived takes the sealed evidence folder. A folder that could not be written does
// not keep the incident open, but it says so for ever.
func (s *State) archived(ev Archived, now time.Time) {
	i := s.Incident
	if i == nil || !i.EvidenceAt.IsZero() {
		return
	}
	i.EvidenceAt = now
	i.Evidence = ev.Path
	if ev.Problem != "" {
		i.Evidence = "incomplete: " + ev.Problem
	}
	s.note(now, "evidence", "", cmp.Or(ev.Problem, "sealed "+ev.Digest))
	if i.Phase == record.Settled {
		s.close(now)
	}
}

// told takes a message out of the outbox that was delivered, or given up. It is noted
// in its own incident only: the target may have gone on to another.
func (s *State) told(ev MessageSent, now time.Time) {
	if !s.Outbox[ev.Message] {
		return
	}
	s.Write.Sent = append(s.Write.Sent, ev.Message)
	kind := "told"
	if ev.GaveUp {
		kind = "gave_up"
	}
	if s.Incident != nil && s.Incident.ID == ev.Incident {
		if !ev.GaveUp && s.Incident.ToldAt.IsZero() {
			s.Incident.ToldAt = now
		}
		s.note(now, kind, "", ev.Text)
	}
}

func (s *State) close(now time.Time) {
	s.Incident.Phase, s.Incident.ClosedAt = record.Done, now
}

// tell puts a message in the outbox, in the same transaction as what it tells of.
func (s *State) tell(compose func(record.Incident, *runbook.Runbook, time.Time) record.Message, now time.Time) {
	i := s.Incident
	i.Messages++
	m := compose(*i, s.Runbook, now)
	if m.EndsAt.IsZero() {
		i.Fire(m.Kind, m.Page)
	}
	m.ID = fmt.Sprintf("%s-%d", m.ID, i.Messages)
	s.Write.Messages = append(s.Write.Messages, m)
}

// observeSplit notices a split that somebody else wrote. It is never repaired.
func (s *State) observeSplit(now time.Time) {
	r := s.Release
	if r == nil || r.Phase == record.Closed || s.Unreadable() {
		return
	}
	if !s.ExternalChange() {
		s.endHold(now)
		return
	}
	if r.Held != nil && r.Held.Found.Equal(s.Split) {
		return
	}
	r.Held = &record.HumanHold{Since: now, Want: r.Want(), Found: s.Split.Clone()}
	if s.Incident == nil {
		s.open(AlertChecked{Alert: record.Alert{Service: r.Service, Region: r.Region, Source: record.Human, StartsAt: now, Firing: true}}, now)
	}
	s.note(now, "external_change", "", fmt.Sprintf("somebody changed the split: wanted %v, found %v; it is left as it is", r.Held.Want, r.Held.Found))
	if s.Incident.Change == nil {
		s.supersede(now)
		s.Incident.Phase, s.Incident.ClosedAt = record.HeldPhase, time.Time{}
		s.Incident.Decision = policy.ExternalChange(s.input(s.Incident.Breach), now)
		s.approval(record.AcceptSplit, now)
	}
	s.tell(report.ExternalChangeMsg, now)
}

// endHold notices that the split was put back. What the release was held for is then
// asked again; if there never was a breach, the incident is over.
func (s *State) endHold(now time.Time) {
	if s.Release.Held == nil {
		return
	}
	s.Release.Held = nil
	s.note(now, "hold_ended", "", "the split is as the release wants it again")
	i := s.Incident
	if i == nil || i.Phase != record.HeldPhase || i.Decision.Guard != policy.GuardManualOverride {
		return
	}
	s.supersede(now)
	if i.Breach.State != record.Breaching || !i.RejectedAt.IsZero() {
		s.close(now)
	}
}

// acceptSplit takes the split that was found as the one that is wanted.
func (s *State) acceptSplit(ev SplitAccepted, now time.Time) error {
	r := s.Release
	weight, err := policy.Accept(s.release(), s.Split, s.PlanProblem)
	if err != nil {
		return err
	}
	s.note(now, "split_accepted", ev.By, fmt.Sprintf("continues with the candidate at %d %%: %s", weight, ev.Reason))
	if i := s.Incident; i != nil && i.Change == nil {
		s.supersede(now)
		s.close(now)
	}
	r.Held, r.Epoch = nil, r.Epoch+1
	s.Write.Adopt = true
	s.weigh(weight, ev.By, "accept split", now)
	s.supersedeQuestion(now)
	r.Incident = ""
	return nil
}

// tooSoon keeps two replicas from counting their polls twice. A last poll far ahead of
// now is a clock that was set back, and does not stop the polling.
func tooSoon(i record.Incident, rb runbook.Runbook, now time.Time) bool {
	return now.Sub(i.PolledAt).Abs() < rb.Verification.Every.Std()*9/10
}
