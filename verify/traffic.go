package verify

import (
	"context"
	"errors"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
)

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
