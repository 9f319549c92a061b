package lifecycle

import (
	"fmt"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// An Event is something that happened to a target. The set is closed.
type Event interface{ event() }

type (
	// AlertChecked is an alert together with Prometheus' own answer to its trigger, asked
	// for the release it names.
	AlertChecked struct {
		Alert   record.Alert
		Breach  record.Breach
		Release string
		Epoch   int
	}
	// Tick is time passing, and the split being looked at.
	Tick struct{}
	// Drained is the answer to "does the candidate still get traffic?".
	Drained struct{ Answer record.Answer }
	// RecoveryPolled is one poll of the recovery questions, the candidate's traffic among them.
	RecoveryPolled struct{ Answers []record.Answer }
	// KPIPolled is one look, after the incident was closed, at the business questions
	// that could not be proved in time.
	KPIPolled struct{ Answers []record.Answer }
	// Sealed says that the evidence folder is complete, or why it is not, and with which impact.
	Sealed struct {
		Path, Digest, Problem string
		Impact                *record.Impact
		Lacks                 []string // what sources of samples and logs did not give
	}
	// Lacking says what sources of samples and logs have not given yet; they are asked again.
	Lacking struct{ Lacks []string }
	// MessageSent says that a message reached the team at a time, that it was given up, or that nobody needs
	// it any more.
	MessageSent struct {
		Message, Kind, Incident, Text string
		At                            time.Time // zero: nobody has it
		GaveUp                        bool      // somebody never gets it
		NotSent                       bool
	}
	// Promoted is the answer whether a rollback is possible right now, and with it the
	// next step of the ramp if nothing objects: by a human, or if By is zero by the
	// daemon, which asks first if the runbook says so.
	Promoted struct {
		By      record.Caller
		Flip    bool // only as the first step of blue and green
		Release string
		Epoch   int
		Ready   record.Readiness
		Plan    string // digest of what a human was shown, see [State.PlanDigest]; empty: nothing
		Reason  string // a human's, where they gave one
	}
	// Checked is one poll of what must be good after a flip, or with all traffic.
	Checked struct {
		Release string
		Epoch   int
		Answers []record.Answer
	}
	// Observed is what instances of the router showed, asked for the split of an epoch.
	Observed struct {
		Release string
		Epoch   int
		Views   []View
	}
	// StandbyProbed is what the probes of the last known good found.
	StandbyProbed struct {
		Release string
		State   record.StandbyState
		Why     string
		Answers []record.Answer
	}
	// Written says that a pending write stands at its place, or why it does not yet.
	Written struct{ Op, Place, Problem string }
	// Stopped is a human stopping the ramp where it is.
	Stopped struct {
		By     record.Caller
		Reason string
		Plan   string // as [Promoted]'s
	}
	// Resumed is a human letting a ramp continue that was stopped, frozen or held.
	Resumed struct {
		By     record.Caller
		Reason string
		Plan   string // as [Promoted]'s
	}
	// Launched is a human starting a release, or a region whose turn has come in one that goes
	// through several.
	Launched struct {
		Launch    runbook.Launch
		By        record.Caller
		Reason    string             // why, where somebody said so
		Regions   *record.RegionPlan // nil: this region alone; without an id: it begins here
		Ramp      *runbook.Rollout   // that of the region before, if not the runbook's
		SaferThan string
	}
	// Demanded is a human asking for a rollback.
	Demanded struct {
		By     record.Caller
		Reason string
		Plan   string // as [Promoted]'s
	}
	// Answered is a human's answer to an approval.
	Answered struct {
		Approval string
		By       record.Caller
		record.Reply
		Now   record.Breach    // the trigger, asked for a yes to a rollback
		Ready record.Readiness // asked for a yes to the next step
	}
	// Recovered is a human's yes to the recovery of a target whose store went back in time.
	Recovered struct {
		By     record.Caller
		Reason string
		Plan   string // digest of what was shown
	}
	// SplitAccepted is a human letting a held release continue with the split that was found.
	SplitAccepted struct {
		By     record.Caller
		Reason string
	}
)

func (AlertChecked) event()   {}
func (Tick) event()           {}
func (Drained) event()        {}
func (RecoveryPolled) event() {}
func (KPIPolled) event()      {}
func (Sealed) event()         {}
func (Lacking) event()        {}
func (MessageSent) event()    {}
func (Promoted) event()       {}
func (Checked) event()        {}
func (Observed) event()       {}
func (StandbyProbed) event()  {}
func (Written) event()        {}
func (Stopped) event()        {}
func (Resumed) event()        {}
func (Launched) event()       {}
func (Demanded) event()       {}
func (Answered) event()       {}
func (SplitAccepted) event()  {}
func (Recovered) event()      {}

// Step says what an event makes of a state; what the new state asks for say its
// [Effects]. It is pure: the same state, event and moment give the same answer. An error
// means that the event is refused and nothing changes; it wraps a sentinel of package
// runbook.
func Step(was State, ev Event, now time.Time) (State, error) {
	s := was.clone()
	if err := s.ordered(ev, now); err != nil {
		return s, err
	}
	if err := s.asShown(ev); err != nil {
		return s, err
	}
	waits, err := s.second(ev, now)
	if err != nil {
		return s, err
	}
	id := s.Write.WaitingID
	s.notice(now)
	if why := s.heldBack(); why != "" {
		err = s.whileBehind(ev, why, now)
	} else {
		err = s.happened(ev, now)
	}
	if err == nil && waits != nil { // it would be carried out
		return was.awaitSecond(*waits, id, now), nil
	}
	if err == nil {
		s.about()
		s.truncateIncident()
	}
	return s, err
}

// happened takes an event to a target that is not held back.
func (s *State) happened(ev Event, now time.Time) (err error) {
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
	case Sealed:
		s.sealed(ev, now)
	case Lacking:
		s.lacking(ev, now)
	case MessageSent:
		s.told(ev, now)
	case Promoted:
		err = s.promoted(ev, now)
	case Checked:
		s.checked(ev, now)
	case Observed:
		s.observed(ev, now)
	case StandbyProbed:
		s.probed(ev, now)
	case Written:
		s.written(ev, now)
	case Stopped:
		err = s.stopRamp(ev, now)
	case Resumed:
		err = s.resume(ev, now)
	case Launched:
		if s.Behind != nil {
			return s.recoverFirst(s.Behind.Why)
		}
		err = s.launched(ev, now)
	case Demanded:
		err = s.demanded(ev, now)
	case Answered:
		err = s.answered(ev, now)
	case SplitAccepted:
		err = s.acceptSplit(ev, now)
	case Recovered:
		err = s.recovered(ev, now)
	default:
		err = fmt.Errorf("step %T: unknown event", ev)
	}
	return err
}

// tick does what is due by the clock, and looks whether somebody changed the split.
func (s *State) tick(now time.Time) {
	s.observeSplit(now)
	s.switchOff(now)
	s.readBack(now)
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
	s.brake(now)
	s.straggle(now)
	s.reconcileRamp(now)
}

// An Effect is something the committed state asks to have done. To do it twice is
// harmless; its result comes back as an event.
type Effect struct {
	Do  EffectKind
	Due time.Time
}

// EffectKind is an effect's verb.
type EffectKind string

const (
	AskAgain    EffectKind = "ask_again"    // ask the incident's trigger once more
	AskDrained  EffectKind = "ask_drained"  // is the candidate's traffic gone?
	AskHealth   EffectKind = "ask_health"   // have users recovered?
	CaptureOld  EffectKind = "capture"      // freeze what there is to know before the change
	SealAll     EffectKind = "seal"         // complete and seal the evidence folder
	StepAgain   EffectKind = "look_again"   // step a Tick: something is due by the clock
	AskBusiness EffectKind = "ask_business" // can a business metric be proved by now?
	AskChecks   EffectKind = "ask_checks"   // is all good after a flip, or with all traffic?
	WriteLater  EffectKind = "write_later"  // carry out the pending write whose turn it is
	AskReady    EffectKind = "ask_ready"    // may the next step of the ramp be taken?
)

// Effects says what a state asks for, in the order it should be done.
func Effects(s State, now time.Time) []Effect {
	if s.heldBack() != "" {
		return nil
	}
	i := s.Incident
	var e []Effect
	if w, due := Due(s); due && w.Place != "" { // what stands in the store itself is written by the tick
		e = append(e, Effect{WriteLater, now})
	}
	if wantsReady(s, now) {
		e = append(e, Effect{AskReady, now})
	}
	if s.Release != nil && s.Release.Proving() {
		p := s.Release.Proof
		e = append(e, Effect{AskChecks, p.PolledAt.Add(s.Runbook.Verification.Every.Std())}, Effect{StepAgain, p.Deadline})
	}
	if follows(s) {
		e = append(e, Effect{AskBusiness, i.PolledAt.Add(followEvery)})
	}
	if awaitsDrain(s) {
		e = append(e, Effect{AskDrained, now})
	}
	if i == nil || i.Phase == record.Done {
		return e
	}
	v := s.Runbook.Verification
	switch i.Phase {
	case record.Unconfirmed:
		e = append(e, Effect{AskAgain, now})
	case record.Awaiting:
		switch {
		case waitsForExpiry(s):
			e = append(e, Effect{AskAgain, now})
		case s.Approval != nil:
			e = append(e, Effect{StepAgain, s.Approval.ExpiresAt})
		}
	case record.Acted:
		e = append(e, Effect{AskDrained, i.PolledAt.Add(v.Every.Std())}, Effect{StepAgain, i.Deadline})
	case record.Verifying:
		e = append(e, Effect{AskHealth, i.PolledAt.Add(v.Every.Std())}, Effect{StepAgain, i.Deadline})
	}
	if i.Phase != record.Unconfirmed {
		e = append(e, Effect{CaptureOld, now})
	}
	if i.Verdict != nil && i.EvidenceAt.IsZero() {
		e = append(e, Effect{SealAll, now})
	}
	return e
}
