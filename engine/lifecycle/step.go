package lifecycle

import (
	"fmt"
	"time"

	"github.com/autorollback/autorollback/record"
)

// Step says what an event makes of a state; what the new state asks for say its
// [Effects]. It is pure: the same state, event and moment give the same answer. An error
// means that the event is refused and nothing changes; it wraps a sentinel of package
// runbook.
func Step(s State, ev Event, now time.Time) (State, error) {
	s = s.clone()
	var err error
	switch ev := ev.(type) {
	case AlertChecked:
		err = s.asked(ev, now)
	case Tick:
		s.tick(now)
	case Drained:
		s.drained(ev, now)
	case RecoveryPolled:
		s.polled(ev, now)
	case KPIPolled:
		s.followed(ev, now)
	case Archived:
		s.archived(ev, now)
	case MessageSent:
		s.told(ev, now)
	case Promoted:
		err = s.promoted(ev, now)
	case Checked:
		s.checked(ev, now)
	case Stopped:
		err = s.stopRamp(ev, now)
	case Resumed:
		err = s.resume(ev, now)
	case Launched:
		err = s.launched(ev, now)
	case Demanded:
		err = s.demanded(ev, now)
	case Answered:
		err = s.answered(ev, now)
	case SplitAccepted:
		err = s.acceptSplit(ev, now)
	default:
		err = fmt.Errorf("step %T: unknown event", ev)
	}
	if err == nil {
		s.truncateIncident()
	}
	return s, err
}

// tick does what is due by the clock, and looks whether somebody changed the split.
func (s *State) tick(now time.Time) {
	s.observeSplit(now)
	if a := s.Approval; a != nil && a.Status == record.Pending && now.After(a.ExpiresAt) {
		s.expire(now)
	}
	s.askAnew(now)
	if i := s.Incident; i != nil && (i.Phase == record.Acted || i.Phase == record.Verifying) && !now.Before(i.Deadline) {
		s.conclude(now)
	}
	if r := s.Release; r != nil && r.Proving() && !now.Before(r.Proof.Deadline) {
		s.concludeProof(now)
	}
	s.reconcileRamp(now)
}
