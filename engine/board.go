package engine

import (
	"context"
	"maps"
	"time"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/view"
)

// A stand is what is kept of a target for [Engine.Board].
type stand struct {
	release  *record.Release
	incident *record.Incident
	question *record.Approval
	refused  map[record.OrderAction]string
}

// standOf is how a target stands in a state.
func standOf(s lifecycle.State, now time.Time) stand {
	if s.Release != nil && (s.Write.Shift || s.Write.Advance) {
		s.Split = s.Release.Want() // it was read before it was written
	}
	one := stand{question: pendingOf(s.Approval, s.Question), refused: lifecycle.Refusals(s, now)}
	if s.Release != nil {
		rel := *s.Release
		one.release = &rel
	}
	if s.Incident != nil {
		brief := s.Incident.Brief()
		one.incident = &brief
	}
	return one
}

// pendingOf is the first that waits for an answer.
func pendingOf(all ...*record.Approval) *record.Approval {
	for _, a := range all {
		if a != nil && a.Status == record.Pending {
			own := *a
			return &own
		}
	}
	return nil
}

// Board says how all targets stand. Of the store it reads what stands above them: that is small, and
// does not grow with their number. Without an answer of the store the standings are there, and an error.
func (e *Engine) Board(ctx context.Context) (view.Board, error) {
	b := view.Board{At: time.Now().UTC()}
	snap, err := e.store.Read(ctx, store.ControlKey, waiting, store.AnchorKey(""), behinds, store.InstallationKey)
	if err == nil {
		b.Control = e.inForce(snap)
		b.Anchors, b.Behind = under[record.Anchor](snap, store.AnchorKey("")), e.allBehind(snap)
		for _, w := range under[record.WaitingOrder](snap, waiting) {
			if w.In(b.At) && (e.opts.Region == "" || w.Region == "" || w.Region == e.opts.Region) {
				b.Waiting = append(b.Waiting, w)
			}
		}
	}
	b.Standings = e.standings(b.Control)
	lost := map[Target]*record.Behind{}
	for n := range b.Behind {
		lost[Target{b.Behind[n].Service, b.Behind[n].Region}] = &b.Behind[n]
	}
	for n := range b.Standings {
		s := &b.Standings[n]
		s.Behind = lost[Target{s.Service, s.Region}]
		if err != nil {
			s.Lost = record.Truncate(err.Error(), record.MaxValue)
		}
	}
	return b, later(err)
}

// standings are those of all runbooks in force, and of releases whose runbook is gone.
func (e *Engine) standings(control record.Control) []view.Standing {
	e.mu.RLock()
	defer e.mu.RUnlock()
	known := maps.Clone(e.stands)
	all := make([]view.Standing, 0, len(known)+len(e.services))
	add := func(t Target, rb *runbook.Runbook) {
		one := known[t]
		delete(known, t)
		s := view.Standing{Service: t.Service, Region: t.Region, Runbook: rb, Release: one.release, Incident: one.incident,
			Question: one.question, Refused: one.refused, Control: control, Rules: e.checks[t.Service]}
		if rb != nil && one.release != nil {
			s.Runbook = one.release.Follows(rb)
		}
		all = append(all, s)
	}
	for _, svc := range e.services {
		for _, region := range svc.rb.Regions {
			add(Target{svc.rb.Service, region}, svc.rb)
		}
	}
	for t, one := range known {
		if one.release != nil && one.release.Phase == record.Open {
			add(t, nil)
		}
	}
	return all
}
