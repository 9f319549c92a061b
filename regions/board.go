package regions

import (
	"context"
	"time"

	"github.com/autorollback/autorollback/engine"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/view"
)

// Board is how all targets of all regions stand. What cannot be read says so, region by region; it is
// no error, since what was last seen is worth reading.
func (s *Set) Board(ctx context.Context) (view.Board, error) {
	all := ask(ctx, s, func(ctx context.Context, e *engine.Engine) (view.Board, error) { return e.Board(ctx) })
	var b view.Board
	var st view.Status // for what several regions say of one thing
	for n, a := range all {
		if a.Err != nil {
			b.Lost = append(b.Lost, view.LostRegion{Region: a.Region, Problem: a.Err.Error()})
		}
		merge(&st, a.Region, view.Status{Control: a.Says.Control, Waiting: a.Says.Waiting, Anchors: a.Says.Anchors, Behind: a.Says.Behind}, n == 0)
		b.Standings = append(b.Standings, a.Says.Standings...)
	}
	s.arrange(&st)
	b.At, b.Control, b.Waiting, b.Anchors, b.Behind = time.Now().UTC(), st.Control, st.Waiting, st.Anchors, st.Behind
	b.Standings = unique(b.Standings, func(one view.Standing) string { return one.Service + "/" + one.Region })
	b.Progress = s.progress(b.At)
	return b, nil
}

// Incidents are those of all regions that are asked for, newest first.
func (s *Set) Incidents(ctx context.Context, q view.IncidentQuery) (view.IncidentPage, error) {
	var p view.IncidentPage
	var incidents []record.Incident
	for _, a := range ask(ctx, s, func(ctx context.Context, e *engine.Engine) (view.IncidentPage, error) { return e.Incidents(ctx, q) }) {
		incidents = append(incidents, a.Says.Incidents...)
		p.Known, p.More = p.Known+a.Says.Known, p.More || a.Says.More
	}
	one := q.Page(incidents)
	p.Incidents, p.More = one.Incidents, p.More || one.More
	return p, nil
}

// Preview says what an order would do in a region, and changes nothing.
func (s *Set) Preview(ctx context.Context, service, region string, want record.Intent, by record.Caller) (view.Preview, error) {
	return in(s, service, region, func(e *engine.Engine, region string) (view.Preview, error) {
		return e.Preview(ctx, service, region, want, by)
	})
}

// Act carries out what somebody wants of the release in a region.
func (s *Set) Act(ctx context.Context, service, region string, want record.Intent, by record.Caller) (record.Release, error) {
	return in(s, service, region, func(e *engine.Engine, region string) (record.Release, error) {
		return e.Act(ctx, service, region, want, by)
	})
}
