package rules

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/runbook"
)

// An API tells which rules a Prometheus has loaded, group by group: those of the names, or
// all if there are none.
type API interface {
	RuleGroups(ctx context.Context, each func(promapi.RuleGroup) error, names ...string) error
}

// skew is how far Prometheus' clock may be from ours before its evaluations look old.
const skew = time.Minute

// A Verifier compares what a Prometheus has loaded with what runbooks ask for. It remembers
// a fingerprint of each runbook's rules, so that one which has not changed is compiled
// once, and keeps nothing of what it read. It is safe for concurrent use.
type Verifier struct {
	mu    sync.Mutex
	known map[string]uint64 // by service and digest of the runbook
}

// Live does what [Verify] does against a running Prometheus, and finds rules that fail or
// have not been evaluated for four intervals and a minute. An error means that it could
// not be asked.
func (v *Verifier) Live(ctx context.Context, runbooks []*runbook.Runbook, prom API) ([]Drift, error) {
	l, err := v.begin(runbooks)
	if err != nil {
		return nil, err
	}
	if err := prom.RuleGroups(ctx, l.take); err != nil {
		return nil, fmt.Errorf("ask Prometheus for its rules: %w", err)
	}
	return l.drifts()
}

// LiveService is [Verifier.Live] for the group of one service alone, and asks for no other. Rules
// of ours elsewhere, and the watchdog, it cannot see.
func LiveService(ctx context.Context, rb *runbook.Runbook, prom API) ([]Drift, error) {
	l, err := new(Verifier).begin([]*runbook.Runbook{rb})
	if err != nil {
		return nil, err
	}
	if err := prom.RuleGroups(ctx, l.take, groupName(rb.Service)); err != nil {
		return nil, fmt.Errorf("ask Prometheus for its rules: %w", err)
	}
	out, _, err := l.services()
	return append(out, l.unwell...), err
}

// A liveRead is one comparison under way.
type liveRead struct {
	now      time.Time
	prints   map[string]uint64 // by service
	runbooks map[string]*runbook.Runbook
	whole    map[string]bool     // services whose group is as it should be
	rest     map[string][]loaded // by service: rules that have to be looked at one by one
	unwell   []Drift
}

func (v *Verifier) begin(runbooks []*runbook.Runbook) (*liveRead, error) {
	l := &liveRead{now: time.Now(), prints: map[string]uint64{}, runbooks: map[string]*runbook.Runbook{}, whole: map[string]bool{}, rest: map[string][]loaded{}}
	fresh := make(map[string]uint64, len(runbooks))
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, rb := range runbooks {
		key := rb.Service + " " + rb.Digest
		p, ok := v.known[key]
		if !ok {
			g, err := Compile(rb)
			if err != nil {
				return nil, err
			}
			p = fingerprint(asLoaded(g))
		}
		fresh[key], l.prints[rb.Service], l.runbooks[rb.Service] = p, p, rb
	}
	v.known = fresh
	return l, nil
}

// take looks at one group as it comes.
func (l *liveRead) take(g promapi.RuleGroup) error {
	var ours []loaded
	for _, r := range g.Rules {
		one := fromAPI(g, r)
		if !one.ours() {
			continue
		}
		if d, bad := judge(one, r, g, l.now); bad {
			l.unwell = append(l.unwell, d)
		}
		ours = append(ours, one)
	}
	if len(ours) == 0 {
		return nil
	}
	service := ours[0].Labels["service"]
	if p, ok := l.prints[service]; ok && !l.whole[service] && len(ours) == len(g.Rules) && fingerprint(ours) == p {
		l.whole[service] = true
		return nil
	}
	for _, one := range ours {
		l.rest[one.Labels["service"]] = append(l.rest[one.Labels["service"]], one)
	}
	return nil
}

// drifts compares one by one what is not as it should be.
func (l *liveRead) drifts() ([]Drift, error) {
	out, intervals, err := l.services()
	if err != nil {
		return nil, err
	}
	var others []loaded // the watchdog, and what no runbook asks for
	for _, service := range slices.Sorted(maps.Keys(l.rest)) {
		others = append(others, l.rest[service]...)
	}
	out = append(out, compare([]Group{watchdog(intervals)}, others)...)
	return append(out, l.unwell...), nil
}

// services compares the groups of the services, whose intervals the watchdog goes by.
func (l *liveRead) services() (out []Drift, intervals []Group, err error) {
	for _, service := range slices.Sorted(maps.Keys(l.runbooks)) {
		rb := l.runbooks[service]
		intervals = append(intervals, Group{Interval: rb.Metrics.Interval, Region: rb.RulesRegion})
		found, odd := l.rest[service]
		delete(l.rest, service)
		if l.whole[service] && !odd {
			continue
		}
		g, err := Compile(rb)
		if err != nil {
			return nil, nil, err
		}
		if l.whole[service] {
			found = append(asLoaded(g), found...)
		}
		out = append(out, compare([]Group{g}, found)...)
	}
	return out, intervals, nil
}

// asLoaded is a group as a Prometheus that has loaded it says it.
func asLoaded(g Group) []loaded {
	out := make([]loaded, 0, len(g.Rules))
	for _, r := range g.Rules {
		l := loaded{Rule: r, text: r.Expr.String(), group: g.Name, interval: g.Interval.String()}
		l.KeepFiringFor = 0
		out = append(out, l)
	}
	return out
}

// fingerprint sums up rules in their order, with all that [loaded.edits] looks at.
func fingerprint(rules []loaded) uint64 {
	h := fnv.New64a()
	for _, r := range rules {
		fmt.Fprintf(h, "%q %q %q %s %s %s %q %s\n", r.Record, r.Alert, r.text, labelText(r.Labels), labelText(r.Annotations), r.For, r.group, r.interval)
	}
	return h.Sum64()
}

func fromAPI(g promapi.RuleGroup, r promapi.Rule) loaded {
	l := loaded{file: g.File, group: g.Name, interval: seconds(g.Interval).String(), text: r.Query}
	if r.Type == "alerting" {
		l.Rule = Rule{Alert: r.Name, For: seconds(r.Duration), Labels: r.Labels, Annotations: r.Annotations}
	} else {
		l.Rule = Rule{Record: r.Name, Labels: r.Labels}
	}
	return l
}

// judge finds a rule whose last evaluation failed, or was too long ago.
func judge(l loaded, r promapi.Rule, g promapi.RuleGroup, now time.Time) (Drift, bool) {
	age, limit := now.Sub(r.LastEvaluation), 4*seconds(g.Interval).Std()+skew
	switch {
	case r.LastError != "" || r.Health == "err":
		return l.drift(Failing, fmt.Sprintf("%s: %s", l.name(), r.LastError), "fix what Prometheus says"), true
	case r.LastEvaluation.IsZero() || r.LastEvaluation.Unix() <= 0:
		return l.drift(Stale, l.name()+" has not been evaluated yet", "ask again in a minute"), true
	case age > limit:
		return l.drift(Stale, fmt.Sprintf("%s was last evaluated %s ago", l.name(), age.Round(time.Second)), "see why Prometheus evaluates too slowly, and its clock"), true
	}
	return Drift{}, false
}

func seconds(s float64) runbook.Duration { return runbook.Duration(s * float64(time.Second)) }
