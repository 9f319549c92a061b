package verify

import (
	"context"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// A question is one instant query. A zero moment is Prometheus' own now, so that its
// clock shows.
type question struct {
	name string
	expr rules.Expr
	at   time.Time
}

// ask asks all questions at the same time; replies are in the order of the questions.
func (p *Prometheus) ask(ctx context.Context, questions []question) []reply {
	replies := make([]reply, len(questions))
	var g errgroup.Group
	g.SetLimit(parallel)
	for i, q := range questions {
		g.Go(func() error {
			replies[i] = p.askOne(ctx, q)
			return nil
		})
	}
	_ = g.Wait() // a question that went wrong says so in its reply
	return replies
}

func (p *Prometheus) askOne(ctx context.Context, q question) reply {
	from := time.Now()
	kept := runbook.Query{Name: q.name, Expr: q.expr.String(), At: from.UTC()}
	if q.expr.IsZero() {
		return read(kept, nil, nil, errNoQuestion, from, from)
	}
	value, warnings, err := p.api.Query(ctx, q.expr.String(), q.at, v1.WithTimeout(p.timeout))
	if err != nil && ctx.Err() != nil {
		err = lateError{p.timeout, ctx.Err()}
	}
	to := time.Now()
	if !q.at.IsZero() {
		kept.At, from, to = q.at.UTC(), q.at, q.at
	}
	return read(kept, value, warnings, err, from, to)
}

// lateError is the deadline in words.
type lateError struct {
	timeout time.Duration
	cause   error
}

func (e lateError) Error() string {
	return "no answer within " + e.timeout.String() + ": " + e.cause.Error()
}

func (e lateError) Unwrap() error { return e.cause }
