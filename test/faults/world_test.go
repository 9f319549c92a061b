package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
)

// A world is users and what serves them: it follows the router's key, and v2 harms whoever gets
// it from some moment on.
type world struct {
	r       *run
	harm    map[string]time.Duration // by service: since when v2 is bad
	trigger map[string]string        // by service: which trigger shows it

	mu      sync.Mutex
	samples map[string][]sample // by service, the newest last, one a second
}

// A sample is what users get in one second.
type sample struct {
	at     time.Duration
	share  float64 // of v2, 0 to 1
	bad    bool    // v2 is
	outage bool    // all are
}

const window = 10 // samples

func newWorld(r *run) *world {
	w := &world{r: r, harm: map[string]time.Duration{}, trigger: map[string]string{}, samples: map[string][]sample{}}
	for _, s := range services {
		d := diceOf(r.plan.Seed, "harm "+s)
		w.harm[s] = 8*time.Second + d.upTo(50*time.Second)
		w.trigger[s] = []string{"errors", "errors", "errors", "slow", "slowish"}[d.n(5)]
	}
	return w
}

// live takes a sample each second.
func (w *world) live(ctx context.Context) {
	for ctx.Err() == nil {
		w.mu.Lock()
		for _, s := range services {
			at := w.r.at()
			_, well := w.r.plan.now(at, -1, harmless)
			_, out := w.r.plan.now(at, -1, outage)
			one := sample{at: at, share: candidateShare(w.r.kv.Value(routeKey(s))), bad: at >= w.harm[s] && !well, outage: out}
			w.samples[s] = append(w.samples[s], one)
		}
		w.mu.Unlock()
		pass(ctx, time.Second+317*time.Nanosecond)
	}
}

func routeKey(service string) string { return "routes/" + service + "/weights" }

// candidateShare is how a router reads its key: what it cannot read serves v1.
func candidateShare(value []byte) float64 {
	var doc struct{ Weights map[string]float64 }
	if json.Unmarshal(value, &doc) != nil {
		return 0
	}
	sum := 0.0
	for _, w := range slices.Sorted(maps.Values(doc.Weights)) {
		sum += w
	}
	for backend, w := range doc.Weights {
		if sum > 0 && backend[len(backend)-2:] == "v2" {
			return w / sum
		}
	}
	return 0
}

// last are the samples of so many seconds.
func (w *world) last(service string, n int) []sample {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.samples[service]
	return slices.Clone(all[max(0, len(all)-n):])
}

// rate is v2's traffic over some seconds, in requests per second.
func (w *world) rate(service string, seconds int) float64 {
	sum := 0.0
	for _, s := range w.last(service, seconds) {
		sum += s.share
	}
	return 100 * sum / float64(seconds)
}

// breaching reports whether v2 harms those who got it in the window.
func (w *world) breaching(service, trigger string) bool {
	if trigger != w.trigger[service] {
		return false
	}
	served, hurt := 0.0, 0.0
	for _, s := range w.last(service, window) {
		served += s.share
		if s.bad {
			hurt += s.share
		}
	}
	return served > 0 && hurt/served > 0.3
}

// suffering is what part of all requests fails.
func (w *world) suffering(service string) float64 {
	sum, all := 0.0, w.last(service, window)
	for _, s := range all {
		sum += 0.001
		if s.bad {
			sum += s.share * 0.3
		}
		if s.outage {
			sum += 0.2
		}
	}
	return sum / float64(max(1, len(all)))
}

// Alertmanager sends each alert to every replica while it fires, again and again, and says once
// that it is over; what comes of each call is up to the network.
func (w *world) alertmanager(ctx context.Context) {
	firing := map[string]time.Time{}
	for round := 0; ctx.Err() == nil; round++ {
		for _, s := range services {
			for _, trigger := range []string{"errors", "slow", "slowish"} {
				key := s + " " + trigger
				since, fires := firing[key]
				switch now := w.breaching(s, trigger); {
				case now && !fires:
					firing[key] = time.Now().UTC()
					w.send(record.Alert{Service: s, Trigger: trigger, Firing: true, StartsAt: firing[key], Source: record.Webhook})
				case now && round%6 == 5:
					w.send(record.Alert{Service: s, Trigger: trigger, Firing: true, StartsAt: since, Source: record.Webhook})
				case !now && fires:
					delete(firing, key)
					w.send(record.Alert{Service: s, Trigger: trigger, StartsAt: since, Source: record.Webhook})
				}
			}
		}
		if round%3 == 0 {
			w.send(record.Alert{Trigger: rules.WatchdogTrigger, Firing: true, StartsAt: w.r.began, Source: record.Webhook})
		}
		pass(ctx, 5*time.Second+1733*time.Nanosecond)
	}
}

// send brings an alert to all replicas, each by a way of its own.
func (w *world) send(a record.Alert) {
	for _, p := range w.r.procs {
		d := w.r.dice(p.name, "webhook "+a.Service+a.Trigger)
		after, copies := time.Millisecond+d.upTo(30*time.Millisecond), 1
		if _, is := w.r.plan.now(w.r.at(), -1, hooks); is {
			switch d.n(4) {
			case 0:
				copies = 0
			case 1:
				after += d.upTo(25 * time.Second)
			case 2:
				copies = 2
			}
		}
		for n := range copies {
			w.r.later(after+time.Duration(n)*d.upTo(3*time.Second), func() { p.hear(a, 4, &d) })
		}
	}
}

// hear is one call to a replica; Alertmanager comes again if it is not answered with 200.
func (p *proc) hear(a record.Alert, again int, d *dice) {
	l := p.current()
	var err error = errDead
	if l != nil {
		a.ReceivedAt = time.Now().UTC()
		err = l.call(func(ctx context.Context) error { return l.e.Alerts(ctx, []record.Alert{a}) })
	}
	if err == nil && a.Firing && a.Service != "" {
		p.r.note("%s acknowledges %s of %s", p.name, a.Trigger, a.Service)
	}
	if err != nil && again > 0 {
		p.r.later(2*time.Second+d.upTo(3*time.Second), func() { p.hear(a, again-1, d) })
	}
}

// pass lets time pass, unless ctx ends.
func pass(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (r *run) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.trace = append(r.trace, entry{time.Since(r.began), fmt.Sprintf(format, args...)})
}

// An entry is a line of a run's trace.
type entry struct {
	at   time.Duration
	text string
}
