package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/verify"
)

const (
	// checkStandbyEvery is how often a standby whose checks are good is asked for its stored
	// predictions and its pair: those cost the service requests.
	checkStandbyEvery = time.Minute
	// unknownAfter is how long a standby must not be answered for before that is written down:
	// another replica may know better.
	unknownAfter = time.Minute
)

// A sighting is what this process last saw of a standby.
type sighting struct {
	release   string
	state     record.StandbyState
	since     time.Time
	times     int // in a row
	checks    []record.Answer
	checkedAt time.Time
}

// count takes what the newest probe came to.
func (s *sighting) count(state record.StandbyState, now time.Time) {
	if s.times++; state != s.state {
		s.state, s.since, s.times = state, now, 1
	}
}

// again reports whether the checks are to be asked again.
func (s sighting) again(now time.Time) bool {
	state, _ := verify.JudgeStandby(append([]record.Answer{{Health: record.Good}}, s.checks...))
	return state != record.Warm || now.Sub(s.checkedAt) >= checkStandbyEvery
}

// sure reports whether what was seen counts. One lost scrape or one late answer does not: it was
// seen twice, or it is the first of the release and good.
func (s sighting) sure(before *record.Standby, now time.Time) bool {
	switch {
	case s.state == record.StandbyUnknown:
		return now.Sub(s.since) >= unknownAfter
	case before == nil && s.state == record.Warm:
		return true
	}
	return s.times > 1
}

// probeStandbys asks whether the last known good of each open release could take all traffic now:
// with one question to Prometheus each, one to the catalog where the runbook names it, and once a
// minute the checks of its side. Services without an open release cost nothing: their users judge
// what serves all of their traffic.
func (e *Engine) probeStandbys(ctx context.Context) {
	open := e.open()
	next := make(map[Target]sighting, len(open))
	var (
		g  errgroup.Group
		mu sync.Mutex
	)
	g.SetLimit(atOnce)
	for target, o := range open {
		seen := e.standbys[target]
		g.Go(func() error {
			seen = e.probeStandby(ctx, target, o, seen)
			mu.Lock()
			defer mu.Unlock()
			next[target] = seen
			return nil
		})
	}
	_ = g.Wait() // what went wrong is in the answers
	e.standbys = next
}

// probeStandby probes one standby, and has written down what is sure and new.
func (e *Engine) probeStandby(ctx context.Context, target Target, o probe, seen sighting) sighting {
	rel, now := o.release, time.Now().UTC()
	if seen.release != rel.ID {
		seen = sighting{release: rel.ID}
	}
	answers := e.countStandby(ctx, o)
	if seen.again(now) {
		seen.checks, seen.checkedAt = e.checkSide(ctx, o.service, rel, runbook.Stable, false), now
	}
	if ctx.Err() != nil {
		return seen // we are stopping: that is no answer
	}
	ev := lifecycle.StandbyProbed{Release: rel.ID, Answers: append(answers, seen.checks...)}
	ev.State, ev.Why = verify.JudgeStandby(ev.Answers)
	seen.count(ev.State, now)
	if _, changed := lifecycle.NextStandby(rel.Standby, ev, now); !changed || !seen.sure(rel.Standby, now) {
		return seen
	}
	if err := e.take(ctx, target, ev); err != nil && ctx.Err() == nil {
		e.metrics.problems.WithLabelValues("reconcile").Inc()
		e.log.Error("write standby", zap.String("target", target.String()), zap.Error(err))
	}
	return seen
}

// A Catalog knows how many instances of a service pass their health checks. A store may be one.
type Catalog interface {
	Passing(ctx context.Context, service string) (int, error)
}

var errNoCatalog = errors.New("the store is not Consul: there is no catalog to ask (last_known_good.catalog)")

// countStandby counts what could take the traffic: in Prometheus, and where the runbook names it
// in the catalog.
func (e *Engine) countStandby(ctx context.Context, o probe) []record.Answer {
	k, rel := o.service.rb.LastKnownGood, o.release
	all := []record.Answer{e.prom.StandbyPods(ctx, o.service.ask, rel, k.Needs())}
	if k.Catalog == "" {
		return all
	}
	name, n, err := k.CatalogOf(rel.Stable.Version, rel.Stable.Backend), 0, errNoCatalog
	if e.catalog != nil {
		n, err = e.catalog.Passing(ctx, name)
	}
	return append(all, verify.StandbyInstances(name, n, k.Needs(), err, time.Now().UTC()))
}

// cautioned adds to a message about a target that no rollback is possible there right now.
func (e *Engine) cautioned(m record.Message) record.Message {
	why := e.newest(Target{m.Service, m.Region}).NoRollback()
	if why == "" || m.Kind == report.KindNoRollback {
		return m
	}
	return report.Caution(m, why)
}
