package verify

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/rules"
)

// Weights asks for the shares that a target's releases wanted over a stretch of time, as they were
// exported then, each step or as often as Prometheus allows. A partial answer is none.
func (p *Prometheus) Weights(ctx context.Context, service, region, release string, from, to time.Time, step time.Duration) (model.Matrix, error) {
	ctx, cancel := context.WithTimeout(ctx, evidenceTimeout)
	defer cancel()
	query := fmt.Sprintf("max by (release, version) (%s{service=%q,region=%q})", rules.WeightSeries, service, region)
	if release != "" {
		query = fmt.Sprintf("max by (release, version) (%s{service=%q,region=%q,release=%q})", rules.WeightSeries, service, region, release)
	}
	value, warnings, err := p.api.QueryRange(ctx, query, promapi.Range{Start: from, End: to, Step: max(step, to.Sub(from)/maxPoints)})
	if err = promapi.Complete(warnings, err); err != nil {
		return nil, fmt.Errorf("ask Prometheus for the releases of %s: %w", service, err)
	}
	matrix, ok := value.(model.Matrix)
	if !ok {
		return nil, fmt.Errorf("the answer is a %s and should be a matrix", value.Type())
	}
	return matrix, nil
}
