package engine

import (
	"slices"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
)

// expiredGuard names the hold after a question that nobody answered.
const expiredGuard = "approval_expired"

// expire ends a question nobody answered. It never approves. If the runbook asks for a
// rollback then, the trigger is asked once more first: what was true when the question
// was put may be over, and limits and stop switches count as they are now.
func (s *State) expire(now time.Time) {
	a := s.Approval
	a.Status, a.DecidedAt = record.Expired, now
	if s.Incident == nil || s.Incident.Phase != record.Awaiting {
		return
	}
	s.note(now, "expired", "", "nobody answered in "+s.Runbook.Policy.ApprovalTTL.Std().String())
	if !mayExpire(*s) {
		s.holdExpired(now)
	}
}

func (s *State) holdExpired(now time.Time, why ...string) {
	s.Incident.Phase = record.HeldPhase
	s.Incident.Decision = record.Decision{Action: record.Hold, Guard: expiredGuard, At: now, Page: true,
		Reasons: append([]string{"nobody answered the question in " + s.Runbook.Policy.ApprovalTTL.Std().String()}, why...),
		Choices: []string{"autorollback release rollback " + s.Runbook.Service + " --region " + s.Region}}
	s.tell(report.HeldMsg, now)
}

// confirmsExpiry reports whether an answer is the one that an expired question waits for.
func (s *State) confirmsExpiry(ev Asked) bool {
	return waitsForExpiry(*s) && ev.Breach.Trigger == s.Incident.Breach.Trigger
}

func waitsForExpiry(s State) bool {
	return s.Incident != nil && s.Incident.Phase == record.Awaiting && s.Incident.Decision.Guard != checksGuard && s.Approval != nil && s.Approval.Status == record.Expired
}

// afterExpiry rolls back if the trigger is still true and no limit objects; anything
// else holds and pages, a significance that stays unknown as well.
func (s *State) afterExpiry(ev Asked, now time.Time) {
	switch state := ev.Breach.State; {
	case state == record.Breaching:
	case state == record.NotBreaching:
		s.holdExpired(now, "the trigger is not true any more")
		return
	case ev.Breach.Unjudged() && now.Sub(s.Approval.ExpiresAt) < quiet:
		return // it will be known in a moment, or to another replica: asked again
	default:
		s.holdExpired(now, "and it cannot be confirmed now: "+ev.Breach.Problem)
		return
	}
	d := s.policy(undoubted(ev.Breach), now)
	may := d.Action == record.RollBack || d.Action == record.Ask && slices.Contains([]string{policy.GuardMild, policy.GuardSchedule}, d.Guard)
	if !may || s.PlanProblem != "" {
		s.holdExpired(now, or(s.PlanProblem, first(d.Reasons)))
		return
	}
	s.Incident.Breach = ev.Breach
	d.Action, d.At = record.RollBack, now
	d.Reasons = append([]string{"nobody answered, the trigger is still true, and the runbook says that this rolls back"}, d.Reasons...)
	s.apply(d, now)
}

// undoubted is a breach without what the question was about: few pods, or nothing to
// compare with. Holds and limits remain.
func undoubted(b record.Breach) record.Breach {
	b.CandidatePods, b.StableRate = 1<<20, max(b.StableRate, 1)
	return b
}

// askAnew puts the question again once the plan it was about is no longer the plan,
// because somebody touched the router's keys and left the split as it is: the old link
// would be refused for ever. The time to answer does not start anew.
func (s *State) askAnew(now time.Time) {
	a, i := s.Approval, s.Incident
	if i == nil || i.Phase != record.Awaiting || a == nil || a.Status != record.Pending || a.Change == s.Plan.Digest {
		return
	}
	if s.PlanProblem != "" || s.Foreign() || now.Sub(a.CreatedAt) < patience(s.Runbook) {
		return
	}
	until := a.ExpiresAt
	s.note(now, "asked_again", "", "the router's keys were written since the question was put; the split is the same, the question is put again")
	s.ask(now)
	s.Approval.ExpiresAt = until
}
