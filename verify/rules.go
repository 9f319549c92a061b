package verify

import (
	"context"
	"errors"
	"time"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// rulesTimeout bounds the comparison of all rules: of ten thousand services Prometheus
// answers for more than a hundred megabytes.
const rulesTimeout = 2 * time.Minute

// Rules compares what Prometheus has loaded, and how often it scrapes, with what the
// runbooks ask for. An error means that its rules could not be asked for: where an API
// has no rules, as behind some query front-ends, nothing is known of them. Targets that
// cannot be asked for are passed over.
func (p *Prometheus) Rules(ctx context.Context, runbooks []*runbook.Runbook) ([]rules.Drift, error) {
	ctx, cancel := context.WithTimeout(ctx, rulesTimeout)
	defer cancel()
	api, ok := p.api.(rules.API)
	if !ok {
		return nil, errors.New("this API has no rules")
	}
	drifts, err := p.verifier.Live(ctx, runbooks, api)
	if err != nil {
		return nil, err
	}
	if targets, ok := p.api.(rules.Targets); ok {
		if slow, err := rules.VerifyScrape(ctx, runbooks, targets); err == nil {
			drifts = append(drifts, slow...)
		}
	}
	return drifts, nil
}
