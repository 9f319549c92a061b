package backtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql"

	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/verify"
)

// then answers the daemon's questions as Prometheus would have at a moment of the
// replay. Its answers are stamped with the present, as those to a daemon are.
type then struct {
	w   *world
	now time.Time
}

// Query implements promapi.API.
func (t then) Query(ctx context.Context, query string, at time.Time) (model.Value, promapi.Warnings, error) {
	stamp := at
	if at.IsZero() {
		at, stamp = t.now, time.Now()
	}
	vector, err := t.w.ask(ctx, query, at)
	if err != nil {
		return nil, nil, err
	}
	out := make(model.Vector, 0, len(vector))
	for _, s := range vector {
		metric := model.Metric{}
		for name, value := range s.Metric.Map() {
			metric[model.LabelName(name)] = model.LabelValue(value)
		}
		out = append(out, &model.Sample{Metric: metric, Value: model.SampleValue(s.F), Timestamp: model.TimeFromUnixNano(stamp.UnixNano())})
	}
	return out, nil, nil
}

// QueryRange implements promapi.API; the confirmation asks none.
func (then) QueryRange(context.Context, string, promapi.Range) (model.Value, promapi.Warnings, error) {
	return nil, nil, errors.New("a replay answers for one moment only")
}

// ask evaluates an expression at a moment.
func (w *world) ask(ctx context.Context, query string, at time.Time) (promql.Vector, error) {
	q, err := w.engine.NewInstantQuery(ctx, w.db, nil, query, at)
	if err != nil {
		return nil, fmt.Errorf("ask %q: %w", query, err)
	}
	defer q.Close()
	res := q.Exec(ctx)
	if res.Err != nil {
		return nil, fmt.Errorf("ask %q: %w", query, res.Err)
	}
	switch v := res.Value.(type) {
	case promql.Vector:
		return append(promql.Vector(nil), v...), nil
	case promql.Scalar:
		return promql.Vector{{F: v.V, T: v.T}}, nil
	}
	return nil, fmt.Errorf("ask %q: the answer is a %s", query, res.Value.Type())
}

// number is the only finite number of an answer.
func (w *world) number(ctx context.Context, e rules.Expr, at time.Time) (float64, bool) {
	if e.IsZero() {
		return 0, false
	}
	v, err := w.ask(ctx, e.String(), at)
	if err != nil || len(v) != 1 || math.IsNaN(v[0].F) || math.IsInf(v[0].F, 0) {
		return 0, false
	}
	return v[0].F, true
}

// confirm asks what the daemon asks before it decides.
func (w *world) confirm(ctx context.Context, q rules.Questions, t runbook.Trigger, rel record.Release, now time.Time) record.Breach {
	b := verify.New(then{w, now}, askTimeout).Confirm(ctx, q, t, rel, w.significance(rel.ID, t.Name))
	b.AskedAt, b.Queries = now.UTC(), nil
	return b
}
