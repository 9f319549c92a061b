package verify

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
)

const (
	// evidenceTimeout bounds one query for the evidence folder: nobody waits for it.
	evidenceTimeout = 15 * time.Second
	// evidenceAnswer is how much of an answer the folder keeps, in bytes.
	evidenceAnswer = 4 << 20
	// maxPoints is how many points of a series a range query may have; Prometheus
	// refuses more than 11 000.
	maxPoints = 10_000
)

// Evidence captures instant queries at one moment, sorted by name. What went wrong
// with a query stands in its Answer. A zero moment is now.
func (p *Prometheus) Evidence(ctx context.Context, exprs map[string]string, at time.Time) []record.Query {
	names := slices.Sorted(maps.Keys(exprs))
	queries := make([]record.Query, len(names))
	var g errgroup.Group
	g.SetLimit(promapi.Parallel / 4) // the rescue's own questions go first
	for i, name := range names {
		g.Go(func() error {
			queries[i] = p.capture(ctx, name, exprs[name], at)
			return nil
		})
	}
	_ = g.Wait() // what went wrong stands in the answers
	return queries
}

func (p *Prometheus) capture(ctx context.Context, name, expr string, at time.Time) record.Query {
	if at.IsZero() {
		at = time.Now()
	}
	ctx, cancel := context.WithTimeout(ctx, evidenceTimeout)
	defer cancel()
	value, warnings, err := p.api.Query(ctx, expr, at)
	return captured(record.Query{Name: name, Expr: expr, At: at.UTC()}, value, warnings, err)
}

// Range captures a range query; At is the range's end. A step of zero, or one that
// would give more points than Prometheus allows, becomes the smallest that is allowed.
func (p *Prometheus) Range(ctx context.Context, name, expr string, from, to time.Time, step time.Duration) record.Query {
	ctx, cancel := context.WithTimeout(ctx, evidenceTimeout)
	defer cancel()
	least := (to.Sub(from) / maxPoints).Truncate(time.Second) + time.Second
	if to.Sub(from) <= maxPoints*step {
		least = step
	}
	value, warnings, err := p.api.QueryRange(ctx, expr, promapi.Range{Start: from, End: to, Step: max(step, least)})
	return captured(record.Query{Name: name, Expr: expr, At: to.UTC()}, value, warnings, err)
}

func captured(q record.Query, value model.Value, warnings promapi.Warnings, err error) record.Query {
	if err != nil {
		q.Answer = clip("error: "+err.Error(), evidenceAnswer)
		return q
	}
	q.Answer = clip(raw(value, warnings), evidenceAnswer)
	return q
}
