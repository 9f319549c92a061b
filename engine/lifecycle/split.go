package lifecycle

import (
	"fmt"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
)

// observeSplit notices a split that somebody else wrote. It is never repaired.
func (s *State) observeSplit(now time.Time) {
	r := s.Release
	if r == nil || s.Unreadable() {
		return
	}
	if r.Phase == record.Closed {
		if s.ExternalChange() {
			s.giveWay()
		}
		return
	}
	if !s.ExternalChange() {
		s.endHold(now)
		return
	}
	if r.Held != nil && r.Held.Found.Equal(s.Split) {
		return
	}
	s.giveWay()
	r.Held = &record.HumanHold{Since: now, Want: r.Want(), Found: s.Split.Clone()}
	if s.Incident == nil {
		s.open(AlertChecked{Alert: record.Alert{Service: r.Service, Region: r.Region, Source: record.Human, StartsAt: now, Firing: true}}, now)
	}
	s.note(now, "external_change", "", fmt.Sprintf("Somebody else changed the split: wanted %v, found %v. autorollback leaves it as it is", r.Held.Want, r.Held.Found))
	if s.Incident.Change == nil {
		s.supersede(now)
		s.Incident.Phase, s.Incident.ClosedAt = record.HeldPhase, time.Time{}
		in := s.input(s.Incident.Breach)
		s.Incident.Decision, s.Incident.Inputs = policy.ExternalChange(in, now), policy.RecordedExternal(in)
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
	s.note(now, "hold_ended", "", "The split is back to what the release wants")
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
	s.note(now, "split_accepted", ev.By.Name, fmt.Sprintf("Release continues with the candidate at %v %%: %s", weight, ev.Reason))
	if i := s.Incident; i != nil && i.Change == nil {
		s.supersede(now)
		s.close(now)
	}
	r.Held, r.Epoch = nil, r.Epoch+1
	s.Write.Adopt = true
	s.weigh(weight, ev.By.Name, "accept split", now)
	s.supersedeQuestion(now)
	r.Incident = ""
	s.Write.Messages = append(s.Write.Messages, report.SplitAcceptedMsg(*s.Write.Order, *r, s.Runbook, now))
	return nil
}
