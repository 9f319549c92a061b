package rules

import (
	"math"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A Recovery is one check of what users get now from any version. Every expression
// answers with one series without labels, or with none if there is no data.
type Recovery struct {
	Name     string // "error rate", "p95 latency", "mean latency of infer", "kpi conversion"
	Business bool
	Unit     string // "ratio" or "s"; of a mean its own, which may be empty
	Now      Expr   // the level now, over all versions
	Before   Expr   // the stable side's level: evaluate it at the breach's time minus the trigger's window
	Samples  Expr   // requests (or trials) behind Now
	Then     Expr   // of a business check: trials behind Before, asked about the same moment; otherwise zero
	Variance Expr   // of a mean: the variance of one trial, over all versions; otherwise zero

	Floor      bool    // Now must be at least the limit; otherwise at most
	Absolute   float64 // a limit whatever the level before; 0: none
	Relative   float64 // tolerated share of the level before, 0.15 = 15 %
	Added      float64 // tolerated on top of the level before, in the check's unit
	MinSamples float64 // with fewer nobody can tell
}

// Limit is the bound that Now must keep, given the level before. If that is not known,
// pass a NaN: the absolute limit alone holds, or NaN if there is none.
func (r Recovery) Limit(before float64) float64 {
	limit := before*(1+r.Relative) + r.Added
	if r.Floor {
		limit = before*(1-r.Relative) - r.Added
	}
	switch {
	case r.Absolute == 0:
		return limit
	case math.IsNaN(limit):
		return r.Absolute
	case r.Floor:
		return max(limit, r.Absolute)
	default:
		return min(limit, r.Absolute)
	}
}

// leastBefore is the shortest look at the level before; a minute of it is noise.
const leastBefore = runbook.Duration(5 * time.Minute)

// Recovery is what must be good for users, one entry for each check of the runbook,
// each over the verification window.
func (q Questions) Recovery(rel record.Release) []Recovery {
	now := q.b.window(q.b.look(), q.b.inRegion(rel.Region))
	before := q.b.window(max(q.b.look(), leastBefore), q.side(rel, runbook.Stable)...)
	out := []Recovery{q.errors(now, before)}
	if c := q.b.Verification.System.Latency; c != nil {
		if l, ok := q.b.Metrics.LatencyOf(c.Latency); ok {
			out = append(out, q.latency(*c, l, now, before))
		}
	}
	for _, c := range q.b.Verification.Business {
		if kpi, ok := q.b.KPI(c.KPI); ok {
			out = append(out, q.business(c, kpi, now, before))
		}
	}
	return out
}

func (q Questions) errors(now, before window) Recovery {
	c := q.b.Verification.System.ErrorRate
	return Recovery{
		Name: "error rate", Unit: "ratio",
		Now: q.b.mustParse(now.errorRate()), Before: q.b.mustParse(before.errorRate()), Samples: q.b.mustParse(now.requests()),
		Absolute: float64(c.Below), Added: float64(c.Tolerance), MinSamples: q.b.minRequests(),
	}
}

func (q Questions) latency(c runbook.LatencyCheck, l runbook.Latency, now, before window) Recovery {
	return Recovery{
		Name: latencyName(c.Quantile, c.Latency), Unit: "s",
		Now: q.b.mustParse(toSeconds(l.Unit, now.latency(l, c.Quantile))), Before: q.b.mustParse(toSeconds(l.Unit, before.latency(l, c.Quantile))),
		Samples:  q.b.mustParse(now.observed(l)),
		Absolute: c.Below.Std().Seconds(), Relative: float64(c.Tolerance), MinSamples: q.b.minRequests(),
	}
}

func (q Questions) business(c runbook.BusinessCheck, kpi runbook.KPI, now, before window) Recovery {
	if kpi.IsMean() {
		return q.businessMean(c, kpi, now, before)
	}
	return Recovery{
		Name: "kpi " + kpi.Name, Business: true, Unit: "ratio", Floor: true,
		Now: q.b.mustParse(now.gain(kpi)), Before: q.b.mustParse(before.gain(kpi)),
		Samples: q.b.mustParse(now.trials(kpi)), Then: q.b.mustParse(before.trials(kpi)),
		Relative: float64(c.Tolerance), MinSamples: q.b.minRequests(),
	}
}

// leastVarianceOver is the shortest look at the variance of a mean: great values are
// rare, and without them chance looks smaller than it is.
const leastVarianceOver = runbook.Duration(time.Hour)

// businessMean is the check of a KPI that is a mean.
func (q Questions) businessMean(c runbook.BusinessCheck, kpi runbook.KPI, now, before window) Recovery {
	long := q.b.window(max(q.b.look(), leastVarianceOver), now.where...)
	return Recovery{
		Name: "kpi " + kpi.Name, Business: true, Unit: kpi.Unit, Floor: true,
		Now:      q.b.mustParse(now.gain(kpi)),
		Before:   q.b.mustParse(before.gain(kpi)),
		Samples:  q.b.mustParse(now.trials(kpi)),
		Then:     q.b.mustParse(before.trials(kpi)),
		Variance: q.b.mustParse(long.variance(kpi)),
		Relative: float64(c.Tolerance), MinSamples: q.b.minRequests(),
	}
}
