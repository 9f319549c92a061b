package verify

import (
	"context"
	"fmt"
	"time"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// maxAge is how many intervals old the newest recorded sample may be.
const maxAge = 3

// Confirm asks whether the trigger is true now, and what the policy's guards need,
// all in one query and for one moment, within the deadline. It never returns an error: Unreachable and
// NoData are states, with the reason in Problem, and no number is NaN or infinite.
//
// Everything a guard rests on must be answered, or the breach is not confirmed; only
// the evidence, which is shown, may be missing. An absolute_slo compares nothing and
// needs the breach, the effect and the age alone; while nothing is recorded for the
// release, pods that report stand in for the age.
func (p *Prometheus) Confirm(ctx context.Context, q rules.Questions, trigger runbook.Trigger, rel runbook.Release) runbook.Breach {
	b := runbook.Breach{Trigger: trigger.Name, Severity: trigger.Severity, AskedAt: time.Now().UTC()}
	questions, err := confirming(q, trigger, rel)
	if err != nil {
		b.State, b.Problem = runbook.NoData, err.Error()
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
	askBreach        = "breach"
	askEffect        = "effect"
	askAge           = "age"
	askEvidence      = "evidence"
	askStableSick    = "stable sick"
	askCandidatePods = "candidate pods"
	askStablePods    = "stable pods"
	askCandidateRate = "candidate rate"
	askStableRate    = "stable rate"
)

func confirming(q rules.Questions, trigger runbook.Trigger, rel runbook.Release) ([]question, error) {
	breach, err := q.Breach(trigger.Name, rel)
	if err != nil {
		return nil, err
	}
	effect, err := q.Effect(trigger.Name, rel)
	if err != nil {
		return nil, err
	}
	questions := []question{
		{name: askBreach, expr: breach},
		{name: askEffect, expr: effect},
		{name: askAge, expr: q.Age(rel)},
		{name: askCandidatePods, expr: q.Pods(rel, runbook.Candidate)},
		{name: askStablePods, expr: q.Pods(rel, runbook.Stable)},
		{name: askCandidateRate, expr: q.Rate(rel, runbook.Candidate)},
		{name: askStableRate, expr: q.Rate(rel, runbook.Stable)},
		{name: askStableSick, expr: q.StableSick(rel)},
	}
	if evidence, ok := q.Evidence(trigger.Name, rel); ok {
		questions = append(questions, question{name: askEvidence, expr: evidence})
	}
	return questions, nil
}

// A confirmation reads the replies to one trigger's questions.
type confirmation struct {
	trigger runbook.Trigger
	limit   time.Duration // of the age
	replies map[string]*reply
}

func (c confirmation) fill(b *runbook.Breach) {
	breaching, isBreaching := c.replies[askBreach].one()
	effect, hasEffect := c.replies[askEffect].one()
	age, hasAge := c.replies[askAge].one()
	b.CandidatePods = int(c.number(askCandidatePods))
	b.StablePods = int(c.number(askStablePods))
	b.CandidateRate = c.number(askCandidateRate)
	b.StableRate = c.number(askStableRate)
	b.Evidence = c.number(askEvidence)
	b.StableSick = len(c.replies[askStableSick].samples) > 0
	b.Value = effect
	if b.State, b.Problem = c.trouble(); b.State != "" {
		return
	}
	b.State = runbook.NoData
	switch limit := c.limit.Seconds(); {
	case !hasAge && !c.freshWithoutAge(*b):
		b.Problem = "nothing has been recorded for this release: it is warming up, its role is not exported, or the rules are not loaded"
	case hasAge && (age < 0 || age > limit):
		b.Problem = fmt.Sprintf("the newest recorded sample is %s old, more than %s", seconds(age), seconds(limit))
	case isBreaching:
		b.State, b.Value = runbook.Breaching, breaching
	case !hasEffect:
		b.Problem = "one side has no data for this trigger"
	default:
		b.State = runbook.NotBreaching
	}
}

// freshWithoutAge: an absolute limit is asked of the service's own series, which need
// no release that is being recorded; pods that report are proof enough that they are
// fresh.
func (c confirmation) freshWithoutAge(b runbook.Breach) bool {
	return c.trigger.Absolute() && b.CandidatePods+b.StablePods > 0
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
func (c confirmation) trouble() (state runbook.State, problem string) {
	for _, name := range c.required() {
		r := c.replies[name]
		if r == nil || r.problem == "" || (state != "" && r.state != runbook.Unreachable) {
			continue
		}
		state, problem = r.state, name+": "+r.problem
		if state == runbook.Unreachable {
			return state, problem
		}
	}
	return state, problem
}

func (c confirmation) required() []string {
	if c.trigger.Absolute() {
		return []string{askBreach, askAge, askEffect}
	}
	return []string{askBreach, askAge, askEffect, askStableSick,
		askCandidatePods, askStablePods, askCandidateRate, askStableRate}
}
