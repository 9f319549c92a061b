package lifecycle

import (
	"time"

	"github.com/autorollback/autorollback/record"
)

// An Effect is something the committed state asks to have done. EffectKind it twice is
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
	AskReady    EffectKind = "ask_ready"    // may the next step of the ramp be taken?
)

// Effects says what a state asks for, in the order it should be done.
func Effects(s State, now time.Time) []Effect {
	i := s.Incident
	var e []Effect
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
