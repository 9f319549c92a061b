package cards

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
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
func StateOf(t view.Standing, you bool) State {
	in := subjectOf(&t, you)
	row := rowOf(in)
	s := row.say(in)
	s.Kind = row.kind
	return s
}

// KindOf is the kind of a target's state, without its words.
func KindOf(t *view.Standing) Kind { return rowOf(subjectOf(t, false)).kind }

// A subject is a standing whose records are there; those that were nil are zero.
type subject struct {
	*view.Standing
	rel *record.Release
	inc *record.Incident
	you bool
}

func subjectOf(t *view.Standing, you bool) subject {
	return subject{t, cmp.Or(t.Release, &noRelease), cmp.Or(t.Incident, &noIncident), you}
}

var (
	noRelease  record.Release
	noIncident record.Incident
)

// A row is one state: when a target is in it, and what is said then.
type row struct {
	kind Kind
	fits func(subject) bool
	say  func(subject) State
}

func rowOf(t subject) row {
	for _, r := range table {
		if r.fits(t) {
			return r
		}
	}
	return row{kind: NoRelease, say: func(subject) State { return State{Words: "no release yet"} }}
}

// table has every state; the first that fits is the target's.
var table = []row{
	{Rolling, phase(record.Acted), rollingBack},
	{Verifying, phase(record.Verifying), verifying},
	{Waiting, func(t subject) bool { return t.Question != nil }, waiting},
	{Confirming, phase(record.Unconfirmed), func(t subject) State { return State{Words: "confirming a breach", Note: reason(t.inc)} }},
	{Held, func(t subject) bool { return t.Open() && t.rel.Held != nil }, external},
	{Held, phase(record.HeldPhase, record.Awaiting), func(t subject) State { return State{Words: "held", Note: reason(t.inc)} }},
	{Off, func(t subject) bool { return t.Behind != nil }, wentBack},
	{Unknown, func(t subject) bool { return t.Lost != "" }, func(t subject) State { return State{Words: "unknown: the store does not answer", Note: t.Lost} }},
	{Stopped, func(t subject) bool { return t.Open() && t.rel.Stopped != nil }, stopped},
	{Frozen, func(t subject) bool { return t.Open() && (t.rel.Frozen != "" || t.inc.Phase == record.Frozen) }, frozen},
	{Off, isOff, switchedOff},
	{Off, disarmed, func(t subject) State { return State{Words: "off: no trigger can fire", Note: whyDisarmed(t)} }},
	{Verifying, func(t subject) bool { return t.rel.Proving() }, proving},
	{Ramping, func(t subject) bool { return t.Open() }, ramping},
	{Failed, func(t subject) bool { return t.inc.Verdict != nil && t.inc.Verdict.Outcome != record.Recovered }, failed},
	{Healthy, func(t subject) bool { return t.rel.Phase == record.RolledBack }, rolledBack},
	{Healthy, func(t subject) bool { return t.rel.Phase == record.Closed }, proved},
}

func phase(of ...record.Phase) func(subject) bool {
	return func(t subject) bool { return slices.Contains(of, t.inc.Phase) }
}

func rollingBack(t subject) State {
	return State{Words: "rolling back", Until: t.inc.Deadline, Note: "traffic was moved to " + t.inc.Stable.Version + "; " + t.inc.Candidate.Version + " drains"}
}

func verifying(t subject) State {
	return State{Words: "verifying", Until: t.inc.Deadline, Note: t.inc.Candidate.Version + " was rolled back; have users recovered?"}
}

func waiting(t subject) State {
	whom := "an approver"
	if t.Runbook != nil && len(t.Runbook.Policy.Approvers) > 0 {
		whom = strings.Join(t.Runbook.Policy.Approvers, " or ")
	}
	if t.you {
		whom = "you"
	}
	note := map[string]string{record.RollbackApproval: "roll back?", record.Promotion: "take the next step?", record.AcceptSplit: "keep somebody else's split?"}[t.Question.Kind]
	return State{Words: "waiting for " + whom, Until: t.Question.ExpiresAt, Note: note}
}

func external(t subject) State {
	return State{Words: "held: somebody else changed the split", Note: fmt.Sprintf("found %v", t.rel.Held.Found)}
}

func wentBack(t subject) State {
	return State{Words: "off: the store went back in time", Note: t.Behind.Why}
}

func stopped(t subject) State {
	return State{Words: "stopped by " + t.rel.Stopped.By, Note: t.rel.Stopped.Reason}
}

func frozen(t subject) State {
	return State{Words: "frozen", Note: cmp.Or(t.rel.Frozen, reason(t.inc))}
}

// isOff reports whether automation does nothing for the target.
func isOff(t subject) bool {
	switch {
	case t.Control.Mode != "" && t.Control.Mode != runbook.Active:
		return true
	case t.Runbook == nil:
		return t.Open()
	}
	return t.Runbook.Policy.Mode != runbook.Active
}

func switchedOff(t subject) State {
	c := t.Control
	s := State{Note: c.Reason, Until: c.Until}
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
	case t.Runbook == nil:
		s.Words = "off: no runbook is in force"
	default:
		s.Words = "off: the runbook's mode is observe"
	}
	return s
}

// disarmed reports whether a release is open that no trigger could stop.
func disarmed(t subject) bool {
	if !t.Open() || t.Runbook == nil || len(t.Runbook.Triggers) == 0 {
		return false
	}
	return !slices.ContainsFunc(t.Runbook.Triggers, func(one runbook.Trigger) bool {
		arms, _ := t.Rules.Armed(one.Name)
		return arms != record.Off
	})
}

func whyDisarmed(t subject) string {
	_, diff := t.Rules.Armed(t.Runbook.Triggers[0].Name)
	return diff.Text
}

func proving(t subject) State {
	return State{Words: fmt.Sprintf("verifying %v %%", t.rel.Weight), Until: t.rel.Proof.Deadline, Note: t.rel.Proof.Reason}
}

func ramping(t subject) State {
	s := State{Words: fmt.Sprintf("ramping %v %%", t.rel.Weight), Note: t.rel.Waiting}
	if t.Runbook == nil || t.Runbook.Rollout == nil {
		s.Words = fmt.Sprintf("released to %v %%", t.rel.Weight)
	} else if _, more := t.Runbook.Rollout.Next(t.rel.Weight); !more {
		s.Words = fmt.Sprintf("baking %v %%", t.rel.Weight)
	}
	return s
}

func failed(t subject) State {
	v := t.inc.Verdict
	words := map[record.Outcome]string{record.NotRecovered: "not recovered", record.WrongCause: "wrong cause: the stable version is unhealthy as well", record.CannotTell: "cannot tell whether users recovered"}
	return State{Words: cmp.Or(words[v.Outcome], string(v.Outcome)), Note: v.Reason}
}

func rolledBack(t subject) State {
	s := State{Words: "healthy", Note: t.rel.Candidate.Version + " was rolled back"}
	if t.inc.Verdict != nil {
		s.Note += "; users recovered"
	}
	return s
}

func proved(t subject) State {
	return State{Words: "healthy", Note: t.rel.Candidate.Version + " is proved"}
}

// reason is why an incident is where it is.
func reason(i *record.Incident) string {
	if len(i.Decision.Reasons) > 0 {
		return i.Decision.Reasons[0]
	}
	return i.Breach.Trigger
}
