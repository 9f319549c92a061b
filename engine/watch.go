package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
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
		e.log.Error("handle the watcher's alerts", zap.Error(err))
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

// blindAfter is how long Prometheus may be silent to the watcher before the people of
// every open release are told. No data is neither good nor bad, and it pages.
const blindAfter = 30 * time.Second

// unseen is called for each question of the watcher that was not answered. The page's
// id holds the ten minutes it belongs to, so that any number of replicas page once.
func (e *Engine) unseen(ctx context.Context, cause error) {
	now := time.Now().UTC()
	if e.blindSince.IsZero() {
		e.blindSince = now
	}
	if now.Sub(e.blindSince) < blindAfter {
		return
	}
	for _, target := range e.releaseTargets(ctx) {
		rel, err := e.Release(ctx, target.Service, target.Region)
		if err != nil || rel.Phase != record.Open {
			continue
		}
		e.page(ctx, blindMessage(rel, e.blindSince, now, cause))
	}
	e.blindSince = now // again only if it lasts
}

func blindMessage(rel record.Release, since, now time.Time, cause error) record.Message {
	return record.Message{
		Schema: runbook.Schema, ID: fmt.Sprintf("blind-%s-%d", rel.ID, now.Truncate(10*time.Minute).Unix()),
		Service: rel.Service, Region: rel.Region, Kind: "blind", Page: true,
		Title: fmt.Sprintf("%s: Prometheus does not answer while %s is being released", rel.Service, rel.Candidate.Version),
		Text: fmt.Sprintf("Prometheus has not answered since %s: %v.\nautorollback cannot detect a breach and will not act on its own.\n"+
			"Do now: bring Prometheus back, or roll back by hand: autorollback rollback %s --region %s --reason WHY",
			since.Format(time.TimeOnly), cause, rel.Service, rel.Region),
		StartsAt: since, EndsAt: now.Add(15 * time.Minute), CreatedAt: now,
	}
}

// watchdogRecord is the record of the watchdog's last word.
type watchdogRecord struct {
	Schema int           `json:"schema"`
	At     time.Time     `json:"at"`
	Every  time.Duration `json:"every,omitempty"` // since the word before
}

const (
	// often is how far apart the watchdog's words are at most where the generated route is in
	// force, which repeats it every 15 s, and silence how long it may then say nothing: with the
	// next check that is told within a minute.
	often   = 45 * time.Second
	silence = 45 * time.Second
)

// silent says that the watchdog, which came often, comes no more. Where it never came often
// the ramp's own guard looks at it.
func (w watchdogRecord) silent(service string, now time.Time) []rules.Drift {
	if w.Every <= 0 || w.Every > often || now.Sub(w.At) <= max(silence, 3*w.Every) {
		return nil
	}
	return []rules.Drift{{Kind: rules.Silent, Service: service,
		What: "no watchdog alert received by webhook since " + w.At.UTC().Format(time.TimeOnly) + " UTC: the path from Prometheus through Alertmanager to autorollback is broken",
		Fix:  "look at Alertmanager's log and its receiver: address, token file, route; autorollback doctor"}}
}

// watchdogEvery is how often the watchdog's word is written down at most.
const watchdogEvery = 10 * time.Second

// recordWatchdog writes down that the watchdog was received by webhook: the way from Prometheus
// through Alertmanager to us is whole, and every replica may rely on it. Another
// replica that wrote first is as good.
func (e *Engine) recordWatchdog(ctx context.Context, now time.Time) {
	key := e.watchdogKey()
	snap, err := e.store.Read(ctx, key)
	e.metrics.stored(err)
	if err != nil {
		e.log.Warn("read when the watchdog was last received", zap.Error(err))
		return
	}
	word := watchdogRecord{Schema: runbook.Schema, At: now}
	var before watchdogRecord
	if err := decode(snap, key, &before); err == nil && !before.At.IsZero() {
		if word.Every = now.Sub(before.At); word.Every.Abs() < watchdogEvery {
			return
		}
	}
	if err := e.putOne(ctx, key, index(snap, key), word); err != nil && !errors.Is(err, store.ErrConflict) {
		e.log.Warn("record when the watchdog was received", zap.Error(err))
	}
}

// A wayIn remembers what proves that alerts come all the way to this process: the watchdog,
// and the synthetic alerts by which a doctor tries the way. Its zero value is ready to use.
type wayIn struct {
	mu       sync.Mutex
	watchdog time.Time
	came     []synthetic // the newest last
}

// A synthetic is such an alert, as it came.
type synthetic struct {
	id string
	at time.Time
}

// mostSynthetic is how many are remembered: a webhook can make up any number.
const mostSynthetic = 64

// take remembers the watchdog or a synthetic alert, if it came by webhook.
func (w *wayIn) take(a record.Alert, now time.Time) {
	if a.Source != record.Webhook {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if a.Trigger == watchdog {
		w.watchdog = now
		return
	}
	w.came = append(w.came[max(0, len(w.came)-mostSynthetic+1):], synthetic{a.Labels["id"], now})
}

// WatchdogReceived is when the watchdog last came to this process by webhook; zero: never.
func (e *Engine) WatchdogReceived() time.Time {
	e.way.mu.Lock()
	defer e.way.mu.Unlock()
	return e.way.watchdog
}

// SyntheticReceived is when the synthetic alert of that id first came by webhook; zero: it did
// not, or so many came since that it is forgotten.
func (e *Engine) SyntheticReceived(id string) time.Time {
	e.way.mu.Lock()
	defer e.way.mu.Unlock()
	for _, s := range e.way.came {
		if s.id == id {
			return s.at
		}
	}
	return time.Time{}
}
