package verify

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
)

// A question is one instant query. A zero moment is Prometheus' own now, so that its
// clock shows.
type question struct {
	name string
	expr rules.Expr
	at   time.Time
}

func (q question) kept(asked time.Time) record.Query {
	if !q.at.IsZero() {
		asked = q.at
	}
	return record.Query{Name: q.name, Expr: q.expr.String(), At: asked.UTC()}
}

// ask asks all questions at the same time; replies are in the order of the questions.
// Those about one moment go as one query, so that their answers are from the very
// same moment and one round trip is paid.
func (p *Prometheus) ask(ctx context.Context, questions []question) []reply {
	replies := make([]reply, len(questions))
	groups := map[int64][]int{}
	for i, q := range questions {
		if q.expr.IsZero() {
			now := time.Now()
			replies[i] = read(q.kept(now), nil, nil, errNoQuestion, now, now)
			continue
		}
		groups[q.at.UnixMilli()] = append(groups[q.at.UnixMilli()], i)
	}
	var g errgroup.Group
	for _, group := range groups {
		g.Go(func() error {
			p.askTogether(ctx, questions, group, replies)
			return nil
		})
	}
	_ = g.Wait() // a question that went wrong says so in its reply
	return replies
}

// askTogether asks the questions of one group. If Prometheus cannot answer the joined
// query, one of them is to blame: then each is asked alone.
func (p *Prometheus) askTogether(ctx context.Context, questions []question, group []int, replies []reply) {
	from, at := time.Now(), questions[group[0]].at
	together := join(questions, group)
	value, warnings, err := p.query(ctx, together, at)
	if promapi.Refused(err) {
		p.askEach(ctx, questions, group, replies)
		return
	}
	to := time.Now()
	if !at.IsZero() {
		from, to = at, at
	}
	parts, err := split(value, group, err)
	for _, i := range group {
		replies[i] = read(questions[i].kept(from), parts[i], warnings, err, from, to)
	}
}

func (p *Prometheus) askEach(ctx context.Context, questions []question, group []int, replies []reply) {
	var g errgroup.Group
	g.SetLimit(promapi.Parallel)
	for _, i := range group {
		g.Go(func() error {
			replies[i] = p.askOne(ctx, questions[i])
			return nil
		})
	}
	_ = g.Wait() // a question that went wrong says so in its reply
}

func (p *Prometheus) askOne(ctx context.Context, q question) reply {
	from := time.Now()
	value, warnings, err := p.query(ctx, q.expr.String(), q.at)
	to := time.Now()
	if !q.at.IsZero() {
		from, to = q.at, q.at
	}
	return read(q.kept(from), value, warnings, err, from, to)
}

func (p *Prometheus) query(ctx context.Context, expr string, at time.Time) (model.Value, promapi.Warnings, error) {
	value, warnings, err := p.api.Query(ctx, expr, at)
	if err != nil && ctx.Err() != nil {
		err = lateError{p.timeout, ctx.Err()}
	}
	return value, warnings, err
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

// questionLabel tells the series of a joined query apart.
const questionLabel = "autorollback_question"

// join makes one query of several: each expression's series get their question's
// number as a label, which keeps them apart under "or".
func join(questions []question, group []int) string {
	parts := make([]string, len(group))
	for n, i := range group {
		parts[n] = fmt.Sprintf("label_replace(\n%s\n, %q, \"%d\", \"\", \"\")", questions[i].expr, questionLabel, i)
	}
	return strings.Join(parts, "\nor\n")
}

var errStray = errors.New("an answer to a query that was not made")

// split gives each question its own series of a joined answer, without the label. A
// question without series has the empty vector.
func split(value model.Value, group []int, err error) (map[int]model.Value, error) {
	if err != nil {
		return nil, err
	}
	vector, ok := value.(model.Vector)
	parts := make(map[int]model.Value, len(group))
	own := make(map[string]model.Vector, len(group))
	for _, i := range group {
		own[strconv.Itoa(i)] = model.Vector{}
	}
	for _, s := range vector {
		if s == nil {
			return nil, errStray
		}
		n := string(s.Metric[questionLabel])
		if _, asked := own[n]; !asked {
			return nil, errStray
		}
		delete(s.Metric, questionLabel)
		own[n] = append(own[n], s)
	}
	for _, i := range group {
		if ok {
			parts[i] = own[strconv.Itoa(i)]
		} else if value != nil && value.Type() != model.ValScalar {
			parts[i] = value // no vector: refused by whoever reads it
		}
	}
	return parts, nil
}
