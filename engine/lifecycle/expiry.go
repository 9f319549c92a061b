package lifecycle

import (
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
)

// expire ends a question nobody answered, see [policy.Expired].
func (s *State) expire(now time.Time) {
	a := s.Approval
	a.Status, a.DecidedAt = record.Expired, now
	if s.Incident == nil || s.Incident.Phase != record.Awaiting {
		return
	}
	s.note(now, "expired", "", "nobody answered in "+s.Runbook.Policy.ApprovalTTL.Std().String())
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
	d, again := policy.Expired(s.input(b), s.Approval.ExpiresAt, now)
	switch i := s.Incident; {
	case again:
	case d.Action == record.RollBack:
		i.Breach = b
		s.apply(d, now)
	default:
		i.Phase, i.Decision = record.HeldPhase, d
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
	s.note(now, "asked_again", "", "the router's keys were written since the question was put; the split is the same, the question is put again")
	s.ask(now)
	s.Approval.ExpiresAt = until
}
