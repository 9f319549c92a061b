package lifecycle

import (
	"slices"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
)

// history is what is known of the target beside what its store said.
func (s State) history() policy.History {
	return policy.History{Known: s.Known, Installation: s.Installation, Release: s.Release, Index: s.ReleaseIndex, Quarantined: s.Quarantined}
}

// heldBack says why nothing may be written for the target automatically; empty: it may.
func (s State) heldBack() string { return policy.HoldsBack(s.Behind, s.OtherStore, s.Release) }

// notice compares what is known with what the store said, and keeps what it has lost, so that
// every replica knows. People are told in the same transaction. In another store nothing is kept.
func (s *State) notice(now time.Time) {
	if s.OtherStore = policy.OtherStore(s.history()); s.OtherStore != "" {
		return
	}
	first := s.Behind == nil
	if s.Behind = s.behind(now); s.Behind != nil && first {
		s.Write.Messages = append(s.Write.Messages, report.WentBackMsg(*s.Behind, s.Release, s.Runbook, now))
	}
}

// behind is what the store has lost of the target: what is kept of that, with what is known here
// beside; nil: nothing.
func (s State) behind(now time.Time) *record.Behind {
	h := s.history()
	why := policy.WentBack(h)
	if why == "" {
		return s.Behind
	}
	b := record.Behind{Schema: runbook.Schema, Service: s.Runbook.Service, Region: s.Region, Since: now, Replica: s.Replica,
		Why: record.Truncate(why, 2*record.MaxLine)}
	if s.Behind != nil {
		b = *s.Behind
	}
	if k := s.Known.Release; policy.ReleaseLost(h) != "" && (b.Release == nil || k.After(b.Release)) {
		b.Release, b.Bundles = k, s.Known.Bundles
	}
	b.Quarantine = slices.Clone(b.Quarantine)
	for _, q := range policy.LostQuarantines(h) {
		if !slices.ContainsFunc(b.Quarantine, func(old record.Quarantine) bool { return old.Bundle == q.Bundle }) {
			b.Quarantine = append(b.Quarantine, q)
		}
	}
	return &b
}

// whileBehind takes an event to a target that is held back. Nothing is written but the notice,
// what people are told, and a human's rollback.
func (s *State) whileBehind(ev Event, why string, now time.Time) error {
	switch ev := ev.(type) {
	case MessageSent:
		s.told(ev, now)
	case AlertChecked:
		s.breachedBehind(ev, now)
	case Demanded:
		s.freshEpoch()
		return s.demanded(ev, now)
	case Recovered:
		return s.recovered(ev, now)
	case Promoted:
		if ev.By.Name != "" {
			return s.recoverFirst(why)
		}
	case Launched, Stopped, Resumed, Answered, SplitAccepted:
		return s.recoverFirst(why)
	}
	return nil
}

func (s *State) recoverFirst(why string) error {
	return runbook.Refuse("%s", policy.RecoverFirst(why, s.Runbook.Service, s.Region))
}

// breachedBehind tells people once of each trigger that breaches while nothing is done about it.
// No incident is opened: its id may be one that the store has lost.
func (s *State) breachedBehind(ev AlertChecked, now time.Time) {
	if !s.Open() || ev.Release != s.Release.ID {
		return
	}
	s.Said.Decision = policy.Decide(s.input(ev.Breach), now)
	if s.Behind == nil || s.Said.Decision.Guard != policy.GuardWentBack || slices.Contains(s.Behind.Breaching, ev.Breach.Trigger) {
		s.Said.Repeated = s.Said.Decision.Guard == policy.GuardWentBack
		return
	}
	b := *s.Behind
	b.Breaching = append(slices.Clone(b.Breaching), ev.Breach.Trigger)
	s.Behind = &b
	s.Write.Messages = append(s.Write.Messages, report.BehindBreachMsg(b, *s.Release, s.Said.Decision, ev.Breach, s.Runbook, now))
}

// freshEpoch takes the release beyond every epoch that is known, so that no incident gets the id
// of one that the store has lost.
func (s *State) freshEpoch() {
	if s.Release == nil {
		return
	}
	for _, known := range s.lost() {
		s.Release.Epoch = max(s.Release.Epoch, known.Epoch+1)
	}
	s.Release.Incident, s.Incident, s.Approval = "", nil, nil
}

// lost are the releases that are known beside the store's.
func (s State) lost() []*record.Release {
	all := []*record.Release{s.Known.Release}
	if s.Behind != nil {
		all = append(all, s.Behind.Release)
	}
	return slices.DeleteFunc(all, func(r *record.Release) bool { return r == nil })
}
