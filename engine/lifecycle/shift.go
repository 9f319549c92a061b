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

// demanded is a human's rollback: the same path and the same transaction.
func (s *State) demanded(ev Demanded, now time.Time) error {
	in, err := s.rollback(now)
	if err != nil {
		return err
	}
	d, inputs := policy.Decide(in, now), policy.Recorded(in)
	if s.Incident == nil {
		s.open(AlertChecked{Alert: record.Alert{Service: s.Runbook.Service, Region: s.Region, Source: record.Human, StartsAt: now, Firing: true}, Breach: in.Breach}, now)
	}
	s.Incident.Decision, s.Incident.Inputs = d, inputs
	s.note(now, "demanded", ev.By.Name, "Rollback requested: "+ev.Reason)
	s.shift(ev.By.Name, now)
	return nil
}

// rollback is what a human's rollback rests on; an error says why it is refused.
func (s *State) rollback(now time.Time) (policy.Input, error) {
	if !s.Open() {
		return policy.Input{}, runbook.Refuse("%s has no open release in %s: there is nothing to roll back", s.Runbook.Service, s.Region)
	}
	in := s.input(record.Breach{Severity: runbook.Severe, State: record.Breaching, AskedAt: now})
	in.ByHuman = true
	if d := policy.Decide(in, now); d.Action != record.RollBack {
		return in, runbook.Refuse("%s", first(d.Reasons))
	}
	return in, nil
}

// shift moves all traffic to the stable bundle. Everything it touches is committed in
// one transaction: weights and flags, release, incident, budget, quarantine, the
// approval that was used, and the message. by is the human who asked, or "".
func (s *State) shift(by string, now time.Time) {
	r, i := s.Release, s.Incident
	change := s.Plan
	i.Change, i.By = &change, by
	i.Phase, i.ActedAt, i.PolledAt, i.Polls = record.Acted, now, time.Time{}, 0
	i.Deadline = now.Add(s.Runbook.Verification.Within.Std())
	i.Verdict, i.EvidenceAt, i.EvidenceLacks = nil, time.Time{}, nil
	s.countSoFar()
	r.Phase, r.Epoch = record.RolledBack, r.Epoch+1
	s.postpone(s.Later, now)
	s.weigh(0, by, "rollback", now)
	r.Waiting, r.Stopped = "", nil
	s.endStandby(now)
	s.supersedeQuestion(now)
	if by == "" {
		r.Rollbacks = append(recent(r.Rollbacks, now), now)
		s.Budget.Schema = runbook.Schema
		s.Budget.Recent = append(recent(s.Budget.Recent, now), now)
	}
	s.supersede(now)
	s.Write.Shift = true
	s.Write.Quarantine = append(s.Write.Quarantine, record.Quarantine{
		Schema: runbook.Schema, Bundle: r.Candidate.Bundle, Service: r.Service, Region: r.Region, Incident: i.ID,
		Reason: cmp.Or(first(i.Decision.Reasons), "rolled back by "+by),
		At:     now, Version: r.Candidate.Version, Flags: s.Off,
	})
	s.note(now, "acted", by, fmt.Sprintf("Traffic moved from %v to %v in one transaction%s; bundle %s quarantined", change.From, change.To, afterwards(*r), r.Candidate.Bundle))
	s.tell(report.Acted, now)
	if len(s.Hazards) > 0 { // never a reason not to act, and always one to look
		s.note(now, "hazard", "", "The router may ignore the change: "+strings.Join(s.Hazards, "; "))
		hazards := s.Hazards
		s.tell(func(i record.Incident, rb *runbook.Runbook, now time.Time) record.Message {
			return report.HazardMsg(i, rb, hazards, now)
		}, now)
	}
}

// afterwards says what is written after the transaction.
func afterwards(r record.Release) string {
	switch w, flags := r.Unwritten(), r.FlagsPending(); {
	case w != nil:
		return ", after which " + w.Where() + " is written"
	case flags != nil:
		return ", after which, once no request reaches it, " + flags.Where() + " is switched off"
	}
	return ""
}

// recent keeps the moments of the last 24 hours.
func recent(times []time.Time, now time.Time) []time.Time {
	return slices.DeleteFunc(slices.Clone(times), func(t time.Time) bool { return now.Sub(t) > 24*time.Hour })
}

func first(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}
