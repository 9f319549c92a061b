package lifecycle

import (
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
)

// askPromotion puts the next step to a human, bound to the change as planned now.
// Nobody's answer is never a yes.
func (s *State) askPromotion(now time.Time) {
	a := s.newApproval(record.Promotion, s.Next, now)
	s.Question, s.Release.Asking = a, a.ID
	s.Release.Waiting = asked(*a, s.Runbook)
	s.Write.Messages = append(s.Write.Messages, report.PromoteMsg(*s.Release, s.Runbook, *a, now))
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

// reply is a human's answer with what it rests on; plan is the digest of the change as
// planned now.
func (s *State) reply(a record.Approval, ev Answered, plan string) policy.Reply {
	return policy.Reply{Runbook: s.Runbook, Approval: a, Release: s.release(), ExternalChange: s.ExternalChange(), Router: s.PlanProblem,
		Plan: plan, Yes: ev.Yes, By: ev.By, How: ev.How, Reason: ev.Reason}
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
	q.By, q.How, q.Reason, q.DecidedAt = ev.By, ev.How, ev.Reason, now
	if !ev.Yes {
		q.Status = record.Rejected
		s.Release.Asking, s.Release.Stopped = "", &record.HumanStop{At: now, By: ev.By, Reason: ev.Reason}
		s.reconcileRamp(now)
		return nil
	}
	q.Status = record.Approved
	s.advance(ev.By, now)
	return nil
}
