package engine

import (
	"context"
	"reflect"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
)

// observeEvery is the pause between two rounds of questions to a router's instances.
const observeEvery = time.Second

// observeRouters asks the router's instances of every target what they serve, until each
// has shown the split that its release wants. Every replica does, and what is known is
// in the store; so it goes on after a restart.
func (e *Engine) observeRouters(ctx context.Context) {
	var targets sync.WaitGroup
	for target, rel := range e.newestReleases() {
		svc, err := e.serves(target)
		if err != nil {
			continue
		}
		if ask := lifecycle.Observing(rel, svc.rb.Routing.Instances, time.Now().UTC()); len(ask) > 0 {
			targets.Go(func() { e.observeRouter(ctx, target, svc, rel, ask) })
		}
	}
	targets.Wait()
}

// newestReleases are those of all targets as last read or committed here.
func (e *Engine) newestReleases() map[Target]record.Release {
	e.mu.RLock()
	defer e.mu.RUnlock()
	all := map[Target]record.Release{}
	for target, rel := range e.last {
		all[target] = rel
	}
	return all
}

// observeRouter asks the instances of one target at once, and steps what they showed.
func (e *Engine) observeRouter(ctx context.Context, target Target, svc service, rel record.Release, ask []string) {
	ev := lifecycle.Observed{Release: rel.ID, Epoch: rel.Epoch, Views: make([]lifecycle.View, len(ask))}
	var all errgroup.Group
	for n, address := range ask {
		all.Go(func() error {
			v := lifecycle.View{Address: address}
			split, err := svc.router.Observe(ctx, e.client, address)
			v.Split, v.Problem = split, text(err)
			ev.Views[n] = v
			return nil
		})
	}
	_ = all.Wait() // what went wrong is in the views
	if ctx.Err() != nil || !e.news(svc, rel, ev) {
		return // we are stopping, and that is no answer; or nothing would be written
	}
	if err := e.take(ctx, target, ev); err != nil {
		e.metrics.problems.WithLabelValues("router").Inc()
		e.log.Error("observe router", zap.String("target", target.String()), zap.Error(err))
	}
}

// news reports whether an answer changes the release as it was last seen.
func (e *Engine) news(svc service, rel record.Release, ev lifecycle.Observed) bool {
	s := lifecycle.State{Runbook: svc.rb, Region: rel.Region, Release: &rel}
	next, err := lifecycle.Step(s, ev, time.Now().UTC())
	return err != nil || !reflect.DeepEqual(next.Release.Applied, rel.Applied)
}
