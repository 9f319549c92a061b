package regions

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/engine"
	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/view"
)

// Start begins a release in the region that it names, or in the first of those that it goes
// through: those it names, or else all of the runbook's.
func (s *Set) Start(ctx context.Context, l runbook.Launch, by record.Caller) (record.Release, error) {
	rb, ok := s.Runbook(l.Service)
	if !ok {
		return s.members[0].Engine.Start(ctx, l, by)
	}
	if l.Region != "" {
		region, err := s.region(l.Service, l.Region)
		if err != nil {
			return record.Release{}, err
		}
		l.Regions = []string{region}
	}
	if len(l.Regions) == 0 {
		l.Regions = slices.Clone(rb.Regions)
	}
	l.Region = ""
	for _, region := range l.Regions {
		if !rb.HasRegion(region) {
			return record.Release{}, fmt.Errorf("region %s of %s: %w (it runs in %s)", region, l.Service, runbook.ErrNotFound, strings.Join(rb.Regions, ", "))
		}
	}
	if why := policy.RefuseRegions(rb, l.Regions, s.progress(time.Now())); why != "" {
		return record.Release{}, runbook.Refuse("%s", why)
	}
	return s.member(l.Regions[0]).Engine.Start(ctx, l, by)
}

// in carries out an order in the region that is meant.
func in[T any](s *Set, service, region string, do func(*engine.Engine, string) (T, error)) (none T, err error) {
	if region, err = s.region(service, region); err != nil {
		return none, err
	}
	return do(s.member(region).Engine, region)
}

// Rollback moves all traffic of the open release in a region to its stable bundle.
func (s *Set) Rollback(ctx context.Context, service, region string, by record.Caller, reason string) (record.Incident, error) {
	return in(s, service, region, func(e *engine.Engine, region string) (record.Incident, error) {
		return e.Rollback(ctx, service, region, by, reason)
	})
}

// AcceptSplit lets a held release continue with the split that was found.
func (s *Set) AcceptSplit(ctx context.Context, service, region string, by record.Caller, reason string) (record.Release, error) {
	return in(s, service, region, func(e *engine.Engine, region string) (record.Release, error) {
		return e.AcceptSplit(ctx, service, region, by, reason)
	})
}

// Recovery is what is missing in a region whose store went back in time.
func (s *Set) Recovery(ctx context.Context, service, region string) (view.Recovery, error) {
	return in(s, service, region, func(e *engine.Engine, region string) (view.Recovery, error) {
		return e.Recovery(ctx, service, region)
	})
}

// Recover brings a region in line as it was shown.
func (s *Set) Recover(ctx context.Context, service, region string, by record.Caller, reason, plan string) (view.Recovery, error) {
	return in(s, service, region, func(e *engine.Engine, region string) (view.Recovery, error) {
		return e.Recover(ctx, service, region, by, reason, plan)
	})
}

// Promote takes the next step of a region's ramp.
func (s *Set) Promote(ctx context.Context, service, region string, by record.Caller) (record.Release, error) {
	return in(s, service, region, func(e *engine.Engine, region string) (record.Release, error) {
		return e.Promote(ctx, service, region, by)
	})
}

// Flip takes the first step of blue and green in a region.
func (s *Set) Flip(ctx context.Context, service, region string, by record.Caller) (record.Release, error) {
	return in(s, service, region, func(e *engine.Engine, region string) (record.Release, error) {
		return e.Flip(ctx, service, region, by)
	})
}

// Stop stops a region's ramp where it is.
func (s *Set) Stop(ctx context.Context, service, region string, by record.Caller, reason string) (record.Release, error) {
	return in(s, service, region, func(e *engine.Engine, region string) (record.Release, error) {
		return e.Stop(ctx, service, region, by, reason)
	})
}

// Resume lets a region's ramp continue.
func (s *Set) Resume(ctx context.Context, service, region string, by record.Caller, reason string) (record.Release, error) {
	return in(s, service, region, func(e *engine.Engine, region string) (record.Release, error) {
		return e.Resume(ctx, service, region, by, reason)
	})
}

// StartMirror switches the copying of requests on in a region.
func (s *Set) StartMirror(ctx context.Context, service, region string, o runbook.MirrorOrder, by record.Caller) (record.Mirror, error) {
	return in(s, service, region, func(e *engine.Engine, region string) (record.Mirror, error) {
		return e.StartMirror(ctx, service, region, o, by)
	})
}

// StopMirror switches it off.
func (s *Set) StopMirror(ctx context.Context, service, region string, by record.Caller, reason string) (record.Mirror, error) {
	return in(s, service, region, func(e *engine.Engine, region string) (record.Mirror, error) {
		return e.StopMirror(ctx, service, region, by, reason)
	})
}

// Answer is a human's yes or no to an approval.
func (s *Set) Answer(ctx context.Context, id string, by record.Caller, reply record.Reply) (record.Approval, error) {
	a, err := s.Approval(ctx, id)
	if err != nil {
		return a, err
	}
	return s.member(a.Region).Engine.Answer(ctx, id, by, reply)
}

// Lift ends the quarantine of a bundle in every region that has it.
func (s *Set) Lift(ctx context.Context, digest string, by record.Caller, reason string) error {
	return everywhere(askStores(ctx, s, func(ctx context.Context, e *engine.Engine) (struct{}, error) {
		return struct{}{}, e.Lift(ctx, digest, by, reason)
	}))
}

// SetControl writes the stop switch of every region. It fails with [runbook.ErrConflict] unless that
// still is as the board showed it, with plan as its digest; an empty plan says that nobody was shown it.
func (s *Set) SetControl(ctx context.Context, c record.Control, plan string, by record.Caller) error {
	plans, err := s.controlPlans(ctx, plan)
	if err != nil {
		return err
	}
	return everywhere(askStores(ctx, s, func(ctx context.Context, e *engine.Engine) (struct{}, error) {
		return struct{}{}, e.SetControl(ctx, c, plans[e], by)
	}))
}

// controlPlans are the digests of every store's stop switch behind the one that was shown. They are read
// before the whole is compared: who changes one in between is seen here, or by the transaction.
func (s *Set) controlPlans(ctx context.Context, shown string) (map[*engine.Engine]string, error) {
	plans := map[*engine.Engine]string{}
	if shown == "" {
		return plans, nil
	}
	for _, a := range askStores(ctx, s, func(ctx context.Context, e *engine.Engine) (view.Board, error) { return e.Board(ctx) }) {
		if a.Err == nil {
			plans[a.Engine] = a.Says.Control.PlanDigest()
		}
	}
	if b, err := s.Board(ctx); err != nil || b.Control.PlanDigest() != shown {
		return nil, errors.Join(err, fmt.Errorf("%w: somebody changed the stop switch meanwhile", runbook.ErrConflict))
	}
	return plans, nil
}

// RecordShadow keeps the verdict of a shadow report in every region that has the service.
func (s *Set) RecordShadow(ctx context.Context, g shadow.Gate, by record.Caller) (record.ShadowVerdict, error) {
	all := ask(ctx, s, func(ctx context.Context, e *engine.Engine) (record.ShadowVerdict, error) {
		return e.RecordShadow(ctx, g, by)
	})
	v, _ := first(all)
	return v, everywhere(all)
}

// Ordered records an order that changes nothing in any store, in the first store that takes it.
func (s *Set) Ordered(ctx context.Context, o record.Order) error {
	var errs []error
	for _, m := range s.members {
		within, cancel := context.WithTimeout(ctx, askWithin)
		err := m.Engine.Ordered(within, o)
		cancel()
		if err == nil {
			return nil
		}
		errs = append(errs, named(answer[struct{}]{Member: m, Err: err}))
	}
	return errors.Join(errs...)
}

// Refused notes what somebody tried and was refused.
func (s *Set) Refused(by record.Caller, tried, why string) {
	s.members[0].Engine.Refused(by, tried, why) // all write one journal
}
