package engine

import (
	"context"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/engine/lifecycle"
	"github.com/autorollback/autorollback/record"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	observeEvery = time.Second            // between two rounds of questions to a router's instances
	observeAgain = 250 * time.Millisecond // between two to one of them, while another lets us wait
	observeSlow  = 30 * time.Second       // between two to those that have shown the split: they may fall back
)

// observeRouters asks the router's instances of every target what they serve, until each
// has shown the split that its release wants, and now and then whether they still do. Every
// replica does, and what is known is in the store; so it goes on after a restart.
func (e *Engine) observeRouters(ctx context.Context) {
	var targets sync.WaitGroup
	for target, rel := range e.newestReleases() {
		svc, err := e.serves(target)
		if err != nil {
			continue
		}
		if ask := e.observing(target, svc, rel, time.Now().UTC()); len(ask) > 0 {
			targets.Go(func() { e.observeRouter(ctx, target, svc, rel, ask) })
		}
	}
	targets.Wait()
}

// observing are the addresses of the instances that are to be asked now.
func (e *Engine) observing(target Target, svc service, rel record.Release, now time.Time) []string {
	all := svc.rb.Routing.Instances
	if !lifecycle.MustServe(rel, now) || now.Sub(e.observed[target]) < observeSlow {
		return lifecycle.Observing(rel, all, now)
	}
	e.observed[target] = now
	return all
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

// observeRouter asks the instances of one target at once, and steps what they showed. While
// one lets us wait, the others are asked again, so that each has its own time.
func (e *Engine) observeRouter(ctx context.Context, target Target, svc service, rel record.Release, ask []string) {
	ev := lifecycle.Observed{Release: rel.ID, Epoch: rel.Epoch, Views: make([]lifecycle.View, len(ask))}
	var all errgroup.Group
	var answers atomic.Int64
	for n, address := range ask {
		all.Go(func() error {
			ev.Views[n] = e.observeInstance(ctx, svc, rel, address)
			answers.Add(1)
			for ctx.Err() == nil && answers.Load() < int64(len(ask)) && !ev.Views[n].Split.Equal(rel.Want()) {
				select {
				case <-ctx.Done():
				case <-time.After(observeAgain):
					ev.Views[n] = e.observeInstance(ctx, svc, rel, address)
				}
			}
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

func (e *Engine) observeInstance(ctx context.Context, svc service, rel record.Release, address string) lifecycle.View {
	split, err := svc.router.Observe(ctx, e.client, address, rel.Stable.Backend, rel.Candidate.Backend)
	return lifecycle.View{Address: address, At: time.Now().UTC(), Split: split, Problem: text(err)}
}

// news reports whether an answer changes the release as it was last seen.
func (e *Engine) news(svc service, rel record.Release, ev lifecycle.Observed) bool {
	s := lifecycle.State{Runbook: svc.rb, Region: rel.Region, Release: &rel, Split: rel.Want()}
	next, err := lifecycle.Step(s, ev, time.Now().UTC())
	return err != nil || !reflect.DeepEqual(next.Release.Applied, rel.Applied)
}

// routerInstances exports whether each instance of a router serves what is wanted, of
// those that the runbook of a service names. A series is there while the newest release
// of its target is open or rolled back.
type routerInstances struct{ e *Engine }

var instanceDesc = prometheus.NewDesc("autorollback_router_instance_applied",
	"1 if the router's instance has shown the split that the newest release wants, 0 if it has not yet or shows another one again.",
	[]string{"service", "region", "instance"}, nil)

// Describe implements prometheus.Collector.
func (routerInstances) Describe(ch chan<- *prometheus.Desc) { ch <- instanceDesc }

// Collect implements prometheus.Collector.
func (r routerInstances) Collect(ch chan<- prometheus.Metric) {
	for target, rel := range r.e.newestReleases() {
		svc, err := r.e.serves(target)
		if err != nil || rel.Phase == record.Closed || !rel.ReadBack() {
			continue
		}
		missing := map[string]bool{}
		for _, i := range rel.NotApplied(svc.rb.Routing.Instances) {
			missing[i.Address] = true
		}
		for _, address := range svc.rb.Routing.Instances {
			applied := 1.0
			if missing[address] {
				applied = 0
			}
			ch <- prometheus.MustNewConstMetric(instanceDesc, prometheus.GaugeValue, applied, rel.Service, rel.Region, address)
		}
	}
}
