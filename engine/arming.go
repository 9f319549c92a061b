package engine

import (
	"context"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// Arming says what keeps the triggers of an open release from firing, or from being right.
type Arming interface {
	Release(ctx context.Context, rb *runbook.Runbook, rel record.Release) ([]rules.Drift, error)
}

// checkArming checks each open release that gets traffic once. What is seen twice, two rule
// intervals apart, is told, and holds the ramp.
func (e *Engine) checkArming(ctx context.Context) {
	found, problems := map[string][]rules.Drift{}, map[string]error{}
	var word watchdogRecord
	if snap, err := e.store.Read(ctx, store.WatchdogKey); err == nil {
		_ = decode(snap, store.WatchdogKey, &word) // one that cannot be read is as none
	}
	for _, t := range e.targets() {
		drifts, err := e.arming.Release(ctx, t.Runbook, t.Release)
		if ctx.Err() != nil {
			return
		}
		service := t.Runbook.Service
		found[service] = append(append(found[service], drifts...), word.silent(service, time.Now())...)
		if err != nil {
			problems[service] = err
			e.log.Warn("check arming", zap.String("service", service), zap.Error(err))
		}
	}
	e.mu.Lock()
	before := e.unarmed
	e.unarmed = found
	e.mu.Unlock()
	if len(found)+len(before) == 0 {
		return
	}
	now := time.Now().UTC()
	records, answered := e.driftRecords(ctx)
	for _, rb := range e.runbooks() {
		_, was := before[rb.Service]
		if _, is := found[rb.Service]; is || was {
			e.compare(ctx, rb, problems[rb.Service], records, answered, now)
		}
	}
}

// known is what is known of a service's rules and triggers: the newest comparison of all rules,
// and, in place of what that said of the service's own group, the newest check of its open releases.
func (e *Engine) known(service string) []rules.Drift {
	e.mu.RLock()
	defer e.mu.RUnlock()
	unarmed, open := e.unarmed[service]
	var out []rules.Drift
	for _, d := range e.drifts {
		if d.Service != service && d.Trigger != watchdog || open && d.Kind != rules.Extra && d.Kind != rules.Scraped && d.Trigger != watchdog {
			continue
		}
		out = append(out, d)
	}
	return append(out, unarmed...)
}

// warnings are what keeps the triggers of a release that has just begun from firing. It waits
// for nothing: a release has begun whatever is said here.
func (e *Engine) warnings(ctx context.Context, rel record.Release) []string {
	rb, ok := e.Runbook(rel.Service)
	if e.arming == nil || !ok {
		return nil
	}
	found, err := e.arming.Release(ctx, rel.Follows(rb), rel)
	if err != nil {
		return []string{"whether every trigger is armed cannot be told: " + err.Error()}
	}
	var out []string
	for _, d := range found {
		out = append(out, strings.TrimPrefix(d.Trigger+": "+d.What+"; "+d.Fix, ": "))
	}
	slices.Sort(out)
	return slices.Compact(out)
}
