package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
)

// watchRules compares the rules of Prometheus with the runbooks again and again, and where
// something differs it looks again sooner. Replicas drift apart by chance.
func (e *Engine) watchRules(ctx context.Context) error {
	for {
		period := e.opts.RulesEvery
		if soon := e.checkRules(ctx); soon > 0 {
			period = min(period/4, soon)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(period*9/10 + rand.N(max(period/5, 1))):
		}
	}
}

// checkRules compares once, tells people what began and what ended, and says how soon to look
// again where something differs: in three rule intervals, so that what differs for the first time is
// a drift then, or a reload that is over, or in two minutes for the end of a drift; 0: nothing does.
func (e *Engine) checkRules(ctx context.Context) (soon time.Duration) {
	services := e.runbooks()
	found, problem := e.prom.Rules(ctx, services)
	if ctx.Err() != nil {
		return 0
	}
	if problem == nil {
		e.mu.Lock()
		e.drifts, e.driftsSeen = found, time.Now()
		e.mu.Unlock()
	}
	now := time.Now().UTC()
	records, answered := e.driftRecords(ctx)
	for _, rb := range services {
		c := e.compare(ctx, rb, problem, records, answered, now)
		switch c.State {
		case record.RulesSuspected:
			soon = sooner(soon, 3*rb.Metrics.Interval.Std())
		case record.RulesDrifted:
			soon = sooner(soon, 2*time.Minute)
		}
	}
	if problem != nil {
		e.log.Warn("compare rules", zap.Error(problem))
	}
	return soon
}

// sooner is the shorter of two times; 0 is none.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 {
		return b
	}
	return min(a, b)
}

// compare makes a service's check of what is known, tells people what began and what ended, and
// returns it.
func (e *Engine) compare(ctx context.Context, rb *runbook.Runbook, problem error, records driftRecords, answered bool, now time.Time) record.RulesCheck {
	e.comparing.Lock()
	defer e.comparing.Unlock()
	kept, known := records.of(e.rulesKey(rb.Service))
	known = known && answered
	found, seen := e.known(rb.Service)
	c := compared(e.check(rb.Service), rb, found, problem, known && !kept.empty(), seen, now)
	e.keepCheck(c)
	if known {
		e.recordDrift(ctx, rb, kept, c, now)
	}
	return c
}

// check is the newest comparison of a service's rules.
func (e *Engine) check(service string) record.RulesCheck {
	e.mu.RLock()
	defer e.mu.RUnlock()
	return e.checks[service]
}

func (e *Engine) keepCheck(c record.RulesCheck) {
	e.mu.Lock()
	before := e.checks[c.Service]
	e.checks[c.Service] = c
	e.mu.Unlock()
	e.metrics.comparedRules(c)
	if rb, ok := e.Runbook(c.Service); ok {
		e.metrics.armed(rb, c)
	}
	if before.State != c.State {
		e.log.Info("rules compared", zap.String("service", c.Service), zap.String("state", string(c.State)), zap.String("drift", c.Drifted()), zap.String("problem", c.Problem))
	}
}

// rulesChecks are the newest comparisons of all services here. One that was not made
// yet is unknown.
func (e *Engine) rulesChecks() []record.RulesCheck {
	all := []record.RulesCheck{}
	for _, rb := range e.runbooks() {
		c := e.check(rb.Service)
		if c.Service == "" {
			c = record.RulesCheck{Schema: runbook.Schema, Service: rb.Service, State: record.RulesUnknown, Problem: "not compared yet"}
		}
		all = append(all, c)
	}
	return all
}

// holding says what differs, or is not armed, so that the ramp waits; empty: nothing is known to.
func (e *Engine) holding(service string) string { return e.fresh(service).Holds() }

// driftOf says what differs in the rules that a trigger rests on.
func (e *Engine) driftOf(service, trigger string) string { return e.fresh(service).Concerns(trigger) }

// driftKept is how long a drift is believed while Prometheus cannot be asked again: for
// three comparisons, as often as they are made by default.
const driftKept = 30 * time.Minute

// compared is what a service's check becomes by one more comparison. A difference
// counts once it is seen by two comparisons in a row that are at least two rule
// intervals apart, where seen is when Prometheus answered what is known: a reload and a restart are no drift. One that is on record already,
// by another replica or before a restart of ours, counts at once, and so does a watchdog that
// has been silent for three quarters of one. No answer is neither:
// a drift that was seen is believed for half an hour, and then nothing is known.
func compared(before record.RulesCheck, rb *runbook.Runbook, found []rules.Drift, problem error, onRecord bool, seen, now time.Time) record.RulesCheck {
	if before.Digest != rb.Digest {
		before = record.RulesCheck{State: record.RulesUnknown}
	}
	c := record.RulesCheck{Schema: runbook.Schema, Service: rb.Service, Digest: rb.Digest, State: record.RulesUnknown, At: now}
	if problem != nil {
		c.At, c.Problem = before.At, record.Truncate(problem.Error(), record.MaxValue)
		if before.State == record.RulesDrifted && now.Sub(before.At) < driftKept {
			c.State, c.Since, c.Drift = before.State, before.Since, before.Drift
		}
		return c
	}
	if c.Drift = differences(rb, found); len(c.Drift) == 0 {
		c.State = record.RulesOneToOne
		return c
	}
	c.State, c.Since = record.RulesSuspected, seen
	if before.State == record.RulesDrifted || before.State == record.RulesSuspected {
		c.Since = before.Since
	}
	quiet := slices.ContainsFunc(c.Drift, func(d record.RuleDiff) bool { return d.Kind == string(rules.Silent) })
	if before.State == record.RulesDrifted || onRecord || quiet || before.State == record.RulesSuspected && seen.Sub(before.Since) >= 2*rb.Metrics.Interval.Std() {
		c.State = record.RulesDrifted
	}
	return c
}

// differences are those of one service, and of the watchdog, which is everybody's.
// Rules of services that have no runbook here are another installation's.
func differences(rb *runbook.Runbook, found []rules.Drift) []record.RuleDiff {
	var out []record.RuleDiff
	for _, d := range found {
		if d.Service == rb.Service || d.Trigger == watchdog {
			out = append(out, record.RuleDiff{Kind: string(d.Kind), Trigger: d.Trigger, Text: record.Truncate(d.What, record.MaxValue), Fix: record.Truncate(d.Fix, record.MaxValue)})
		}
	}
	slices.SortStableFunc(out, func(a, b record.RuleDiff) int { return gravity(b) - gravity(a) })
	if more := len(out) - record.MaxRuleDiffs; more > 0 {
		kind := out[record.MaxRuleDiffs].Kind // the gravest of those left out
		out = append(out[:record.MaxRuleDiffs:record.MaxRuleDiffs], record.RuleDiff{Kind: kind, Text: fmt.Sprintf("%d more differences", more)})
	}
	return out
}

// gravity is how soon a difference is to be said.
func gravity(d record.RuleDiff) int {
	switch {
	case !d.Harmless():
		return 3
	case d.Arms() == record.Off:
		return 2
	case d.Kind == string(rules.Outdated):
		return 1
	}
	return 0
}

const (
	// refreshDrift is how often a drift that lasts is written down again.
	refreshDrift = driftKept / 2
	// Of a service with an open release, whose people wait, it is written down again this often by
	// whoever finds it, and over for a replica with another text of the runbook once nobody did so
	// for so long.
	refreshOpenDrift = 20 * time.Second
	openDriftKept    = 2 * time.Minute
)

// driftTerms are how often a drift of the service is written down again, and how long one counts
// that nobody writes down again.
func (e *Engine) driftTerms(service string) (refresh, kept time.Duration) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if _, open := e.unarmed[service]; open {
		return refreshOpenDrift, openDriftKept
	}
	return refreshDrift, driftKept
}

// A driftRecord is the record of a drift that people were told of, so that replicas
// tell it once, and a restart does not forget it.
type driftRecord struct {
	check record.RulesCheck
	index uint64 // 0: there is none
}

func (r driftRecord) empty() bool { return r.index == 0 }

// driftRecords are those of all services, in one read.
type driftRecords struct{ store.Snapshot }

// driftRecords reads the records; false means that the store did not answer.
func (e *Engine) driftRecords(ctx context.Context) (driftRecords, bool) {
	snap, err := e.store.Read(ctx, store.RulesKey(""))
	e.metrics.stored(err)
	if err != nil && ctx.Err() == nil {
		e.log.Warn("read drift", zap.Error(err))
	}
	return driftRecords{snap}, err == nil
}

// of is the record of that key; false means that it is what this program does not
// understand.
func (d driftRecords) of(key string) (driftRecord, bool) {
	var r driftRecord
	if err := decode(d.Snapshot, key, &r.check); err != nil {
		return r, false
	}
	r.index = index(d.Snapshot, key)
	return r, true
}

// recordDrift writes down that a drift began, or began to hold the ramp, or ended, and the message
// in the same transaction. Only who compares with the text of the runbook for which it was found
// ends it, or anybody once nobody finds it any more.
func (e *Engine) recordDrift(ctx context.Context, rb *runbook.Runbook, kept driftRecord, c record.RulesCheck, now time.Time) {
	key := e.rulesKey(rb.Service)
	b := txBuilder{indexes: map[string]uint64{key: kept.index}}
	old := now.Sub(kept.check.At).Abs()
	refresh, believed := e.driftTerms(rb.Service)
	switch {
	case c.State == record.RulesDrifted && c.Problem == "" && (kept.empty() || kept.check.Holds() == "" && c.Holds() != ""):
		e.tellDrift(ctx, &b, report.DriftMsg(c, rb, e.anyOpen(ctx, rb), now))
		b.set(key, c)
	case c.State == record.RulesDrifted && c.Problem == "" && old >= refresh:
		kept.check.At = now
		b.set(key, kept.check)
	case c.State == record.RulesOneToOne && !kept.empty() && (kept.check.Digest == c.Digest || old >= believed):
		e.tellDrift(ctx, &b, report.DriftEndedMsg(kept.check, rb, now))
		b.ops = append(b.ops, store.Op{Verb: store.Delete, Key: key, Index: kept.index})
	default:
		return
	}
	if err := e.put(ctx, b); err != nil && !errors.Is(err, store.ErrConflict) { // another replica was first
		e.log.Error("write drift", zap.String("service", rb.Service), zap.Error(err))
	}
	e.deliverSoon()
}

// tellDrift puts the message into the txBuilder, over one of the same id that still waits.
func (e *Engine) tellDrift(ctx context.Context, b *txBuilder, m record.Message) {
	key := store.OutboxKey(m.ID)
	if snap, err := e.store.Read(ctx, key); err == nil {
		b.indexes[key] = index(snap, key)
	}
	b.set(key, m)
}

// anyOpen reports whether a release of the service is open in any region: then its
// people must look now.
func (e *Engine) anyOpen(ctx context.Context, rb *runbook.Runbook) bool {
	snap, err := e.store.Read(ctx, store.ReleaseKey(rb.Service, ""))
	if err != nil {
		return true
	}
	for _, en := range snap.Entries {
		var rel record.Release
		if json.Unmarshal(en.Value, &rel) != nil || rel.Phase == record.Open {
			return true
		}
	}
	return false
}

// comparedRules exports what a comparison found.
func (m *metrics) comparedRules(c record.RulesCheck) {
	drift := 0.0
	if c.State == record.RulesDrifted {
		drift = 1
	}
	m.drift.WithLabelValues(c.Service).Set(drift)
	at := 0.0
	if !c.At.IsZero() {
		at = float64(c.At.Unix())
	}
	m.compared.WithLabelValues(c.Service).Set(at)
}

// fresh is the newest comparison, unless it is of another text of the runbook, or so
// old that it says nothing of now.
func (e *Engine) fresh(service string) record.RulesCheck {
	rb, ok := e.Runbook(service)
	c := e.check(service)
	if !ok || c.Digest != rb.Digest || time.Since(c.At) > driftKept+2*max(e.opts.RulesEvery, 0) {
		return record.RulesCheck{}
	}
	return c
}

// armed exports the triggers that are not.
func (m *metrics) armed(rb *runbook.Runbook, c record.RulesCheck) {
	m.unarmed.DeletePartialMatch(prometheus.Labels{"service": c.Service})
	for _, t := range rb.Triggers {
		if state, _ := c.Armed(t.Name); state != record.Armed {
			m.unarmed.WithLabelValues(c.Service, t.Name, string(state)).Set(1)
		}
	}
}
