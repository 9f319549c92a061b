package lifecycle

import (
	"cmp"
	"fmt"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// orderOf is what an event orders; false: it is nobody's order.
func orderOf(ev Event) (record.Order, bool) {
	switch ev := ev.(type) {
	case Launched:
		return record.Order{Caller: ev.By, Action: record.OrderStart, Reason: cmp.Or(ev.Reason, ev.Launch.StableNotProved)}, true
	case Promoted:
		o := record.Order{Caller: ev.By, Action: record.OrderPromote, Reason: ev.Reason}
		if ev.Flip {
			o.Action = record.OrderFlip
		}
		return o, ev.By.Name != ""
	case Stopped:
		return record.Order{Caller: ev.By, Action: record.OrderHold, Reason: ev.Reason}, true
	case Resumed:
		return record.Order{Caller: ev.By, Action: record.OrderResume, Reason: ev.Reason}, true
	case Demanded:
		return record.Order{Caller: ev.By, Action: record.OrderRollback, Reason: ev.Reason}, true
	case Recovered:
		return record.Order{Caller: ev.By, Action: record.OrderRecover, Reason: ev.Reason}, true
	case SplitAccepted:
		return record.Order{Caller: ev.By, Action: record.OrderAcceptSplit, Reason: ev.Reason}, true
	case Answered:
		o := record.Order{Caller: ev.By, Action: record.OrderReject, Subject: ev.Approval, Reason: ev.Reason}
		if ev.Yes {
			o.Action = record.OrderApprove
		}
		return o, true
	}
	return record.Order{}, false
}

// ordered keeps the order that an event carries out, to be committed with what it changes.
func (s *State) ordered(ev Event, now time.Time) error {
	o, ok := orderOf(ev)
	if !ok {
		return nil
	}
	var err error
	s.Write.Order, err = order(o, s.Runbook, s.Region, s.Op, now)
	return err
}

// order is an order of a target as it is committed with what it changes. One without a name is refused.
func order(o record.Order, rb *runbook.Runbook, region, op string, now time.Time) (*record.Order, error) {
	if o.Name == "" {
		return nil, runbook.Refuse("the order names nobody who gives it")
	}
	o.Service, o.Region = rb.Service, region
	o = o.Committed(now, op)
	return &o, nil
}

// about says what an order was about, once that is known.
func (s *State) about() {
	o := s.Write.Order
	if o == nil || o.Subject != "" || s.Release == nil {
		return
	}
	if o.Subject = s.Release.ID; o.Action == record.OrderRollback {
		o.Subject = s.Incident.ID
	}
}

// ordered keeps the order that an event about a mirror carries out.
func (s *MirrorState) ordered(ev MirrorEvent, now time.Time) error {
	var o record.Order
	switch ev := ev.(type) {
	case MirrorStart:
		o = record.Order{Caller: ev.By, Action: record.OrderStartMirror, Subject: s.Backend(ev.Order),
			Reason: fmt.Sprintf("%d %% for %v", ev.Order.Percent, ev.Order.For)}
	case MirrorStop:
		o = record.Order{Caller: ev.By, Action: record.OrderStopMirror, Reason: ev.Reason}
		if s.Mirror != nil {
			o.Subject = s.Mirror.Backend
		}
	default:
		return nil
	}
	var err error
	s.Write.Order, err = order(o, s.Runbook, s.Region, s.Op, now)
	return err
}
