package rules

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/sim"
)

// A till adds up what orders bring: log-normal values, few of them great.
type till struct {
	worth            func(since time.Duration) float64 // the median order
	sigma            float64
	revenue, squared float64
}

func (t *till) take(rnd *rand.Rand, orders float64, since time.Duration) {
	if t == nil {
		return
	}
	for range int(orders) {
		v := t.worth(since) * math.Exp(t.sigma*rnd.NormFloat64())
		t.revenue, t.squared = t.revenue+v, t.squared+v*v
	}
}

func (t *till) scrape(put func(string, float64, ...string)) {
	if t == nil || t.revenue == 0 {
		return // such series appear with the first order
	}
	put("revenue_total", t.revenue)
	put("revenue_squared_total", t.squared)
}

func shop() *runbook.Runbook { return sim.Shop() }

// tilled gives every pod a till; the candidate's orders are worth less from the onset on.
func tilled(pods []*pod, worth float64) []*pod {
	for _, p := range pods {
		p.converts = constant(0.1)
		p.till = &till{worth: constant(20), sigma: 1}
		if p.candidate() {
			p.till.worth = after(onset, 20, worth)
		}
	}
	return pods
}
