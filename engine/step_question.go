package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
)

// promotion is the kind of approval that asks for the next step of the ramp.
const promotion = "promote"

// askPromotion puts the next step to a human, bound to the change as planned now.
// Nobody's answer is never a yes.
func (s *State) askPromotion(now time.Time) {
	a := s.newApproval(promotion, s.Next, now)
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

// tendQuestion ends a question that nobody answered, and one whose plan is no longer
// the plan: it is put again when nothing objects.
func (s *State) tendQuestion(now time.Time) {
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

// answerable says why an answer to a question cannot be taken.
func (s *State) answerable(a *record.Approval, ev Answered, now time.Time) error {
	switch {
	case a.Status != record.Pending:
		return runbook.Refuse("this was already answered: %s by %s at %s", a.Status, or(a.By, "nobody"), a.DecidedAt.UTC().Format(time.RFC3339))
	case now.After(a.ExpiresAt):
		return runbook.Refuse("this question expired at %s", a.ExpiresAt.UTC().Format(time.RFC3339))
	case !slices.Contains(s.Runbook.Policy.Approvers, ev.By) && ev.How != "link_only":
		return runbook.Refuse("%s is not among the approvers that the runbook of %s names", ev.By, s.Runbook.Service)
	case !ev.Yes && ev.Reason == "":
		return runbook.Refuse("a reason is needed to reject")
	}
	return nil
}

// answeredPromotion takes a human's word on the next step. A yes is one like that of
// `release promote`: whatever objects now still does. A no stops the ramp.
func (s *State) answeredPromotion(ev Answered, now time.Time) error {
	q := s.Question
	if err := s.answerable(q, ev, now); err != nil {
		return err
	}
	if ev.Yes && (!s.Open() || q.Epoch != s.Release.Epoch || q.Change != s.Next.Digest) {
		return fmt.Errorf("approve %s: %w: the plan is not the one you were shown; it is asked for again", q.ID, runbook.ErrConflict)
	}
	if ev.Yes {
		if why := s.rampObjection(&ev.Ready, true, now); why != "" {
			return runbook.Refuse("not promoted: %s", why)
		}
	}
	q.By, q.How, q.Reason, q.DecidedAt = ev.By, ev.How, ev.Reason, now
	if !ev.Yes {
		q.Status = record.Rejected
		s.Release.Asking, s.Release.Stopped = "", &record.HumanStop{At: now, By: ev.By, Reason: ev.Reason}
		s.tendRamp(now)
		return nil
	}
	q.Status = record.Approved
	s.advance(ev.By, now)
	return nil
}
