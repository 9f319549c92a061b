package lifecycle

import (
	"fmt"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
)

// frozen reports whether a breach froze or held the ramp, and nobody has looked at it yet.
func (s *State) frozen() bool {
	var i record.Incident
	if s.Incident != nil {
		i = *s.Incident
	}
	return s.Release != nil && policy.Frozen(*s.Release, i)
}

// guarded is what an order needs a second person for, and what tells it from others; false: it
// takes one person.
func (s *State) guarded(ev Event) (id, text string, guarded bool) {
	if s.Write.Order == nil || s.Release == nil {
		return "", "", false
	}
	o, i := *s.Write.Order, s.Incident
	o.Subject = s.Release.ID
	in := policy.Protected{Action: o.Action, Rejected: i != nil && !i.RejectedAt.IsZero(), Frozen: s.frozen()}
	if a, ok := ev.(Answered); ok {
		q := s.Approval
		switch {
		case q == nil || q.ID != a.Approval:
			return "", "", false
		case q.Kind == record.AcceptSplit && a.Yes:
			in.Action = record.OrderAcceptSplit
		case q.Kind == record.AcceptSplit:
			return "", "", false
		}
		o.Subject = s.Release.ID
	}
	o.Action = in.Action
	standing := []string{fmt.Sprint(s.Release.Epoch), s.Release.Frozen, s.Release.Incident}
	switch in.Action {
	case record.OrderAcceptSplit:
		standing, text = append(standing, s.Split.String()), "let the release continue with the split "+s.Split.String()
	case record.OrderResume:
		text = "let the ramp continue that was frozen"
	case record.OrderReject:
		standing, text = append(standing, s.Approval.ID), "reject the rollback once more"
	}
	return record.WaitingID(o, standing...), text, policy.TwoPeople(s.Runbook, in)
}

// second says whether an order is to be carried out now, or waits for a second person. It is asked
// of the state as it was read.
func (s *State) second(ev Event, now time.Time) (waits *record.WaitingOrder, err error) {
	id, text, guarded := s.guarded(ev)
	if !guarded {
		return nil, nil
	}
	o := s.Write.Order
	first := s.Waiting[id]
	carryOut, err := policy.Second(*o, first, now)
	if err != nil {
		return nil, err
	}
	if carryOut {
		o.First, s.Write.EndWaiting = &first.Caller, id
		s.note(now, "second_person", o.Name, fmt.Sprintf("%s (%s) ordered it first, at %s: %s", first.Name, first.Seen(), first.At.Format(time.RFC3339), first.Reason))
		return nil, nil
	}
	w := &record.WaitingOrder{Order: *o, Text: text}
	w.Waits = now.Add(policy.SecondWithin)
	if _, ok := ev.(Answered); ok && s.Approval.ExpiresAt.Before(w.Waits) {
		w.Waits = s.Approval.ExpiresAt
	}
	s.Write.WaitingID = id // kept for [State.awaitSecond]
	return w, nil
}

// awaitSecond leaves everything as it was read, and has the order wait for its second person.
func (s State) awaitSecond(w record.WaitingOrder, id string, now time.Time) State {
	s = s.clone()
	s.Write = Write{Order: &w.Order, Waiting: &w, WaitingID: id}
	s.about()
	s.Write.Messages = []record.Message{report.SecondMsg(w, s.Runbook, now)}
	return s
}
