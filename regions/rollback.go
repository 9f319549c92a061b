package regions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/engine"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// actWithin is how long a region may take to carry an order out before it is kept as pending. What
// has begun goes on.
const actWithin = 10 * time.Second

// RollbackAll moves all traffic of a service to its stable bundle in every region because a human
// asks for it. A region whose store does not answer is named, and the order is kept for it. It is
// an error if no region had anything to roll back.
func (s *Set) RollbackAll(ctx context.Context, service string, by record.Caller, reason string) ([]view.RegionOutcome, error) {
	rb, ok := s.Runbook(service)
	if !ok || len(rb.Regions) == 1 {
		region := runbook.DefaultRegion
		if ok {
			region = rb.Regions[0]
		}
		inc, err := s.member(region).Engine.Rollback(ctx, service, region, by, reason)
		return []view.RegionOutcome{{Region: region, Incident: &inc}}, err
	}
	all := make([]view.RegionOutcome, len(rb.Regions))
	refused := make([]error, len(rb.Regions))
	var g errgroup.Group
	for n, region := range rb.Regions {
		g.Go(func() error {
			all[n], refused[n] = s.rollBack(ctx, record.PendingRollback{Service: service, Region: region, Caller: by, Reason: reason})
			return nil
		})
	}
	_ = g.Wait() // each region has its own outcome
	if !slices.Contains(refused, nil) {
		return nil, errors.Join(refused...)
	}
	return all, nil
}

// rollBack carries the order out in its region, or keeps it.
func (s *Set) rollBack(ctx context.Context, o record.PendingRollback) (view.RegionOutcome, error) {
	out := view.RegionOutcome{Region: o.Region}
	inc, err := s.act(ctx, o)
	switch {
	case err == nil:
		out.Incident = &inc
		return out, nil
	case errors.Is(err, runbook.ErrRefused), errors.Is(err, runbook.ErrNotFound), errors.Is(err, runbook.ErrForbidden):
		out.Refused = err.Error()
		return out, err
	}
	out.Problem = err.Error()
	kept, problem := s.keep(ctx, o, err.Error())
	if problem != nil {
		out.Problem = fmt.Sprintf("%s; and no region could record the order: %s", out.Problem, problem)
	}
	out.Pending = kept.ID
	return out, nil
}

// act asks first whether the region's store answers: what is written to one that does not takes
// long to fail.
func (s *Set) act(ctx context.Context, o record.PendingRollback) (record.Incident, error) {
	e := s.member(o.Region).Engine
	look, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	if _, err := e.Release(look, o.Service, o.Region); err != nil && !errors.Is(err, runbook.ErrNotFound) {
		return record.Incident{}, err
	}
	type came struct {
		inc record.Incident
		err error
	}
	done := make(chan came, 1)
	go func() {
		inc, err := e.Rollback(ctx, o.Service, o.Region, o.Caller, o.Reason)
		done <- came{inc, err}
	}()
	select {
	case c := <-done:
		return c.inc, c.err
	case <-time.After(actWithin):
		return record.Incident{}, fmt.Errorf("%w: it was begun; whether it finished is not known yet", runbook.ErrLater)
	}
}

// keep keeps an order in the first store that takes it and is not the region's own.
func (s *Set) keep(ctx context.Context, o record.PendingRollback, problem string) (record.PendingRollback, error) {
	st, known := record.StoreOf(s.stores.Stores(), o.Region)
	if rel, there := st.Release(o.Service, o.Region); known && there {
		o.Release = rel.ID
	}
	errs := []error{}
	for _, m := range s.members {
		if m.Region == o.Region || st.Has(m.Region) {
			continue
		}
		within, cancel := context.WithTimeout(ctx, askWithin)
		kept, err := m.Engine.KeepPending(within, o, problem)
		cancel()
		if err == nil {
			return kept, nil
		}
		errs = append(errs, named(answer[struct{}]{Member: m, Err: err}))
	}
	return record.PendingRollback{}, cmp.Or(errors.Join(errs...), errors.New("there is no other region"))
}

// carryOut tries the orders that are kept in any store, until ctx ends.
func (s *Set) carryOut(ctx context.Context) error {
	t := time.NewTicker(readEvery)
	defer t.Stop()
	for {
		for _, st := range s.stores.Stores() {
			for _, o := range st.Pending {
				if st.Lost(time.Now()) == "" && ctx.Err() == nil {
					s.try(ctx, st, o)
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

// try carries out one order if its region answers now. To do so twice is harmless: the second
// time it finds the release rolled back.
func (s *Set) try(ctx context.Context, kept record.StoreState, o record.PendingRollback) {
	e := s.member(o.Region).Engine
	look, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	rel, err := e.Release(look, o.Service, o.Region)
	newest := &rel
	switch {
	case errors.Is(err, runbook.ErrNotFound):
		newest = nil
	case err != nil:
		return
	}
	came, done := o.Over(newest), newest != nil && newest.Phase == record.RolledBack
	if came == "" {
		inc, err := e.Rollback(ctx, o.Service, o.Region, o.Caller, o.Reason)
		switch {
		case err == nil:
			came, done = "incident "+inc.ID+", whose recovery is being verified", true
		case errors.Is(err, runbook.ErrRefused):
			came = err.Error()
		default:
			return
		}
	}
	if err := s.holder(kept).EndPending(ctx, o, came, done); err != nil {
		s.log.Warn("end order", zap.String("order", o.ID), zap.Error(err))
	}
}

// holder is an engine on the store that an order is kept in.
func (s *Set) holder(kept record.StoreState) *engine.Engine {
	for _, m := range s.members {
		if kept.Has(m.Region) {
			return m.Engine
		}
	}
	return s.members[0].Engine
}
