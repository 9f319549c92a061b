package rules

import (
	"context"
	"fmt"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
)

// evalInTurn is eval for a rule that reads what it recorded before: one step after the
// other, each of which sees those before.
func (p *player) evalInTurn(ctx context.Context, t *trial, from shelf, r Rule, text string) ([]*held, error) {
	var out []*held
	for step := 0; step <= t.last; step++ {
		answers, err := p.ask(ctx, t, from, text, step)
		if err != nil {
			return nil, err
		}
		now := t.at(step).UnixMilli()
		for _, s := range answers {
			h := recordedAs(r.label(s.Metric), out)
			if h == nil {
				h = &held{lset: r.label(s.Metric)}
				out = append(out, h)
			}
			if len(h.times) > 0 && h.times[len(h.times)-1] == now {
				return nil, fmt.Errorf("two answers are %s", h.lset)
			}
			if err := h.grow(now, s.F); err != nil {
				return nil, err
			}
		}
		if err := p.pause(t, out, step); err != nil {
			return nil, err
		}
		from.put(out)
	}
	return out, nil
}

func (p *player) ask(ctx context.Context, t *trial, from shelf, text string, step int) (promql.Vector, error) {
	q, err := p.engine.NewInstantQuery(ctx, from, nil, text, t.at(step))
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	defer q.Close()
	res := q.Exec(ctx)
	if res.Err != nil {
		return nil, fmt.Errorf("evaluate: %w", res.Err)
	}
	found, err := res.Vector()
	if err != nil {
		return nil, fmt.Errorf("evaluate: %w", err)
	}
	return slices.Clone(found), nil
}

// pause marks what was recorded one step ago and is not now.
func (p *player) pause(t *trial, all []*held, step int) error {
	before, now := t.at(step-1).UnixMilli(), t.at(step).UnixMilli()
	for _, h := range all {
		if n := len(h.times); h.times[n-1] == before && !isStale(h.values[n-1]) {
			if err := h.grow(now, staleMark()); err != nil {
				return err
			}
		}
	}
	return nil
}

func recordedAs(lset labels.Labels, all []*held) *held {
	for _, h := range all {
		if labels.Equal(h.lset, lset) {
			return h
		}
	}
	return nil
}
