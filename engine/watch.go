package engine

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/runbook"
)

// watch is the second source of alerts: what is significant by our own count, whether or
// not any rule is loaded and any alert is delivered. So a lost webhook delays a rollback by
// one tick and never cancels it. Prometheus is asked for the companions that fire.
func (e *Engine) watch(ctx context.Context) {
	firing, err := e.prom.Firing(ctx)
	e.metrics.asked(err)
	if err != nil {
		if ctx.Err() == nil {
			e.log.Warn("watch", zap.Error(err))
			e.unseen(ctx, err)
		}
		return
	}
	e.blindSince = time.Time{}
	if firing.Watchdog {
		e.metrics.heard(runbook.Watcher)
	}
	if err := e.Alerts(ctx, append(e.suspects(time.Now().UTC()), firing.Blind...)); err != nil && ctx.Err() == nil {
		e.log.Error("take what the watcher saw", zap.Error(err))
	}
}

// suspects are the triggers of open releases whose gates are to be asked: those that are
// significant, and those that have no significance once in each interval.
func (e *Engine) suspects(now time.Time) []runbook.Alert {
	var all []runbook.Alert
	for _, t := range e.targets() {
		due := e.probeDue(t, now)
		for _, trigger := range t.Runbook.Triggers {
			a := runbook.Alert{Service: t.Release.Service, Region: t.Release.Region, Trigger: trigger.Name, Severity: trigger.Severity,
				Firing: true, Lane: runbook.Watcher, StartsAt: now, ReceivedAt: now}
			if analysis.Comparative(trigger) {
				s := e.monitor.Significance(t.Release.ID, trigger.Name, now)
				if a.StartsAt = s.At; !s.Proved() {
					continue
				}
			} else if !due {
				continue
			}
			all = append(all, a)
		}
	}
	return all
}

// probeDue reports whether an interval has passed since the last time, and begins the next.
func (e *Engine) probeDue(t monitor.Target, now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	slot := Slot{t.Release.Service, t.Release.Region}
	if now.Sub(e.probed[slot]) < t.Runbook.Metrics.Interval.Std() {
		return false
	}
	e.probed[slot] = now
	return true
}

// targets are the open releases that get traffic.
func (e *Engine) targets() []monitor.Target {
	e.mu.RLock()
	defer e.mu.RUnlock()
	var all []monitor.Target
	for slot, rel := range e.last {
		if svc, ok := e.services[slot.Service]; ok && rel.Phase == runbook.Open && rel.Weight > 0 {
			all = append(all, monitor.Target{Runbook: svc.rb, Release: rel})
		}
	}
	return all
}

// aim tells the monitor which releases to watch, each period and whenever one changes.
func (e *Engine) aim(ctx context.Context) { e.monitor.Watch(ctx, e.targets()) }

// significance is what this replica knows of a trigger now.
func (e *Engine) significance(rel runbook.Release, trigger string) runbook.Significance {
	return e.monitor.Significance(rel.ID, trigger, time.Now().UTC())
}
