package engine

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// ImpactOf is what users lost by an incident, as far as it is known now: so far while the candidate has
// traffic, else as it was last recorded. Nil: nothing is known.
func (e *Engine) ImpactOf(i record.Incident) *record.Impact {
	svc, err := e.serves(Target{i.Service, i.Region})
	counted := i.Impact != nil && !i.Impact.Ongoing
	over := i.Phase == record.Done || i.Phase == record.Unconfirmed || !i.ActedAt.IsZero()
	if err != nil || counted || over || !e.watched(i) {
		return i.Impact
	}
	return e.soFar(svc.rb, i)
}

// watched reports whether the incident's release is open, and has traffic.
func (e *Engine) watched(i record.Incident) bool {
	rel := e.newest(Target{i.Service, i.Region})
	return rel.ID == i.Release && rel.Phase == record.Open && rel.Weight > 0
}

// soFar is what this process counted of the release; what was known before where it did not.
func (e *Engine) soFar(rb *runbook.Runbook, i record.Incident) *record.Impact {
	h := harmOf(rb, i)
	if h.Whole && h.Onset.At.IsZero() {
		return &record.Impact{Whole: true, Ongoing: true, Problem: noOnset}
	}
	got := e.monitor.ImpactSoFar(i.Release, h, time.Now().UTC())
	if got.Problem != "" && i.Impact != nil {
		return i.Impact
	}
	got.Ongoing = true
	return &got
}

const noOnset = "when all traffic turned bad cannot be told from what is counted"

// harmOf is what an incident's impact is counted of: all traffic where any version may be the cause.
func harmOf(rb *runbook.Runbook, i record.Incident) monitor.Harm {
	t, _ := rb.Trigger(i.Breach.Trigger)
	wrong := i.Verdict != nil && i.Verdict.Outcome == record.WrongCause
	return monitor.Harm{Onset: i.Harm(), Whole: t.Absolute() || i.Breach.StableUnhealthy || wrong}
}

// countImpact has a step know what users lost so far, if it may put that into the incident.
func (e *Engine) countImpact(v *snapshot, ev lifecycle.Event) {
	if !v.Open() || v.Release.Weight == 0 {
		return
	}
	i := record.Incident{Service: v.Release.Service, Region: v.Region, Release: v.Release.ID}
	if v.Incident != nil {
		i = *v.Incident
	}
	switch ev := ev.(type) {
	case lifecycle.AlertChecked:
		if ev.Breach.State != record.Breaching || i.Impact != nil && i.Breach.Trigger == ev.Breach.Trigger {
			return
		}
		i.Breach, i.Impact = ev.Breach, nil
	case lifecycle.Answered, lifecycle.Demanded:
	default:
		return
	}
	v.Impact = e.soFar(v.Runbook, i)
}

// ImpactNow is [Engine.ImpactOf], and from the traffic's move until the evidence is sealed it is counted anew
// from Prometheus' history: so far, until the candidate is drained. Where it cannot be, it is as of the move.
func (e *Engine) ImpactNow(ctx context.Context, i record.Incident) *record.Impact {
	counted := i.Impact != nil && !i.Impact.Ongoing
	if counted || i.ActedAt.IsZero() || !i.EvidenceAt.IsZero() {
		return e.ImpactOf(i)
	}
	got := e.sinceMove.get(i.ID+string(i.Phase), func(*record.Impact) bool { return true }, func() *record.Impact { return e.impactSinceMove(ctx, i) })
	if got.Problem != "" {
		return e.ImpactOf(i)
	}
	return got
}

func (e *Engine) impactSinceMove(ctx context.Context, i record.Incident) *record.Impact {
	ctx, cancel := context.WithTimeout(ctx, countedWithin)
	defer cancel()
	rel, err := e.Release(ctx, i.Service, i.Region)
	if err != nil || rel.ID != i.Release {
		return &record.Impact{Problem: "its release is over"}
	}
	svc, err := e.serves(Target{i.Service, i.Region})
	if err != nil {
		return &record.Impact{Problem: err.Error()}
	}
	got, err := e.countHarm(ctx, svc.rb, rel, i)
	if err != nil {
		got.Problem = err.Error()
	}
	return &got
}

// impact is what users lost, for the record.
func (e *Engine) impact(ctx context.Context, s lifecycle.State) *record.Impact {
	got, err := e.countHarm(ctx, s.Runbook, *s.Release, *s.Incident)
	if err != nil {
		got.Problem = record.Truncate(err.Error(), record.MaxLine)
	}
	if err != nil && ctx.Err() == nil {
		e.metrics.problems.WithLabelValues("evidence").Inc()
		e.log.Warn("estimate impact", zap.String("incident", s.Incident.ID), zap.Error(err))
	}
	return &got
}

// countHarm counts anew what users lost until the candidate was drained; where the cause is another one, or
// the candidate is not drained, until now.
func (e *Engine) countHarm(ctx context.Context, rb *runbook.Runbook, rel record.Release, i record.Incident) (record.Impact, error) {
	h, every := harmOf(rb, i), rb.Metrics.Step().Std()
	if h.Whole && h.Onset.At.IsZero() {
		return record.Impact{Whole: true, Problem: noOnset}, nil
	}
	until, over := time.Now().UTC().Add(-monitor.Lag(every)), !i.DrainedAt.IsZero() && !h.Whole
	if drained := i.DrainedAt.Add(2 * every); over && drained.Before(until) { // the newest scrape may be an interval old
		until = drained
	}
	got, err := e.monitor.Impact(ctx, monitor.Target{Runbook: rb, Release: rel}, h, until)
	if err != nil {
		got = record.Impact{}
	}
	got.Ongoing = !over
	return got, err
}
