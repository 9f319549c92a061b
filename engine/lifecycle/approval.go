package lifecycle

import (
	"fmt"
	"strings"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
)

// ask puts the change to a human, bound to the plan as it is now.
func (s *State) ask(now time.Time) {
	s.supersede(now)
	s.Incident.Phase = record.Awaiting
	s.approval(record.RollbackApproval, now)
	s.tell(report.Asking, now)
}

func (s *State) approval(kind string, now time.Time) {
	if s.Approval != nil {
		s.Write.Approvals = append(s.Write.Approvals, *s.Approval)
	}
	a := s.newApproval(kind, s.Plan, now)
	a.Incident = s.Incident.ID
	s.Incident.Approval = a.ID
	s.Approval = a
}

// newApproval is a question about a change as it is planned now.
func (s *State) newApproval(kind string, change record.Change, now time.Time) *record.Approval {
	a := &record.Approval{
		Schema: runbook.Schema, ID: derive(s.Op, "approval"), Kind: kind, Service: s.Release.Service, Region: s.Region,
		Release: s.Release.ID, Epoch: s.Release.Epoch, Change: change.Digest, Indexes: map[string]uint64{},
		Status: record.Pending, CreatedAt: now, ExpiresAt: now.Add(s.Runbook.Policy.ApprovalTTL.Std()),
	}
	for _, k := range change.Keys {
		a.Indexes[k.Key] = k.Index
	}
	return a
}

// answered is a human's yes or no to an approval. It is used at most once.
func (s *State) answered(ev Answered, now time.Time) error {
	if s.Question != nil && s.Question.ID == ev.Approval {
		return s.answeredPromotion(ev, now)
	}
	a := s.Approval
	if a == nil || a.ID != ev.Approval {
		return fmt.Errorf("approval %s: %w", ev.Approval, runbook.ErrNotFound)
	}
	if err := policy.Answer(s.reply(*a, ev, s.Plan.Digest), now); err != nil {
		return err
	}
	a.By, a.How, a.From, a.Reason, a.DecidedAt = ev.By.Name, ev.By.How, ev.By.From, ev.Reason, now
	if !ev.Yes && a.Kind == record.AcceptSplit {
		a.Status = record.Rejected
		s.note(now, "kept_held", ev.By.Name, fmt.Sprintf("Release stays held (%s): %s", ev.By.How, ev.Reason))
		s.Write.Messages = append(s.Write.Messages, report.SplitRejectedMsg(*s.Write.Order, *s.Release, s.Runbook, now))
		return nil
	}
	if !ev.Yes {
		a.Status = record.Rejected
		s.Incident.RejectedAt = now
		s.note(now, "rejected", ev.By.Name, fmt.Sprintf("Rejected (%s): %s", ev.By.How, ev.Reason))
		rejection := *a
		s.tell(func(i record.Incident, rb *runbook.Runbook, now time.Time) record.Message {
			return report.RejectedMsg(i, rb, rejection, now)
		}, now)
		s.close(now)
		return nil
	}
	a.Status = record.Approved
	word := "Approved"
	if policy.NeedsAnyway(a.Kind, ev.Now) {
		word = "Approved anyway, though nothing says that the trigger still breaches"
	}
	s.note(now, "approved", ev.By.Name, strings.TrimSuffix(fmt.Sprintf("%s (%s): %s", word, ev.By.How, ev.Reason), ": "))
	if a.Kind == record.AcceptSplit {
		return s.acceptSplit(SplitAccepted{By: ev.By, Reason: ev.Reason}, now)
	}
	s.shift(ev.By.Name, now)
	return nil
}

// reply is a human's answer with what it rests on; plan is the digest of the change as
// planned now.
func (s *State) reply(a record.Approval, ev Answered, plan string) policy.Reply {
	return policy.Reply{Runbook: s.Runbook, Approval: a, Release: s.release(), ExternalChange: s.ExternalChange(), Router: s.PlanProblem,
		Plan: plan, Now: ev.Now, By: ev.By, Reply: ev.Reply}
}

// supersede ends a pending question because something else happened.
func (s *State) supersede(now time.Time) {
	if a := s.Approval; a != nil && a.Status == record.Pending {
		a.Status, a.DecidedAt = record.Superseded, now
	}
}

// expire ends a question nobody answered, see [policy.Expired].
func (s *State) expire(now time.Time) {
	a := s.Approval
	a.Status, a.DecidedAt = record.Expired, now
	if s.Incident == nil || s.Incident.Phase != record.Awaiting {
		return
	}
	s.note(now, "expired", "", "Nobody answered within "+s.Runbook.Policy.ApprovalTTL.String())
	s.expired(record.Breach{}, now)
}

// confirmsExpiry reports whether an answer is the one that an expired question waits for.
func (s *State) confirmsExpiry(ev AlertChecked) bool {
	return waitsForExpiry(*s) && ev.Breach.Trigger == s.Incident.Breach.Trigger
}

func waitsForExpiry(s State) bool {
	return s.Incident != nil && s.Incident.Phase == record.Awaiting && s.Approval != nil && s.Approval.Status == record.Expired
}

// expired does what the policy says of a question that nobody answered, with what
// Prometheus says of its trigger now.
func (s *State) expired(b record.Breach, now time.Time) {
	in := s.input(b)
	d, again := policy.Expired(in, s.Approval.ExpiresAt, now)
	inputs := policy.RecordedExpiry(in, s.Approval.ExpiresAt)
	switch i := s.Incident; {
	case again:
	case d.Action == record.RollBack:
		i.Breach, i.Inputs = b, inputs
		s.apply(d, now)
	default:
		i.Phase, i.Decision, i.Inputs = record.HeldPhase, d, inputs
		s.tell(report.HeldMsg, now)
	}
}

// askAnew puts the question again once the plan it was about is no longer the plan,
// because somebody touched the router's keys and left the split as it is: the old link
// would be refused for ever. The time to answer does not start anew.
func (s *State) askAnew(now time.Time) {
	a, i := s.Approval, s.Incident
	if i == nil || i.Phase != record.Awaiting || a == nil || a.Status != record.Pending || a.Change == s.Plan.Digest {
		return
	}
	if s.PlanProblem != "" || s.ExternalChange() || now.Sub(a.CreatedAt) < patience(s.Runbook) {
		return
	}
	until := a.ExpiresAt
	s.note(now, "asked_again", "", "The router's keys were rewritten with the same split: trying again")
	s.ask(now)
	s.Approval.ExpiresAt = until
}

// askPromotion puts the next step to a human, bound to the change as planned now.
// Nobody's answer is never a yes.
func (s *State) askPromotion(now time.Time) {
	a := s.newApproval(record.Promotion, s.Next, now)
	s.Question, s.Release.Asking = a, a.ID
	s.Release.Waiting = asked(*a, s.Runbook)
	s.Write.Messages = append(s.Write.Messages, report.PromoteMsg(*s.Release, s.Runbook, *a, now))
}

// answeredPromotion takes a human's word on the next step. A yes is one like that of
// `release promote`: whatever objects now still does. A no stops the ramp.
func (s *State) answeredPromotion(ev Answered, now time.Time) error {
	q := s.Question
	if err := policy.Answer(s.reply(*q, ev, s.Next.Digest), now); err != nil {
		return err
	}
	if ev.Yes {
		if _, why := policy.Promote(s.ramp(&ev.Ready, true), now); why != "" {
			return runbook.Refuse("not promoted: %s", why)
		}
	}
	q.By, q.How, q.From, q.Reason, q.DecidedAt = ev.By.Name, ev.By.How, ev.By.From, ev.Reason, now
	if !ev.Yes {
		q.Status = record.Rejected
		s.Release.Asking, s.Release.Stopped = "", &record.HumanStop{At: now, By: ev.By.Name, Reason: ev.Reason}
		s.Write.Messages = append(s.Write.Messages, report.StepRejectedMsg(*s.Write.Order, *s.Release, s.Runbook, now))
		s.reconcileRamp(now)
		return nil
	}
	q.Status = record.Approved
	s.advance(ev.By.Name, now)
	return nil
}

// reconcileQuestion ends a question that nobody answered, and one whose plan is no longer
// the plan: it is put again when nothing objects.
func (s *State) reconcileQuestion(now time.Time) {
	q := s.Question
	if q == nil || q.Status != record.Pending {
		return
	}
	switch {
	case now.After(q.ExpiresAt):
		q.Status, q.DecidedAt = record.Expired, now
	case s.Next.Digest != "" && q.Change != s.Next.Digest && now.Sub(q.CreatedAt) >= patience(s.Runbook):
		s.supersedeQuestion(now)
	}
}

// patience is how long a question stays though the router's keys were written since:
// a tool that writes them every second must not make us ask every second.
func patience(rb *runbook.Runbook) time.Duration {
	return min(max(rb.Policy.ApprovalTTL.Std()/20, 10*time.Second), 5*time.Minute)
}

// supersedeQuestion takes the question about the next step back: something else
// happened. The answered one only leaves the release.
func (s *State) supersedeQuestion(now time.Time) {
	if s.Release != nil {
		s.Release.Asking = ""
	}
	if q := s.Question; q != nil && q.Status == record.Pending {
		q.Status, q.DecidedAt = record.Superseded, now
	}
}
