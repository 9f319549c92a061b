package verify

import (
	"context"
	"errors"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// rulesTimeout bounds the comparison of all rules: of ten thousand services Prometheus
// answers for more than a hundred megabytes.
const rulesTimeout = 2 * time.Minute

// Rules compares what Prometheus has loaded, and how often it scrapes, with what the
// runbooks ask for. An error means that its rules could not be asked for: where an API
// has no rules, as behind some query front-ends, nothing is known of them. Targets that
// cannot be asked for are passed over.
func (p *Prometheus) Rules(ctx context.Context, runbooks []*runbook.Runbook) ([]rules.Drift, error) {
	ctx, cancel := context.WithTimeout(ctx, rulesTimeout)
	defer cancel()
	api, ok := p.api.(rules.API)
	if !ok {
		return nil, errors.New("this API has no rules")
	}
	drifts, err := p.verifier.Live(ctx, runbooks, api)
	if err != nil {
		return nil, err
	}
	if targets, ok := p.api.(rules.Targets); ok {
		if slow, err := rules.VerifyScrape(ctx, runbooks, targets); err == nil {
			drifts = append(drifts, slow...)
		}
	}
	return drifts, nil
}

// Traffic asks what is known of a service's traffic over the last hour, for a plan: the
// answers by the names of the questions. A level without data is left out; an error means
// that Prometheus did not answer.
func (p *Prometheus) Traffic(ctx context.Context, q rules.Questions) (map[string]float64, error) {
	ctx, cancel := p.within(ctx)
	defer cancel()
	var questions []question
	for _, t := range q.Traffic() {
		questions = append(questions, question{name: t.Name, expr: t.Expr})
	}
	answers := map[string]float64{}
	var problem string
	for _, r := range p.ask(ctx, questions) {
		if v, ok := r.one(); ok {
			answers[r.query.Name] = v
		} else if r.state == record.Unreachable && problem == "" {
			problem = r.query.Name + ": " + r.problem
		}
	}
	if problem != "" {
		return nil, errors.New("ask Prometheus for traffic: " + problem)
	}
	return answers, nil
}
