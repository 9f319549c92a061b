package engine

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// Arming says what keeps the triggers of an open release from firing, or from being right.
type Arming interface {
	Release(ctx context.Context, rb *runbook.Runbook, rel record.Release) ([]rules.Drift, error)
}

// armingAtOnce is how many releases are checked at the same time.
const armingAtOnce = 4

// checkArming checks each open release that gets traffic once. What is seen twice, two rule
// intervals apart, is told, and holds the ramp. Of a release that could not be checked stays
// known what was known.
func (e *Engine) checkArming(ctx context.Context) {
	found, problems, blunt := map[string][]rules.Drift{}, map[string]error{}, map[string]bluntness{}
	word := e.watchdogWord(ctx)
	for target, c := range e.checkOpen(ctx) {
		if c.problem != nil {
			problems[target.Service] = c.problem
			e.log.Warn("check arming", zap.String("target", target.String()), zap.Error(c.problem))
		}
		c.drifts = append(c.drifts, e.blunted(ctx, c.service, c.release, blunt)...)
		found[target.Service] = append(found[target.Service], c.drifts...)
	}
	if ctx.Err() != nil {
		return
	}
	e.blunt = blunt
	e.mu.Lock()
	before := e.unarmed
	for service := range found {
		if problems[service] != nil {
			found[service] = slices.DeleteFunc(slices.Clone(before[service]), func(d rules.Drift) bool { return d.Kind == rules.Silent })
		}
		found[service] = append(found[service], word.silent(service, time.Now())...)
	}
	e.unarmed, e.unarmedSeen = found, time.Now()
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

// watchdogWord is the watchdog's last word; one that cannot be read is as none.
func (e *Engine) watchdogWord(ctx context.Context) (word watchdogRecord) {
	if snap, err := e.store.Read(ctx, e.watchdogKey()); err == nil {
		_ = decode(snap, e.watchdogKey(), &word)
	}
	return word
}

// An armingCheck is what one check of one release came to.
type armingCheck struct {
	probe
	drifts  []rules.Drift
	problem error
}

// checkOpen checks the open releases, several at a time: one Prometheus that does not answer
// about one of them delays the others by one round.
func (e *Engine) checkOpen(ctx context.Context) map[Target]armingCheck {
	var (
		g   errgroup.Group
		mu  sync.Mutex
		all = map[Target]armingCheck{}
	)
	g.SetLimit(armingAtOnce)
	for target, o := range e.open() {
		g.Go(func() error {
			drifts, err := e.arming.Release(ctx, o.service.rb, o.release)
			mu.Lock()
			defer mu.Unlock()
			all[target] = armingCheck{o, drifts, err}
			return nil
		})
	}
	_ = g.Wait() // each check has its own problem
	return all
}

// A bluntness is since when and until when a trigger was seen to be blunted, and how that was
// told.
type bluntness struct {
	from, last time.Time
	told       string
}

// blunted are the triggers of a release that could not prove what the runbook names. Only those
// are looked at that can decide at this weight by the plan, within their window, and have had
// that window since the weight changed: before that nothing can be proved, and where a harm needs
// longer than the window the ramp waits for it anyway. Numbers at the border come and go, so it
// is told once it has lasted for the window, in the words of that moment, and is over once the
// window has passed without it.
//
// It does not hold the ramp. Such a trigger is not off: it fires on a harm that lasts longer than its
// window, the ramp waits for what the plan says it needs and for its data, and to hold a release at
// the weight where the evidence is thin would keep it thin for good.
func (e *Engine) blunted(ctx context.Context, s service, rel record.Release, kept map[string]bluntness) []rules.Drift {
	s.rb = rel.Follows(s.rb)
	p, err := e.plans(ctx, s)
	if err != nil {
		return nil // without a plan nothing was promised
	}
	var out []rules.Drift
	now, judged := time.Now(), rel.WeightChangedAt
	if judged.Equal(rel.Began()) {
		judged = judged.Add(s.rb.Metrics.Warmup.Std())
	}
	for _, t := range s.rb.Triggers {
		window := t.For.Std()
		if need, can := p.Decides(t.Name, rel.Weight); !can || need > window || now.Sub(judged) < window {
			continue
		}
		b, ok := e.blunt[rel.ID+" "+t.Name].next(e.monitor.Blunted(rel.ID, t.Name, now), max(window, 3*e.opts.ArmingEvery), now)
		if !ok {
			continue
		}
		if kept[rel.ID+" "+t.Name] = b; b.told != "" {
			out = append(out, rules.Drift{Kind: rules.Blunted, Service: s.rb.Service, Trigger: t.Name, What: "blunted: " + b.told,
				Fix: "see that the candidate gets the traffic of its weight, that pods of one version are alike, and that a latency has narrow buckets around its limit; or write a number that can be proved, or a longer `for`"})
		}
	}
	return out
}

// next is what a look makes of it, where it must last, and be gone, for so long; false: it is not
// blunted.
func (b bluntness) next(words string, lasting time.Duration, now time.Time) (bluntness, bool) {
	if words == "" {
		return b, !b.last.IsZero() && now.Sub(b.last) < lasting
	}
	if b.from.IsZero() {
		b.from = now
	}
	if b.last = now; b.told == "" && now.Sub(b.from) >= lasting {
		b.told = words
	}
	return b, true
}

// known is what is known of a service's rules and triggers: the newest comparison of all rules,
// and, in place of what that said of the service's own group, the newest check of its open releases;
// and when the newest of it was seen.
func (e *Engine) known(service string) (found []rules.Drift, seen time.Time) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	unarmed, open := e.unarmed[service]
	seen = e.driftsSeen
	if len(unarmed) > 0 {
		seen = e.unarmedSeen
	}
	for _, d := range e.drifts {
		if d.Service != service && d.Trigger != watchdog || open && d.Kind != rules.Extra && d.Kind != rules.Scraped && d.Trigger != watchdog {
			continue
		}
		found = append(found, d)
	}
	return append(found, unarmed...), seen
}

// warnings are what keeps the triggers of a release that has just begun from firing. It has begun
// whatever is said here; its starter waits for Prometheus' answer, ten seconds at most.
func (e *Engine) warnings(ctx context.Context, rel record.Release) []string {
	rb, ok := e.Runbook(rel.Service)
	if e.arming == nil || !ok {
		return nil
	}
	found, err := e.arming.Release(ctx, rel.Follows(rb), rel)
	if err != nil {
		return []string{"cannot tell whether every trigger is armed: " + err.Error()}
	}
	var out []string
	for _, d := range found {
		out = append(out, strings.TrimPrefix(d.Trigger+": "+d.What+"; "+d.Fix, ": "))
	}
	slices.Sort(out)
	return slices.Compact(out)
}
