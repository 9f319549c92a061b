package verify

import (
	"context"
	"fmt"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// maxAge is how many intervals old the newest sample of either side may be.
const maxAge = 5

// Confirm asks whether the trigger is true now, and what the policy's guards need,
// all in one query and for one moment, within the deadline. It never returns an error: Unreachable and
// NoData are states, with the reason in Problem, and no number is NaN or infinite.
//
// Everything a guard rests on must be answered, or the breach is not confirmed. An
// absolute_slo compares nothing and needs the breach, the effect and the age alone. A
// trigger that compares needs its significance as well, which is that of this process:
// where it is not known the breach is Unreachable, to be asked for again, and where it is
// below 1 the trigger is not breaching, however large the effect.
func (p *Prometheus) Confirm(ctx context.Context, q rules.Questions, trigger runbook.Trigger, rel record.Release, sig record.Significance) record.Breach {
	b := record.Breach{Trigger: trigger.Name, Severity: trigger.Severity, AskedAt: time.Now().UTC()}
	if trigger.Comparative() {
		b.Significance = sig
	}
	questions, err := confirming(q, trigger, rel)
	if err != nil {
		b.State, b.Problem = record.NoData, err.Error()
		return b
	}
	ctx, cancel := p.within(ctx)
	defer cancel()
	c := confirmation{trigger: trigger, limit: maxAge * q.Interval(), replies: map[string]*reply{}}
	replies := p.ask(ctx, questions)
	for i := range replies {
		c.replies[replies[i].query.Name] = &replies[i]
	}
	c.fill(&b)
	for _, r := range replies {
		b.Queries = append(b.Queries, r.query)
	}
	return b
}

// Names of the queries in Breach.Queries.
const (
	askBreach          = "breach"
	askEffect          = "effect"
	askAge             = "age"
	askStableUnhealthy = "stable unhealthy"
	askCandidatePods   = "candidate pods"
	askStablePods      = "stable pods"
	askCandidateRate   = "candidate rate"
	askStableRate      = "stable rate"
)

func confirming(q rules.Questions, trigger runbook.Trigger, rel record.Release) ([]question, error) {
	breach, err := q.Gate(trigger.Name, rel)
	if err != nil {
		return nil, err
	}
	effect, err := q.Effect(trigger.Name, rel)
	if err != nil {
		return nil, err
	}
	whose := rel
	if trigger.Absolute() || trigger.Type == runbook.CanaryStarved { // which may have no series at all
		whose.ID = "" // of all versions
	}
	questions := []question{
		{name: askBreach, expr: breach},
		{name: askEffect, expr: effect},
		{name: askAge, expr: q.Age(whose)},
		{name: askCandidatePods, expr: q.Pods(rel, runbook.Candidate)},
		{name: askStablePods, expr: q.Pods(rel, runbook.Stable)},
		{name: askCandidateRate, expr: q.Rate(rel, runbook.Candidate)},
		{name: askStableRate, expr: q.Rate(rel, runbook.Stable)},
		{name: askStableUnhealthy, expr: q.StableUnhealthy(rel)},
	}
	return questions, nil
}

// A confirmation reads the replies to one trigger's questions.
type confirmation struct {
	trigger runbook.Trigger
	limit   time.Duration // of the age
	replies map[string]*reply
}

func (c confirmation) fill(b *record.Breach) {
	breaching, isBreaching := c.replies[askBreach].one()
	effect, hasEffect := c.replies[askEffect].one()
	age, hasAge := c.replies[askAge].one()
	b.CandidatePods = int(c.number(askCandidatePods))
	b.StablePods = int(c.number(askStablePods))
	b.CandidateRate = c.number(askCandidateRate)
	b.StableRate = c.number(askStableRate)
	b.StableUnhealthy = len(c.replies[askStableUnhealthy].samples) > 0
	b.Value = effect
	if b.State, b.Problem = c.trouble(); b.State != "" {
		return
	}
	b.State = record.NoData
	switch limit := c.limit.Seconds(); {
	case !hasAge:
		b.Problem = "the service's own series have no sample of a side that should have traffic"
	case age < 0 || age > limit:
		b.Problem = fmt.Sprintf("the newest sample of a side is %s old, more than %s", runbook.Seconds(age), runbook.Seconds(limit))
	case isBreaching:
		b.Value = breaching
		b.State, b.Problem = weighed(c.trigger, b.Significance)
	case !hasEffect:
		b.Problem = "one side has no data for this trigger"
	default:
		b.State = record.NotBreaching
	}
}

// weighed is what an effect as large as the runbook says comes to.
func weighed(t runbook.Trigger, sig record.Significance) (record.State, string) {
	switch {
	case !t.Comparative():
		return record.Breaching, ""
	case sig.Problem != "":
		return record.Unreachable, sig.Problem
	case !sig.Proved():
		return record.NotBreaching, ""
	}
	return record.Breaching, ""
}

func (c confirmation) number(name string) float64 {
	r := c.replies[name]
	if r == nil {
		return 0
	}
	v, _ := r.one()
	return v
}

// trouble is what forbids to use the answers; an unreachable Prometheus explains all
// else and comes first.
func (c confirmation) trouble() (state record.State, problem string) {
	for _, name := range c.required() {
		r := c.replies[name]
		if r == nil || r.problem == "" || (state != "" && r.state != record.Unreachable) {
			continue
		}
		state, problem = r.state, name+": "+r.problem
		if state == record.Unreachable {
			return state, problem
		}
	}
	return state, problem
}

func (c confirmation) required() []string {
	if c.trigger.Absolute() {
		return []string{askBreach, askAge, askEffect}
	}
	return []string{askBreach, askAge, askEffect, askStableUnhealthy,
		askCandidatePods, askStablePods, askCandidateRate, askStableRate}
}
