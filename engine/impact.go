package engine

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/record"
)

// impact is what the candidate did to users until it was drained; nil where nobody knows when harm
// began, or the candidate was not drained.
func (e *Engine) impact(ctx context.Context, s lifecycle.State) *record.Impact {
	i := s.Incident
	if i.Harm().At.IsZero() || i.DrainedAt.IsZero() {
		return nil
	}
	every := s.Runbook.Metrics.Step().Std()
	until := i.DrainedAt.Add(2 * every) // the newest scrape may be an interval old
	if latest := time.Now().UTC().Add(-monitor.Lag(every)); latest.Before(until) {
		until = latest
	}
	got, err := e.monitor.Impact(ctx, monitor.Target{Runbook: s.Runbook, Release: *s.Release}, i.Harm(), until)
	if err != nil {
		got = record.Impact{Problem: record.Truncate(err.Error(), record.MaxLine)}
	}
	if err != nil && ctx.Err() == nil {
		e.metrics.problems.WithLabelValues("evidence").Inc()
		e.log.Warn("estimate impact", zap.String("incident", i.ID), zap.Error(err))
	}
	return &got
}
