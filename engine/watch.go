package engine

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// watch is the second source of alerts: what is significant by our own count, whether or
// not any rule is loaded and any alert is delivered. So a lost webhook delays a rollback by
// one tick and never cancels it. Prometheus is asked for the companions that fire.
func (e *Engine) watch(ctx context.Context) {
	firing, err := e.prom.Firing(ctx)
	e.metrics.asked(err)
	if err != nil {
		e.unanswered(ctx, err)
		return
	}
	if firing.Watchdog {
		e.metrics.received(record.Watcher)
	}
	found, err := e.breaching(ctx, e.probes(time.Now().UTC()))
	if err != nil {
		e.unanswered(ctx, err)
	} else {
		e.blindSince = time.Time{}
	}
	if err := e.Alerts(ctx, append(found, firing.Blind...)); err != nil && ctx.Err() == nil {
		e.log.Error("take what the watcher saw", zap.Error(err))
	}
}

func (e *Engine) unanswered(ctx context.Context, err error) {
	if ctx.Err() == nil {
		e.log.Warn("watch", zap.Error(err))
		e.unseen(ctx, err)
	}
}

// A probe is a trigger of an open release whose gate is to be asked.
type probe struct {
	target  Target
	service service
	release record.Release
	trigger runbook.Trigger
	alert   record.Alert // to be raised if it breaches
}

// probes are the triggers that are significant, and those that have no significance once
// in each interval.
func (e *Engine) probes(now time.Time) []probe {
	var all []probe
	for target, o := range e.open() {
		due := e.probeDue(target, o.service.rb.Metrics.Interval.Std(), now)
		for _, trigger := range o.service.rb.Triggers {
			since := now
			if trigger.Comparative() {
				s := e.significance(o.release, trigger.Name)
				if since = s.At; !s.Proved() {
					continue
				}
			} else if !due {
				continue
			}
			o.target, o.trigger = target, trigger
			o.alert = record.Alert{Service: target.Service, Region: target.Region, Trigger: trigger.Name, Severity: trigger.Severity,
				Firing: true, Source: record.Watcher, StartsAt: since, ReceivedAt: now}
			all = append(all, o)
		}
	}
	return all
}

// breaching are the alerts of those probes that breach now. Nobody else has claimed a
// breach of the others: that one has no data says its companion, and an error that one
// was not answered, to be asked again at the next tick.
func (e *Engine) breaching(ctx context.Context, probes []probe) ([]record.Alert, error) {
	var (
		g    errgroup.Group
		mu   sync.Mutex
		all  []record.Alert
		errs error
	)
	g.SetLimit(atOnce)
	for _, s := range probes {
		g.Go(func() error {
			b := e.answer(ctx, s.service, s.target, s.trigger.Name, s.trigger, s.release)
			mu.Lock()
			defer mu.Unlock()
			switch b.State {
			case record.Breaching:
				all = append(all, s.alert)
			case record.Unreachable:
				errs = fmt.Errorf("ask the gate of %s of %s: %s", s.trigger.Name, s.target, b.Problem)
				e.probeAgain(s.target)
			}
			return nil
		})
	}
	_ = g.Wait() // errs has what was not answered
	return all, errs
}

// probeDue reports whether an interval has passed since the last time, and begins the next.
func (e *Engine) probeDue(target Target, interval time.Duration, now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if now.Sub(e.probed[target]) < interval {
		return false
	}
	e.probed[target] = now
	return true
}

func (e *Engine) probeAgain(target Target) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.probed, target)
}

// open are the open releases that get traffic, with their services.
func (e *Engine) open() map[Target]probe {
	e.mu.RLock()
	defer e.mu.RUnlock()
	all := map[Target]probe{}
	for target, rel := range e.last {
		if svc, ok := e.services[target.Service]; ok && rel.Phase == record.Open && rel.Weight > 0 {
			all[target] = probe{service: svc, release: rel}
		}
	}
	return all
}

// targets are the open releases as the monitor watches them.
func (e *Engine) targets() []monitor.Target {
	var all []monitor.Target
	for _, o := range e.open() {
		all = append(all, monitor.Target{Runbook: o.service.rb, Release: o.release})
	}
	return all
}

// aim tells the monitor which releases to watch, each period and whenever one changes.
func (e *Engine) aim(ctx context.Context) { e.monitor.Watch(ctx, e.targets()) }

// significance is what this replica knows of a trigger now.
func (e *Engine) significance(rel record.Release, trigger string) record.Significance {
	return e.monitor.Significance(rel.ID, trigger, time.Now().UTC())
}
