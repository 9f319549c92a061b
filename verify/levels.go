package verify

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/promapi"
)

// Levels asks for the one number of an expression over a stretch of time, oldest first. A partial
// answer is none, and so is one with several series.
func (p *Prometheus) Levels(ctx context.Context, expr string, from, to time.Time, step time.Duration) ([]model.SamplePair, error) {
	ctx, cancel := context.WithTimeout(ctx, evidenceTimeout)
	defer cancel()
	value, warnings, err := p.api.QueryRange(ctx, expr, promapi.Range{Start: from, End: to, Step: max(step, to.Sub(from)/maxPoints)})
	if err = promapi.Complete(warnings, err); err != nil {
		return nil, fmt.Errorf("ask Prometheus: %w", err)
	}
	matrix, ok := value.(model.Matrix)
	switch {
	case !ok:
		return nil, fmt.Errorf("the answer is a %s and should be a matrix", value.Type())
	case len(matrix) > 1:
		return nil, fmt.Errorf("the answer has %d series and should have one", len(matrix))
	case len(matrix) == 0:
		return nil, nil
	}
	return matrix[0].Values, nil
}
