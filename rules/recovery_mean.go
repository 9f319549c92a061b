package rules

import (
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// leastVarianceOver is the shortest look at the variance of a mean: great values are
// rare, and without them chance looks smaller than it is.
const leastVarianceOver = runbook.Duration(time.Hour)

// businessMean is the check of a KPI that is a mean.
func (q Questions) businessMean(c runbook.BusinessCheck, kpi runbook.KPI, now, before window) Recovery {
	long := q.b.window(max(q.b.look(), leastVarianceOver), now.where...)
	return Recovery{
		Name: "kpi " + kpi.Name, Business: true, Unit: kpi.Unit, Floor: true,
		Now:      q.b.mustParse(now.ratio(counterOf(kpi.Sum), counterOf(kpi.Trials))),
		Before:   q.b.mustParse(before.ratio(counterOf(kpi.Sum), counterOf(kpi.Trials))),
		Samples:  q.b.mustParse(now.count(counterOf(kpi.Trials))),
		Variance: q.b.mustParse(long.variance(kpi)),
		Relative: float64(c.Tolerance), MinSamples: q.b.minRequests(),
	}
}
