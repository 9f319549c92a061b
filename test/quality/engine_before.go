package quality

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// measure asks, as the daemon does, for the dispersion of the stable pods before the
// release: once, when its first pod appears.
func (e *Engine) measure(ctx context.Context, t Tick) error {
	began := func(s Scrape) bool { return s.Role == runbook.Candidate }
	if e.before != nil || !slices.ContainsFunc(t.Scrapes, began) {
		return nil
	}
	ask, err := rules.Ask(e.rb)
	if err != nil {
		return fmt.Errorf("measure before the release: %w", err)
	}
	at := e.begin.Add(t.Now - e.shape.Interval)
	rel := runbook.Release{Service: e.rb.Service, Region: runbook.DefaultRegion, ID: "r1", StartedAt: at,
		Stable: runbook.Side{Version: "v1"}, Candidate: runbook.Side{Version: "v2"}}
	e.before = map[string]float64{}
	for _, q := range ask.Before(rel) {
		asked, err := e.query.NewInstantQuery(ctx, e.db, nil, q.Expr.String(), at)
		if err != nil {
			return fmt.Errorf("measure %s before the release: %w", q.Signal, err)
		}
		found, err := asked.Exec(ctx).Vector()
		if err != nil {
			return fmt.Errorf("measure %s before the release: %w", q.Signal, err)
		}
		for _, v := range found {
			if phi := v.F; phi > 0 && !math.IsInf(phi, 0) {
				e.before[q.Signal] = phi
			}
		}
		asked.Close()
	}
	return nil
}
