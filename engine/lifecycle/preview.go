package lifecycle

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// PlanDigest is the digest of what an order would be about in this state: what a person is shown, and says
// yes to. It changes when something else would be done, and not while only time passes.
func (s State) PlanDigest(a record.OrderAction) string {
	rel := s.release()
	seen := []any{a, rel.Service, rel.Region, rel.ID, rel.Epoch, s.change(a).Digest}
	if a == record.OrderResume {
		seen = append(seen, rel.Stopped, rel.Frozen, rel.Held, rel.Asking, rel.Incident)
		if s.Incident != nil {
			seen = append(seen, s.Incident.Phase)
		}
	}
	text, _ := json.Marshal(seen) // texts, numbers and records
	sum := sha256.Sum256(text)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// change is what an order changes of the router's keys.
func (s State) change(a record.OrderAction) record.Change {
	switch a {
	case record.OrderRollback:
		return s.Plan
	case record.OrderPromote, record.OrderFlip:
		return s.Next
	}
	return record.Change{}
}

// shown is the digest of what somebody saw who gives an order; empty: they saw nothing.
func shown(ev Event) string {
	switch ev := ev.(type) {
	case Promoted:
		return ev.Plan
	case Stopped:
		return ev.Plan
	case Resumed:
		return ev.Plan
	case Demanded:
		return ev.Plan
	}
	return ""
}

// asShown refuses an order that would do something else than what was shown.
func (s *State) asShown(ev Event) error {
	plan := shown(ev)
	if plan == "" || s.Write.Order == nil || plan == s.PlanDigest(s.Write.Order.Action) {
		return nil
	}
	return fmt.Errorf("%s of %s in %s: %w: the release or the router's keys changed since it was shown", s.Write.Order.Action, s.Runbook.Service, s.Region, runbook.ErrConflict)
}

// Preview is what an order would do in this state, by the step that would carry it out.
func Preview(s State, ev Event, now time.Time) view.Preview {
	p := view.Preview{Service: s.Runbook.Service, Region: s.Region, Release: s.release()}
	o, _ := orderOf(ev)
	p.Action, p.Plan = o.Action, s.PlanDigest(o.Action)
	next, err := Step(s, ev, now)
	switch {
	case err != nil:
		p.Refused = err.Error()
	case next.Write.Waiting != nil:
		p.Second = next.Write.Waiting.Text
	}
	if err == nil && (next.Write.Shift || next.Write.Advance || next.Write.Waiting != nil) {
		p.Change = s.change(o.Action)
	}
	return p
}

// Refusals say why orders would be refused in this state, as far as is known before Prometheus is asked.
func Refusals(s State, now time.Time) map[record.OrderAction]string {
	why := map[record.OrderAction]string{}
	note := func(a record.OrderAction, err error) {
		if err != nil {
			why[a] = err.Error()
		}
	}
	if held := s.heldBack(); held != "" {
		for _, a := range []record.OrderAction{record.OrderPromote, record.OrderFlip, record.OrderHold, record.OrderResume, record.OrderRollback} {
			why[a] = held
		}
		return why
	}
	_, err := s.rollback(now)
	note(record.OrderRollback, err)
	in := s.ramp(nil, true)
	note(record.OrderHold, policy.Stop(in))
	note(record.OrderResume, policy.Resume(in, s.Question))
	for a, flip := range map[record.OrderAction]bool{record.OrderPromote: false, record.OrderFlip: true} {
		in.Flip = flip
		if _, no := policy.Promote(in, now); no != "" {
			why[a] = no
		}
	}
	return why
}
