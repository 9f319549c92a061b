package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/actuators"
	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// Regions knows what the stores of all regions said when they were last read, this engine's own
// among them.
type Regions interface {
	Stores() []record.StoreState
}

// stores is what is known of all regions; nil: there is one.
func (e *Engine) stores() []record.StoreState {
	if e.regions == nil {
		return nil
	}
	return e.regions.Stores()
}

// in is the service in one of its regions.
func (s service) in(region string) (service, error) {
	if !s.rb.Routing.Regional() {
		return s, nil
	}
	s.rb = s.rb.In(region)
	var err error
	s.router, err = actuators.For(s.rb.Routing)
	return s, err
}

// ownRegion is the part of a key that keeps the records about one region's Prometheus from those
// of others in the same store.
func (e *Engine) ownRegion() string {
	if e.opts.Region == "" {
		return ""
	}
	return "/" + e.opts.Region
}

func (e *Engine) rulesKey(service string) string { return store.RulesKey(service) + e.ownRegion() }

func (e *Engine) watchdogKey() string { return store.WatchdogKey + e.ownRegion() }

// A refusal is why a region whose turn has come could not start.
type refusal struct {
	plan, why string
	since     time.Time
	told      bool
}

// refusedFor is how long a region whose turn has come may be refused before people are told.
const refusedFor = 30 * time.Second

// startNext starts the releases whose turn has come here: those that go through several regions,
// and are proved in the one before. Any replica may, since only one can.
func (e *Engine) startNext(ctx context.Context) {
	stores := e.stores()
	for _, rb := range e.runbooks() {
		for _, region := range rb.Regions {
			for _, st := range stores {
				for _, before := range st.Releases {
					if before.Service == rb.Service && ctx.Err() == nil {
						e.startAfter(ctx, Target{rb.Service, region}, before, st.Lost(time.Now()), stores)
					}
				}
			}
		}
	}
}

// startAfter starts the target's release of the plan that another region's release belongs to,
// if it is the target's turn.
func (e *Engine) startAfter(ctx context.Context, target Target, before record.Release, lost string, stores []record.StoreState) {
	plan := before.Regions
	if plan == nil {
		return
	}
	if region, waits := plan.Before(target.Region); !waits || region != before.Region {
		return
	}
	if turn, _ := policy.RegionTurn(before, lost, stores, time.Now()); turn != policy.TurnNow {
		return
	}
	own, err := e.Release(ctx, target.Service, target.Region)
	if err == nil && slices.Contains(own.Planned, plan.ID) || err != nil && !errors.Is(err, runbook.ErrNotFound) {
		return // it was started, or nobody knows
	}
	_, err = e.human(ctx, target, pulled(before))
	e.pulled(ctx, target, before, err)
}

// pulled is the start of the next region's release: what was ordered, on the ramp that the
// region before went up.
func pulled(before record.Release) lifecycle.Launched {
	l := before.Regions.Launch
	l.Region, l.Regions, l.Safer = "", nil, false
	if w := before.NotProved; w != nil {
		l.StableNotProved = w.Reason
	}
	return lifecycle.Launched{Launch: l, By: before.Regions.Caller, Reason: before.Region + " is proved: the release continues here as it was ordered", Regions: before.Regions, Ramp: before.Rollout, SaferThan: before.SaferThan}
}

// pulled keeps why a start was refused, and tells people if that lasts.
func (e *Engine) pulled(ctx context.Context, target Target, before record.Release, err error) {
	switch {
	case err == nil:
		e.log.Info("started: the region before is proved", zap.String("target", target.String()), zap.String("before", before.Region), zap.String("plan", before.Regions.ID))
		fallthrough
	case errors.Is(err, runbook.ErrConflict):
		e.mu.Lock()
		delete(e.refused, target)
		e.mu.Unlock()
	case e.refuse(target, before.Regions.ID, err):
		e.page(ctx, notStarted(target, before, err.Error(), time.Now().UTC()))
	}
}

// refuse keeps a refusal, and reports whether it has lasted so long that people are to be told.
func (e *Engine) refuse(target Target, plan string, err error) (tell bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.refused[target]
	if r.plan != plan {
		r = refusal{plan: plan, since: time.Now()}
	}
	if r.why != err.Error() {
		e.log.Warn("not started, though the region before is proved", zap.String("target", target.String()), zap.Error(err))
	}
	tell = !r.told && time.Since(r.since) > refusedFor
	r.why, r.told = err.Error(), r.told || tell
	e.refused[target] = r
	return tell
}

// notStarted says that the next region cannot start. Its id is the plan's, so that replicas say
// it once.
func notStarted(target Target, before record.Release, why string, now time.Time) record.Message {
	return record.Message{
		Schema: runbook.Schema, ID: fmt.Sprintf("notstarted-%s-%s", before.Regions.ID, target.Region),
		Service: target.Service, Region: target.Region, Kind: "not_started", Page: true,
		Title:    fmt.Sprintf("%s: %s is proved in %s and cannot start in %s", target.Service, before.Candidate.Version, before.Region, target.Region),
		Text:     record.Truncate(why, record.MaxLine) + "\nautorollback tries again until it can.\nDo now: remove what is in the way; autorollback release status " + target.Service,
		StartsAt: now, EndsAt: now.Add(15 * time.Minute), CreatedAt: now,
	}
}

// WhyNotStarted is why a target whose turn has come was refused; empty: it was not.
func (e *Engine) WhyNotStarted(target Target, plan string) string {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if r := e.refused[target]; r.plan == plan {
		return r.why
	}
	return ""
}

// only is the runbook as far as this engine is about it.
func (o Options) only(rb *runbook.Runbook) *runbook.Runbook {
	if o.Region == "" {
		return rb
	}
	return rb.Only(o.Region, o.OwnPrometheus)
}

func (o Options) has(rb *runbook.Runbook) bool {
	return o.Region == "" || rb.HasRegion(o.Region)
}

// targetIn is a service in a region, or in the engine's only one.
func (e *Engine) targetIn(service, region string) Target {
	return Target{service, cmp.Or(region, e.opts.Region, runbook.DefaultRegion)}
}

// ReadState is what a store says that other regions rest on. A record that cannot be read is left
// out, or bars its bundle: whoever acts reads anew.
func ReadState(ctx context.Context, from store.Store) (record.StoreState, error) {
	snap, err := from.Read(ctx, store.BudgetKey, releases, store.QuarantineKey(""), store.PendingKey(""))
	if err != nil {
		return record.StoreState{}, err
	}
	st := record.StoreState{Releases: under[record.Release](snap, releases), Quarantined: quarantined(snap), Pending: under[record.PendingRollback](snap, store.PendingKey(""))}
	maps.DeleteFunc(st.Quarantined, func(_ string, q record.Quarantine) bool { return q.Lifted != "" })
	return st, decode(snap, store.BudgetKey, &st.Budget)
}
