package lifecycle

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
)

// launched starts a release: the records, both manifests and the first weights.
func (s *State) launched(ev Launched, now time.Time) error {
	l := ev.Launch
	stable, candidate := record.SideOf(l.Stable), record.SideOf(l.Candidate)
	in := policy.Launch{
		Runbook: s.Runbook, Region: s.Region, Stable: stable, Candidate: candidate, Weight: l.Weight, Safer: l.Safer,
		Trusted: l.StableNotProved != "", Last: s.Release, Incident: s.Incident, Quarantined: s.Quarantined,
		Shadow: s.shadowObjection(stable, candidate, now), Split: s.Split, Router: s.PlanProblem, Hazards: s.Hazards,
	}
	if err := policy.Start(in); err != nil {
		return err
	}
	safer, than := s.safer(l.Safer)
	epoch, rollbacks := 1, []time.Time(nil)
	if s.Release != nil {
		epoch = s.Release.Epoch + 1
		rollbacks = recent(s.Release.Rollbacks, now)
	}
	good, before := lastGood(s.Release)
	s.Release = &record.Release{
		Schema: runbook.Schema, ID: "rel-" + derive(s.Op, "release"), Service: l.Service, Region: s.Region,
		Stable: stable, Candidate: candidate, Phase: record.Open, Epoch: epoch,
		StartedAt: now, StartedBy: ev.By, Rollbacks: rollbacks, Good: good, GoodBefore: before, Rollout: safer, SaferThan: than, Op: s.Op,
	}
	if in.NotProved() {
		s.Release.NotProved = &record.HumanWord{At: now, By: record.Truncate(ev.By, 100), Reason: record.Truncate(l.StableNotProved, record.MaxLine)}
	}
	if s.Runbook.Shadow.Needed() {
		s.Release.Shadow, s.Write.Gate = s.Shadow.Report, true
	}
	s.weigh(l.Weight, ev.By, "start", now)
	s.Incident, s.Approval, s.Question = nil, nil, nil
	s.Write.Bundles = []runbook.Bundle{l.Stable.Bundle, l.Candidate.Bundle}
	s.Write.Shift = true
	return nil
}

// lastGood is what the release before has proved, and the one before that.
func lastGood(r *record.Release) (good, before *record.Side) {
	if r == nil {
		return nil, nil
	}
	return r.Good, r.GoodBefore
}

// demanded is a human's rollback: the same path and the same transaction.
func (s *State) demanded(ev Demanded, now time.Time) error {
	if !s.Open() {
		return runbook.Refuse("%s has no open release in %s: there is nothing to roll back", s.Runbook.Service, s.Region)
	}
	b := record.Breach{Trigger: "", Severity: runbook.Severe, State: record.Breaching, AskedAt: now}
	in := s.input(b)
	in.ByHuman = true
	d := policy.Decide(in, now)
	if d.Action != record.RollBack {
		return runbook.Refuse("%s", first(d.Reasons))
	}
	if s.Incident == nil {
		s.open(AlertChecked{Alert: record.Alert{Service: s.Runbook.Service, Region: s.Region, Source: record.Human, StartsAt: now, Firing: true}, Breach: b}, now)
	}
	s.Incident.Decision = d
	s.note(now, "demanded", ev.By, "rollback asked for: "+ev.Reason)
	s.shift(ev.By, now)
	return nil
}

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
	a.By, a.How, a.Reason, a.DecidedAt = ev.By, ev.How, ev.Reason, now
	if !ev.Yes && a.Kind == record.AcceptSplit {
		a.Status = record.Rejected
		s.note(now, "kept_held", ev.By, fmt.Sprintf("the release stays held (%s): %s", ev.How, ev.Reason))
		return nil
	}
	if !ev.Yes {
		a.Status = record.Rejected
		s.Incident.RejectedAt = now
		s.note(now, "rejected", ev.By, fmt.Sprintf("rejected (%s): %s", ev.How, ev.Reason))
		rejection := *a
		s.tell(func(i record.Incident, rb *runbook.Runbook, now time.Time) record.Message {
			return report.RejectedMsg(i, rb, rejection, now)
		}, now)
		s.close(now)
		return nil
	}
	a.Status = record.Approved
	s.note(now, "approved", ev.By, fmt.Sprintf("approved (%s) %s", ev.How, ev.Reason))
	if a.Kind == record.AcceptSplit {
		return s.acceptSplit(SplitAccepted{By: ev.By, Reason: ev.Reason}, now)
	}
	s.shift(ev.By, now)
	return nil
}

// supersede ends a pending question because something else happened.
func (s *State) supersede(now time.Time) {
	if a := s.Approval; a != nil && a.Status == record.Pending {
		a.Status, a.DecidedAt = record.Superseded, now
	}
}

func (s State) isQuarantined(digest string) bool {
	q, ok := s.Quarantined[digest]
	return ok && q.Lifted == ""
}

// derive makes an id out of the step's operation id, which is random and used once.
func derive(op, what string) string {
	h := sha256.Sum256([]byte(what + " " + op))
	return hex.EncodeToString(h[:16])
}

// recent keeps the moments of the last 24 hours.
func recent(times []time.Time, now time.Time) []time.Time {
	return slices.DeleteFunc(slices.Clone(times), func(t time.Time) bool { return now.Sub(t) > 24*time.Hour })
}
