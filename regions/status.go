package regions

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/engine"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// Status is how all regions stand. Those that do not answer are named in it; it is an error if
// none answers.
func (s *Set) Status(ctx context.Context) (view.Status, error) {
	all := ask(ctx, s, func(ctx context.Context, e *engine.Engine) (view.Status, error) { return e.Status(ctx) })
	var st view.Status
	answered := 0
	for _, a := range all {
		if a.Err != nil {
			st.Lost = append(st.Lost, view.LostRegion{Region: a.Region, Problem: a.Err.Error()})
			continue
		}
		merge(&st, a.Region, a.Says, answered == 0)
		answered++
	}
	if answered == 0 {
		return st, named(all[0])
	}
	slices.SortStableFunc(st.Incidents, func(a, b record.Incident) int { return b.OpenedAt.Compare(a.OpenedAt) })
	st.Incidents = st.Incidents[:min(len(st.Incidents), 100)]
	slices.SortStableFunc(st.Alerts, func(a, b record.AlertResult) int { return b.Newest().Compare(a.Newest()) })
	st.Alerts = st.Alerts[:min(len(st.Alerts), 50)]
	s.arrange(&st)
	st.Progress = s.progress(time.Now())
	return st, nil
}

// merge adds what one region says.
func merge(st *view.Status, region string, one view.Status, alone bool) {
	stopped := one.Control.Mode != "" && one.Control.Mode != runbook.Active
	if st.Control.Mode == "" || st.Control.Mode == runbook.Active && stopped {
		st.Control = one.Control // whatever is stopped anywhere shows
		if !alone && region != "" && stopped {
			st.Control.Reason = strings.TrimSuffix("in region "+region+": "+one.Control.Reason, ": ")
		}
	}
	st.Budget.Schema = max(st.Budget.Schema, one.Budget.Schema)
	st.Budget.Recent = append(st.Budget.Recent, one.Budget.Recent...)
	st.Releases, st.Incidents = append(st.Releases, one.Releases...), append(st.Incidents, one.Incidents...)
	st.Approvals, st.Quarantine = append(st.Approvals, one.Approvals...), append(st.Quarantine, one.Quarantine...)
	st.Waiting = append(st.Waiting, one.Waiting...)
	st.Shadow, st.Rules = append(st.Shadow, one.Shadow...), append(st.Rules, one.Rules...)
	st.Replica, st.Anchors = one.Replica, append(st.Anchors, one.Anchors...)
	st.Behind = append(st.Behind, one.Behind...)
	st.Mirrors, st.Alerts = append(st.Mirrors, one.Mirrors...), append(st.Alerts, one.Alerts...)
}

// arrange leaves out what several regions say of one thing, which is in one store or in each, and
// puts a service's regions beside one another.
func (s *Set) arrange(st *view.Status) {
	st.Budget.Recent = unique(st.Budget.Recent, func(t time.Time) string { return t.String() })
	st.Anchors = unique(st.Anchors, func(a record.Anchor) string { return a.String() + a.Altered() })
	st.Behind = unique(st.Behind, func(b record.Behind) string { return b.Service + "/" + b.Region })
	st.Quarantine = unique(st.Quarantine, func(q record.Quarantine) string { return q.Bundle + q.Incident + q.Lifted })
	st.Waiting = unique(st.Waiting, func(w record.WaitingOrder) string { return w.ID })
	st.Shadow = unique(st.Shadow, func(v record.ShadowVerdict) string { return v.Candidate + v.Report })
	slices.SortStableFunc(st.Releases, func(a, b record.Release) int { return strings.Compare(a.Service, b.Service) })
}

// Orders are those of every store's order log that are asked for, newest first. A store that does
// not answer is an error: a list with a gap in it is no trail.
func (s *Set) Orders(ctx context.Context, q view.OrderQuery) ([]record.Order, error) {
	var all []record.Order
	for _, a := range askStores(ctx, s, func(ctx context.Context, e *engine.Engine) ([]record.Order, error) { return e.Orders(ctx, q) }) {
		if a.Err != nil {
			return nil, named(a)
		}
		all = append(all, a.Says...)
	}
	return q.Newest(all), nil
}

// Incident returns the incident of that id, whichever region's it is.
func (s *Set) Incident(ctx context.Context, id string) (record.Incident, error) {
	return first(ask(ctx, s, func(ctx context.Context, e *engine.Engine) (record.Incident, error) { return e.Incident(ctx, id) }))
}

// Archived keeps in an incident that its evidence is in the archive.
func (s *Set) Archived(ctx context.Context, inc record.Incident, a record.Archived) error {
	return s.member(inc.Region).Engine.Archived(ctx, inc.ID, a)
}

// Held keeps in an incident by which tag an image of it stays in its registry.
func (s *Set) Held(ctx context.Context, inc record.Incident, h record.ImageHold) error {
	return s.member(inc.Region).Engine.Held(ctx, inc.ID, h)
}

// BundleOf is the bundle of that digest, which a side of the incident served.
func (s *Set) BundleOf(ctx context.Context, inc record.Incident, digest string) (runbook.Bundle, error) {
	return s.member(inc.Region).Engine.Bundle(ctx, digest)
}

// Curves are the levels over time of the open release of a service in a region.
func (s *Set) Curves(ctx context.Context, service, region string) ([]record.Curve, error) {
	region, err := s.region(service, region)
	if err != nil {
		return nil, err
	}
	return s.member(region).Engine.Curves(ctx, service, region)
}

// IncidentCurves are the levels over time that belong to an incident.
func (s *Set) IncidentCurves(ctx context.Context, inc record.Incident) ([]record.Curve, error) {
	return s.member(inc.Region).Engine.IncidentCurves(ctx, inc)
}

// FollowUp is what comes after an incident, as files.
func (s *Set) FollowUp(ctx context.Context, inc record.Incident) (view.FollowUp, error) {
	return s.member(inc.Region).Engine.FollowUp(ctx, inc)
}

// ImpactNow is what users lost by an incident, as far as it is known now.
func (s *Set) ImpactNow(ctx context.Context, inc record.Incident) *record.Impact {
	return s.member(inc.Region).Engine.ImpactNow(ctx, inc)
}

// Approval returns the approval of that id, whichever region's it is.
func (s *Set) Approval(ctx context.Context, id string) (record.Approval, error) {
	return first(ask(ctx, s, func(ctx context.Context, e *engine.Engine) (record.Approval, error) { return e.Approval(ctx, id) }))
}

// Why says why a service was rolled back or not, in each of its regions, or what an incident was
// decided on.
func (s *Set) Why(ctx context.Context, name, trigger string) (view.Why, error) {
	all := ask(ctx, s, func(ctx context.Context, e *engine.Engine) (view.Why, error) { return e.Why(ctx, name, trigger) })
	if _, ok := s.Runbook(name); !ok || len(all) == 1 {
		return first(all)
	}
	var w view.Why
	var errs []error
	for _, a := range all {
		switch {
		case a.Err != nil && !errors.Is(a.Err, runbook.ErrNotFound):
			w.Lost = append(w.Lost, view.LostRegion{Region: a.Region, Problem: a.Err.Error()})
			errs = append(errs, named(a))
		case a.Err != nil:
			errs = append(errs, a.Err)
		case w.Service == "":
			lost := w.Lost
			w = a.Says
			w.Lost = lost
		default:
			join(&w, a.Says)
		}
	}
	if w.Service == "" {
		return w, errs[0]
	}
	return w, nil
}

// join adds what another region says.
func join(w *view.Why, more view.Why) {
	w.Releases, w.Triggers = append(w.Releases, more.Releases...), append(w.Triggers, more.Triggers...)
	w.Alerts, w.Incidents = append(w.Alerts, more.Alerts...), append(w.Incidents, more.Incidents...)
	if more.Since.After(w.Since) {
		w.Since = more.Since
	}
	if w.Control.Mode == runbook.Active {
		w.Control = more.Control
	}
	if len(w.Rules.Drift) == 0 {
		w.Rules = more.Rules
	}
	slices.SortStableFunc(w.Alerts, func(a, b record.AlertResult) int { return b.Newest().Compare(a.Newest()) })
	slices.SortStableFunc(w.Incidents, func(a, b record.Incident) int { return b.OpenedAt.Compare(a.OpenedAt) })
}

// Live says how things stand for an approval.
func (s *Set) Live(ctx context.Context, a record.Approval) (view.Live, error) {
	return s.member(a.Region).Engine.Live(ctx, a)
}

// RampPlan says what the ramp of a service will take in a region.
func (s *Set) RampPlan(ctx context.Context, service, region string) (view.RampPlan, error) {
	region, err := s.region(service, region)
	if err != nil {
		return view.RampPlan{}, err
	}
	return s.member(region).Engine.RampPlan(ctx, service, region)
}

// Stands is how a service stands in each of its regions, side by side; none where it has one.
func (s *Set) Stands(ctx context.Context, service string) []view.RegionStand {
	rb, ok := s.Runbook(service)
	if !ok || len(rb.Regions) < 2 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	all := make([]view.RegionStand, len(rb.Regions))
	var g errgroup.Group
	for n, region := range rb.Regions {
		g.Go(func() error {
			all[n] = view.StandOf(s.stores.Stores(), service, region, time.Now())
			if all[n].Incident == "" || all[n].Lost != "" {
				return nil
			}
			inc, err := s.member(region).Engine.Incident(ctx, all[n].Incident)
			if err == nil && inc.Verdict != nil {
				all[n].Verdict = string(inc.Verdict.Outcome)
			}
			return nil
		})
	}
	_ = g.Wait() // what was not answered is left out
	for _, p := range s.progress(time.Now()) {
		for n, region := range rb.Regions {
			i := slices.IndexFunc(p.Steps, func(step view.RegionStand) bool { return step.Region == region })
			if p.Service == service && i >= 0 && p.Steps[i].Release == "" {
				all[n] = p.Steps[i]
			}
		}
	}
	return all
}

// Release returns the newest release of a service in a region.
func (s *Set) Release(ctx context.Context, service, region string) (record.Release, error) {
	region, err := s.region(service, region)
	if err != nil {
		return record.Release{}, err
	}
	return s.member(region).Engine.Release(ctx, service, region)
}
