package lifecycle

import (
	"slices"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// State is everything [Step] may look at: the records of one target as they were read
// in one snapshot, and the router's split as it was decoded from the same snapshot.
type State struct {
	Runbook  *runbook.Runbook
	Region   string
	Op       string // the operation id this step will be committed under
	Control  record.Control
	Budget   record.Budget
	Release  *record.Release  // nil: the target has never had one
	Incident *record.Incident // the release's newest; nil: none
	Approval *record.Approval // the incident's newest; nil: none
	Question *record.Approval // the release's, whether to take the next step of the ramp; nil: none
	Watchdog time.Time        // when the watchdog was last received by webhook; zero: never

	Known        record.Known        // what was last seen of the target, before it was read now
	Installation record.Installation // that the store is of; without an id: it has none
	ReleaseIndex uint64              // of the release in the store
	Behind       *record.Behind      // more is known than the store has; nil: nobody has noticed that
	OtherStore   string              // why nothing at all may be written: the store is another one
	Replica      string              // this process, as it is called in records

	Quarantined map[string]record.Quarantine    // by bundle digest
	Elsewhere   []record.Spending               // of automatic rollbacks, in the other regions
	Waiting     map[string]*record.WaitingOrder // for a second person, by what they have in common
	Stores      []record.StoreState             // of all regions, as they were last read; empty: there is one
	Outbox      map[string]bool                 // messages waiting to be sent, as far as the event is about one

	Shadow        *record.ShadowVerdict // of a launch's candidate; nil: none is recorded
	ShadowProblem string                // why it cannot be read

	Split       record.Split // what the router is told; nil if it has no weights yet
	Plan        record.Change
	Later       []record.DeferredWrite // what of Plan cannot be in the transaction
	PlanProblem string                 // why there is no Plan: the router's keys cannot be read or written
	Next        record.Change          // the next step of the ramp; only for events that may take it
	NextLater   []record.DeferredWrite
	NextProblem string        // why there is no Next
	Hazards     []string      // what in the router's keys makes it ignore a change
	HazardsAge  time.Duration // how long ago they were looked for; 0: in the same snapshot

	Impact *record.Impact // what users lost so far by what the event is about; nil: nobody knows

	Off     map[string]any // what Plan makes of the candidate's flags, if it rolls back
	FlagsOn []FlagsOn      // documents of quarantined bundles that somebody else changed

	Write Write
	Said  Said `json:"-"`
}

// Said is what the policy said of the alert that this step was about, whatever is done. It is
// not committed.
type Said struct {
	Decision record.Decision // without a Guard: it was not asked
	Repeated bool            // the incident had the trigger, and nothing changes because of this alert
}

// Write is what a step asks to commit beside the records of the state.
type Write struct {
	Order      *record.Order        // that this step carries out; nil: nobody ordered it
	Waiting    *record.WaitingOrder // it is not carried out: it waits for a second person
	WaitingID  string
	EndWaiting string              // the second person came
	Shift      bool                // carry out Plan
	Advance    bool                // carry out Next
	Adopt      bool                // the router's keys are still as they were read
	Look       bool                // nothing: look through all that the router reads, and step again
	Gate       bool                // the shadow verdict about the candidate is still as it was read
	Bundles    []runbook.Bundle    // store these manifests
	Quarantine []record.Quarantine // store these
	Approvals  []record.Approval   // older questions that ended
	Messages   []record.Message    // put these in the outbox
	Sent       []string            // take these out of the outbox
	SwitchOff  []string            // write these keys of FlagsOn as they must be
	Incidents  []record.Incident   // of before a recovery, which ended
	Recovered  bool                // the target is in line: take Behind away, and have the store know its installation
}

// clone copies what Step may change, so that the state that was read stays as it was.
func (s State) clone() State {
	if s.Release != nil {
		r := *s.Release
		r.Rollbacks, r.Moves = slices.Clone(r.Rollbacks), slices.Clone(r.Moves)
		r.Pending = slices.Clone(r.Pending)
		if r.Proof != nil {
			p := *r.Proof
			r.Proof = &p
		}
		r.Applied = clone(r.Applied)
		s.Release = &r
	}
	if s.Incident != nil {
		i := *s.Incident
		i.Sources, i.Triggers = slices.Clone(i.Sources), slices.Clone(i.Triggers)
		i.Firing, i.Stragglers = slices.Clone(i.Firing), slices.Clone(i.Stragglers)
		i.Alerts, i.Timeline = slices.Clone(i.Alerts), slices.Clone(i.Timeline)
		s.Incident = &i
	}
	if s.Approval != nil {
		a := *s.Approval
		s.Approval = &a
	}
	if s.Question != nil {
		q := *s.Question
		s.Question = &q
	}
	s.Budget.Recent = slices.Clone(s.Budget.Recent)
	s.Split = s.Split.Clone()
	s.Write, s.Said = Write{}, Said{}
	return s
}

// Open reports whether a release is under way.
func (s State) Open() bool { return s.Release != nil && s.Release.Phase == record.Open }

// release is the newest one, and one that is not open if there never was any.
func (s State) release() record.Release {
	if s.Release == nil {
		return record.Release{Service: s.Runbook.Service, Region: s.Region}
	}
	return *s.Release
}

// ExternalChange reports whether somebody else changed the router's split, or removed it
// under an open release. Of keys that cannot be read nothing is known.
func (s State) ExternalChange() bool {
	switch {
	case s.Release == nil || s.Unreadable():
		return false
	case s.expected():
		return false
	case s.Split == nil:
		return s.Open()
	}
	return !s.Split.Equal(s.Release.Want())
}

// Unreadable reports whether there is a split that nobody can read.
func (s State) Unreadable() bool { return s.Split == nil && s.PlanProblem != "" }

func (s State) isQuarantined(digest string) bool {
	q, ok := s.Quarantined[digest]
	return ok && q.Bars()
}
