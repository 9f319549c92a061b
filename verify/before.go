package verify

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// beforeTimeout bounds the questions about the hour before a release: they read an hour
// of every stable pod, once for each release.
const beforeTimeout = 30 * time.Second

// Before asks for the dispersion of the stable pods in the hour before the release
// began, by signal; a signal without data is left out. An error means that Prometheus
// did not answer.
func (p *Prometheus) Before(ctx context.Context, q rules.Questions, rel runbook.Release) (map[string]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, beforeTimeout)
	defer cancel()
	patient := &Prometheus{p.api, beforeTimeout}
	out := map[string]float64{}
	for _, s := range q.Before(rel) {
		r := patient.askOne(ctx, question{name: s.Signal, expr: s.Expr, at: rel.Began()})
		if v, ok := r.one(); ok && v > 0 && !math.IsInf(v, 0) {
			out[s.Signal] = v
		} else if r.state == runbook.Unreachable {
			return nil, errors.New("ask Prometheus for the time before the release: " + s.Signal + ": " + r.problem)
		}
	}
	return out, nil
}
