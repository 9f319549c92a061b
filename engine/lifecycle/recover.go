package lifecycle

import (
	"fmt"
	"strings"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// Repair is what a recovery of the target would do, ordered by somebody; false: nothing is lost.
func (s State) Repair(by, reason string, now time.Time) (r policy.Repair, lost bool) {
	other := policy.OtherStore(s.history())
	b := s.behind(now)
	if b == nil && other == "" {
		return r, false
	}
	in := policy.Damage{Release: s.Release, Incident: s.Incident, Quarantined: s.Quarantined, Split: s.Split, Other: other}
	if b != nil {
		in.Behind = *b
	}
	return policy.Recover(in, record.Truncate(by, 100), record.Truncate(reason, record.MaxLine), now), true
}

// Recovery is a repair in words, with the change of the router's keys as it is planned now.
func (s State) Recovery(now time.Time) (view.Recovery, bool) {
	r, lost := s.Repair("", "", now)
	if !lost {
		return view.Recovery{}, false
	}
	out := view.Recovery{Service: s.Runbook.Service, Region: s.Region, Lines: r.Lines, Shift: r.Shift, Why: policy.OtherStore(s.history())}
	if b := s.behind(now); b != nil {
		out.Why = strings.TrimSpace(out.Why + " " + b.Why)
	}
	if s.Behind != nil {
		out.Since = s.Behind.Since
	}
	if r.Shift {
		change := s.Plan
		out.Change, out.Problem = &change, s.PlanProblem
	}
	out.Plan = r.PlanDigest(s.Plan.Digest)
	return out, true
}

// recovered brings the target in line, in one transaction: quarantines, the release, and the
// traffic of a candidate that was rolled back, which is a human's rollback with a new incident.
func (s *State) recovered(ev Recovered, now time.Time) error {
	r, lost := s.Repair(ev.By.Name, ev.Reason, now)
	switch {
	case !lost:
		return runbook.Refuse("%s in %s is not held back: its store has every record that is known", s.Runbook.Service, s.Region)
	case s.Unreadable():
		return runbook.Refuse("the router's keys cannot be read: %s", s.PlanProblem)
	case ev.Plan != r.PlanDigest(s.Plan.Digest):
		return fmt.Errorf("recover %s in %s: %w: what is missing is no longer what you were shown; look again", s.Runbook.Service, s.Region, runbook.ErrConflict)
	}
	b := s.behind(now)
	s.Behind, s.OtherStore, s.Write = nil, "", Write{Recovered: true, Order: s.Write.Order}
	if r.Release != nil {
		s.endOld(ev, now)
		s.Release = r.Release
	}
	s.Write.Quarantine, s.Write.Bundles = r.Restores(), r.Bundles
	if r.Shift {
		if s.PlanProblem != "" {
			return runbook.Refuse("the router's keys cannot be changed: %s", s.PlanProblem)
		}
		if err := s.demanded(Demanded{By: ev.By, Reason: ev.Reason}, now); err != nil {
			return err
		}
	}
	if b != nil {
		s.Write.Messages = append(s.Write.Messages, report.RecoveredMsg(*b, ev.By.Name, ev.Reason, s.Runbook, now))
	}
	return nil
}

// endOld closes the incident of the store's older record, and takes its questions back: they are
// of a time that is over.
func (s *State) endOld(ev Recovered, now time.Time) {
	s.supersede(now)
	s.supersedeQuestion(now)
	if s.Approval != nil {
		s.Write.Approvals = append(s.Write.Approvals, *s.Approval)
	}
	if s.Question != nil {
		s.Write.Approvals = append(s.Write.Approvals, *s.Question)
	}
	if s.Incident != nil && s.Incident.Phase != record.Done {
		s.note(now, "recovered", ev.By.Name, "The store went back in time: "+ev.Reason)
		s.close(now)
		s.Write.Incidents = append(s.Write.Incidents, *s.Incident)
	}
	s.Incident, s.Approval, s.Question = nil, nil, nil
}
