package quality

import (
	"math"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// A check is one trigger of the runbook as a plain condition on one window, as other
// tools ask it.
type check struct {
	name  string
	span  time.Duration
	kpi   bool
	value func(look) float64 // NaN: no data
	bad   func(float64) bool
	// series are what a test of points compares, and which way is worse: +1, -1 or 0.
	series []series
}

type series struct {
	worse int
	of    func(look, Reading) float64
}

func checksOf(rb *runbook.Runbook, features int) []check {
	var out []check
	for _, t := range rb.Triggers {
		c := check{name: t.Name, span: t.For.Std()}
		switch t.Type {
		case runbook.LatencyQuantile:
			c.value = func(l look) float64 { return l.quantile(t.Quantile, l.candidate) / l.quantile(t.Quantile, l.stable) }
			c.bad = above(1 + float64(t.Increase))
			c.series = []series{{1, func(l look, r Reading) float64 { return l.quantile(t.Quantile, r) }}}
		case runbook.ErrorRate:
			c.value = func(l look) float64 { return errorRate(l.candidate) }
			c.bad = above(float64(t.Above))
			c.series = []series{{1, func(_ look, r Reading) float64 { return errorRate(r) }}}
		case runbook.KPIDrop:
			c.kpi = true
			c.value = func(l look) float64 { return conversion(l.candidate) / conversion(l.stable) }
			c.bad = below(1 - float64(t.Drop))
			c.series = []series{{-1, func(_ look, r Reading) float64 { return conversion(r) }}}
		case runbook.NullSpike:
			c.value, c.bad = look.missing, above(float64(t.By))
			for i := range features {
				c.series = append(c.series, series{1, func(l look, r Reading) float64 { return l.nulls(r, i) }})
			}
		case runbook.SchemaMismatch:
			c.value = func(l look) float64 { return mismatches(l.candidate) }
			c.bad = above(float64(t.Above))
			c.series = []series{{1, func(_ look, r Reading) float64 { return mismatches(r) }}}
		case runbook.DistributionShift:
			c.value, c.bad = look.distance, above(float64(t.Distance))
			c.series = []series{{0, func(l look, r Reading) float64 { return l.middle(r) }}}
		case runbook.CanaryStarved:
			c.value = func(l look) float64 { return requests(l.candidate) / l.due }
			c.bad = below(float64(t.Below))
		default: // error_increase is ours; the runbook of others has one error rule
			continue
		}
		out = append(out, c)
	}
	return out
}

func above(limit float64) func(float64) bool { return func(v float64) bool { return v > limit } }
func below(limit float64) func(float64) bool { return func(v float64) bool { return v < limit } }

// middle is the share of scores up to the middle bound.
func (l look) middle(r Reading) float64 {
	return l.cumulated(r)[len(l.shape.Score)/2]
}

// worseThanChance is a one-sided z-test of two proportions at 5 %.
func worseThanChance(l look) bool {
	n, m := l.candidate[atTrials], l.stable[atTrials]
	p := (l.candidate[atSuccesses] + l.stable[atSuccesses]) / (n + m)
	z := (conversion(l.stable) - conversion(l.candidate)) / math.Sqrt(p*(1-p)*(1/n+1/m))
	return z > 1.645
}
