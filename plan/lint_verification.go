package plan

import (
	"fmt"
	"math"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/runbook"
)

// lintVerification finds checks that could not prove recovery in time.
func (p Plan) lintVerification() []Lint {
	var out []Lint
	v, window := p.rb.Verification, p.window
	if have := p.Traffic.Rate * window.Std().Seconds(); have < analysis.MinRequests(p.rb) {
		out = append(out, Lint{LintError, "verification.min_requests", fmt.Sprintf("%s have %.0f requests of %.0f: after every rollback the verdict would be that nobody can tell", window, have, analysis.MinRequests(p.rb)),
			fmt.Sprintf("write `window: %s` or longer, or fewer requests", span2(fromSeconds(analysis.MinRequests(p.rb)/p.Traffic.Rate)))})
	}
	within := v.Within
	if within <= 0 {
		within = runbook.Duration(runbook.VerifyWithin)
	}
	for i, c := range v.Business {
		k, ok := p.Traffic.KPIs[c.KPI]
		if !ok {
			continue
		}
		kpi, _ := p.rb.KPI(c.KPI)
		have := p.Traffic.Rate * k.Trials * within.Std().Seconds()
		need := k.need(float64(c.Tolerance))
		if need <= have {
			continue
		}
		least := p.leastTolerance(k, have)
		mend := "count a business event that is more frequent"
		if least > 0 {
			mend = fmt.Sprintf("write `tolerance: %s`, or %s", short(math.Ceil(least*1e3)/1e3), mend)
		}
		out = append(out, Lint{LintWarning, fmt.Sprintf("verification.business[%d]", i),
			fmt.Sprintf("%s cannot be proved within %s at this traffic: %.0f trials are needed to tell %s from %s, and there are %.0f; the verdict will say so", c.KPI, within, need, p.level(kpi, k.Rate*(1-float64(c.Tolerance))), p.level(kpi, k.Rate), have), mend})
	}
	return out
}

// leastTolerance is the smallest one that so many trials can prove; 0 if none.
func (p Plan) leastTolerance(k Baseline, have float64) float64 {
	if k.need(0.99) > have {
		return 0
	}
	from, to := 0.0, 0.99
	for range 40 {
		if mid := (from + to) / 2; k.need(mid) <= have {
			to = mid
		} else {
			from = mid
		}
	}
	return to
}
