package rules

import (
	"slices"

	"github.com/autorollback/autorollback/runbook"
)

// errorLimit is the lowest error share that the runbook calls too much for any
// version, 1 if it names none.
func (b *book) errorLimit() float64 {
	least := 1.0
	if v := float64(b.Verification.System.ErrorRate.Below); v > 0 {
		least = v
	}
	for _, t := range b.Triggers {
		if t.Above > 0 && t.Type != runbook.SchemaMismatch {
			least = min(least, float64(t.Above))
		}
	}
	return least
}

type latencyLimit struct{ quantile, seconds float64 }

// latencyLimits are the lowest limits for each quantile, ascending.
func (b *book) latencyLimits() []latencyLimit {
	var out []latencyLimit
	add := func(q float64, limit runbook.Duration) {
		if limit <= 0 || q <= 0 {
			return
		}
		l := latencyLimit{q, limit.Std().Seconds()}
		if i := slices.IndexFunc(out, func(o latencyLimit) bool { return o.quantile == q }); i >= 0 {
			out[i].seconds = min(out[i].seconds, l.seconds)
			return
		}
		out = append(out, l)
	}
	if c := b.Verification.System.Latency; c != nil && b.Metrics.Latency != nil {
		add(c.Quantile, c.Below)
	}
	for _, t := range b.Triggers {
		add(t.Quantile, t.Ceiling)
	}
	slices.SortFunc(out, func(a, b latencyLimit) int {
		if a.quantile < b.quantile {
			return -1
		}
		return 1
	})
	return out
}
