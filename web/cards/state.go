package cards

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A Kind is what states have in common: what is searched for, sorted and coloured by.
type Kind string

// The kinds, what needs a human first.
const (
	Waiting    Kind = "waiting"    // for a human's answer
	Failed     Kind = "failed"     // rolled back, and users did not recover
	Held       Kind = "held"       // a guard or somebody else's split stopped automation
	Confirming Kind = "confirming" // an alert came that nobody could confirm yet
	Rolling    Kind = "rolling"    // back, now
	Verifying  Kind = "verifying"  // recovery, or a step
	Frozen     Kind = "frozen"     // promotion
	Stopped    Kind = "stopped"    // by somebody
	Off        Kind = "off"        // automation does nothing here
	Unknown    Kind = "unknown"    // its store does not answer
	Ramping    Kind = "ramping"    // a release is under way
	Healthy    Kind = "healthy"    // no release is under way, and the last one ended well
	NoRelease  Kind = "no release" // there was none yet
)

// Kinds are all of them, in the order of the page.
func Kinds() []Kind {
	return []Kind{Waiting, Failed, Held, Confirming, Rolling, Verifying, Frozen, Stopped, Off, Unknown, Ramping, Healthy, NoRelease}
}

// A State is how a target stands.
type State struct {
	Kind  Kind
	Words string    // e.g. "ramping 25 %", without the time that is left
	Note  string    // why, or what next; empty: the words say it
	Until time.Time // when what is said is over at the latest; zero: nobody knows
}

// Class is the kind as a class of a style sheet.
func (s State) Class() string { return strings.ReplaceAll(string(s.Kind), " ", "-") }

// Text is the words with the time that is left, e.g. "waiting for you 0:43".
func (s State) Text(now time.Time) string {
	if s.Until.IsZero() {
		return s.Words
	}
	return s.Words + " " + Left(s.Until.Sub(now))
}

// Left writes how long there is left, as a clock that runs down: 0:43, 14:05, 2:03:00, 3 d 2 h.
func Left(d time.Duration) string {
	s := int(max(0, d).Round(time.Second) / time.Second)
	switch {
	case s >= 48*3600:
		return fmt.Sprintf("%d d %d h", s/86400, s%86400/3600)
	case s >= 3600:
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// StateOf is how a target stands. you: whoever reads it may answer its questions.
func StateOf(t record.Standing, you bool) State {
	in := subject{Standing: t, you: you}
	if t.Release != nil {
		in.rel = *t.Release
	}
	if t.Incident != nil {
		in.inc = *t.Incident
	}
	for _, row := range table {
		if s, fits := row(in); fits {
			return s
		}
	}
	return State{Kind: NoRelease, Words: "no release yet"}
}

// A subject is a standing whose records are there; those that were nil are zero.
type subject struct {
	record.Standing
	rel record.Release
	inc record.Incident
	you bool
}

// table has every state; the first that fits is the target's.
var table = []func(subject) (State, bool){
	rollingBack, verifying, waiting, confirming, external, held,
	wentBack, lost, stopped, frozen, switchedOff, disarmed, proving, ramping, failed, rolledBack, proved,
}

func rollingBack(t subject) (State, bool) {
	return State{Kind: Rolling, Words: "rolling back", Until: t.inc.Deadline,
		Note: "traffic was moved to " + t.inc.Stable.Version + "; " + t.inc.Candidate.Version + " drains"}, t.inc.Phase == record.Acted
}

func verifying(t subject) (State, bool) {
	return State{Kind: Verifying, Words: "verifying", Until: t.inc.Deadline,
		Note: t.inc.Candidate.Version + " was rolled back; have users recovered?"}, t.inc.Phase == record.Verifying
}

func waiting(t subject) (State, bool) {
	q := t.Question
	if q == nil {
		return State{}, false
	}
	whom := "an approver"
	if t.Runbook != nil && len(t.Runbook.Policy.Approvers) > 0 {
		whom = strings.Join(t.Runbook.Policy.Approvers, " or ")
	}
	if t.you {
		whom = "you"
	}
	note := map[string]string{record.RollbackApproval: "roll back?", record.Promotion: "take the next step?", record.AcceptSplit: "keep somebody else's split?"}[q.Kind]
	return State{Kind: Waiting, Words: "waiting for " + whom, Until: q.ExpiresAt, Note: note}, true
}

func confirming(t subject) (State, bool) {
	return State{Kind: Confirming, Words: "confirming a breach", Note: reason(t.inc)}, t.inc.Phase == record.Unconfirmed
}

func external(t subject) (State, bool) {
	s := State{Kind: Held, Words: "held: somebody else changed the split"}
	if t.rel.Held != nil {
		s.Note = fmt.Sprintf("found %v", t.rel.Held.Found)
	}
	return s, t.Open() && t.rel.Held != nil
}

func held(t subject) (State, bool) {
	return State{Kind: Held, Words: "held", Note: reason(t.inc)}, t.inc.Phase == record.HeldPhase || t.inc.Phase == record.Awaiting
}

func wentBack(t subject) (State, bool) {
	s := State{Kind: Off, Words: "off: the store went back in time"}
	if t.Behind != nil {
		s.Note = t.Behind.Why
	}
	return s, t.Behind != nil
}

func lost(t subject) (State, bool) {
	return State{Kind: Unknown, Words: "unknown: the store does not answer", Note: t.Lost}, t.Lost != ""
}

func stopped(t subject) (State, bool) {
	s := State{Kind: Stopped}
	if by := t.rel.Stopped; by != nil {
		s.Words, s.Note = "stopped by "+by.By, by.Reason
	}
	return s, t.Open() && t.rel.Stopped != nil
}

func frozen(t subject) (State, bool) {
	return State{Kind: Frozen, Words: "frozen", Note: cmp.Or(t.rel.Frozen, reason(t.inc))}, t.Open() && (t.rel.Frozen != "" || t.inc.Phase == record.Frozen)
}

func switchedOff(t subject) (State, bool) {
	c := t.Control
	s := State{Kind: Off, Note: c.Reason, Until: c.Until}
	by := ""
	if c.By != "" {
		by = " by " + c.By
	}
	switch {
	case c.Mode == runbook.Paused:
		s.Words = "off: paused" + by
	case c.Mode == runbook.Observe:
		s.Words = "off: set to observe" + by
	case c.Mode != "" && c.Mode != runbook.Active:
		s.Words = fmt.Sprintf("off: the control mode %q is unknown", c.Mode)
	case t.Runbook == nil && t.Open():
		s.Words = "off: no runbook is in force"
	case t.Runbook != nil && t.Runbook.Policy.Mode != runbook.Active:
		s.Words = "off: the runbook's mode is observe"
	}
	return s, s.Words != ""
}

func disarmed(t subject) (State, bool) {
	if !t.Open() || t.Runbook == nil || len(t.Runbook.Triggers) == 0 {
		return State{}, false
	}
	why := ""
	for _, trigger := range t.Runbook.Triggers {
		arms, diff := t.Rules.Armed(trigger.Name)
		if arms != record.Off {
			return State{}, false
		}
		why = cmp.Or(why, diff.Text)
	}
	return State{Kind: Off, Words: "off: no trigger can fire", Note: why}, true
}

func proving(t subject) (State, bool) {
	s := State{Kind: Verifying, Words: fmt.Sprintf("verifying %v %%", t.rel.Weight)}
	if t.rel.Proof != nil {
		s.Until, s.Note = t.rel.Proof.Deadline, t.rel.Proof.Reason
	}
	return s, t.rel.Proving()
}

func ramping(t subject) (State, bool) {
	s := State{Kind: Ramping, Words: fmt.Sprintf("ramping %v %%", t.rel.Weight), Note: t.rel.Waiting}
	if t.Runbook == nil || t.Runbook.Rollout == nil {
		s.Words = fmt.Sprintf("released to %v %%", t.rel.Weight)
		return s, t.Open()
	}
	if _, more := t.Runbook.Rollout.Next(t.rel.Weight); !more {
		s.Words = fmt.Sprintf("baking %v %%", t.rel.Weight)
	}
	return s, t.Open()
}

func failed(t subject) (State, bool) {
	v := t.inc.Verdict
	if v == nil || t.Open() || v.Outcome == record.Recovered {
		return State{}, false
	}
	words := map[record.Outcome]string{record.NotRecovered: "not recovered", record.WrongCause: "wrong cause: the stable version is unhealthy as well", record.CannotTell: "cannot tell whether users recovered"}
	return State{Kind: Failed, Words: cmp.Or(words[v.Outcome], string(v.Outcome)), Note: v.Reason}, true
}

func rolledBack(t subject) (State, bool) {
	s := State{Kind: Healthy, Words: "healthy", Note: t.rel.Candidate.Version + " was rolled back"}
	if t.inc.Verdict != nil {
		s.Note += "; users recovered"
	}
	return s, t.rel.Phase == record.RolledBack
}

func proved(t subject) (State, bool) {
	return State{Kind: Healthy, Words: "healthy", Note: t.rel.Candidate.Version + " is proved"}, t.rel.Phase == record.Closed
}

// reason is why an incident is where it is.
func reason(i record.Incident) string {
	if len(i.Decision.Reasons) > 0 {
		return i.Decision.Reasons[0]
	}
	return i.Breach.Trigger
}
