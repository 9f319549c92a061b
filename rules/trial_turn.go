package rules

import (
	"context"
	"fmt"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// readsItself reports whether a rule may read what it recorded before. A text that cannot
// be parsed reads nothing, and fails when it is evaluated.
func readsItself(r Rule, text string) bool {
	reads, _ := readingsOf(text)
	return r.Record != "" && slices.ContainsFunc(reads, func(s reading) bool { return s.name == r.Record })
}

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

func (p *player) ask(ctx context.Context, t *trial, from shelf, text string, step int) (found promql.Vector, err error) {
	q, err := p.engine.NewInstantQuery(ctx, from, nil, text, t.at(step))
	err = execute(ctx, q, err, func(v parser.Value) error {
		some, ok := v.(promql.Vector)
		if !ok {
			return fmt.Errorf("evaluate: the answer is a %s", v.Type())
		}
		found = slices.Clone(some)
		return nil
	})
	return found, err
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
