package engine

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// watchRules compares the rules of Prometheus with the runbooks again and again: a
// difference that is new is looked at again soon. Replicas drift apart by chance.
func (e *Engine) watchRules(ctx context.Context) error {
	for {
		period := e.opts.RulesEvery
		if e.checkRules(ctx) {
			period /= 4
		}
		if pause(ctx, period*9/10+rand.N(max(period/5, 1))) != nil {
			return nil
		}
	}
}

// checkRules compares once, tells people what began and what ended, and reports
// whether something is to be looked at again soon.
func (e *Engine) checkRules(ctx context.Context) (again bool) {
	services := e.runbooks()
	found, problem := e.prom.Rules(ctx, services)
	if ctx.Err() != nil {
		return false
	}
	now := time.Now().UTC()
	records, answered := e.driftRecords(ctx)
	for _, rb := range services {
		kept, known := records.of(rb.Service)
		known = known && answered
		c := compared(e.check(rb.Service), rb, found, problem, known && !kept.empty(), now)
		e.keepCheck(c)
		if known {
			e.recordDrift(ctx, rb, kept, c, now)
		}
		again = again || c.State == record.RulesSuspected
	}
	if problem != nil {
		e.log.Warn("compare rules", zap.Error(problem))
	}
	return again
}

// runbooks are those of the services here, by name.
func (e *Engine) runbooks() []*runbook.Runbook {
	e.mu.RLock()
	defer e.mu.RUnlock()
	var all []*runbook.Runbook
	for _, s := range e.services {
		all = append(all, s.rb)
	}
	slices.SortFunc(all, func(a, b *runbook.Runbook) int { return strings.Compare(a.Service, b.Service) })
	return all
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

// drifted says what differs in any rule of a service; empty: nothing is known to.
func (e *Engine) drifted(service string) string { return e.fresh(service).Drifted() }

// driftOf says what differs in the rules that a trigger rests on.
func (e *Engine) driftOf(service, trigger string) string { return e.fresh(service).Concerns(trigger) }

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
