package plan

import (
	"fmt"
	"math"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/runbook"
)

// A kind is the planning formula for one type of comparative trigger. There is none for a
// type that is not in the table.
type kind struct {
	field    string // of the trigger, that holds the size of the effect
	size     func(t runbook.Trigger) float64
	measured func(value float64) float64 // a measured value as an effect
	largest  float64                     // the greatest effect that means anything
	sides    func(p Plan, t runbook.Trigger, effect float64, h *analysis.Harm)
	passes   func(p Plan, t runbook.Trigger, effect float64) bool // the gate; nil: always
	closed   func(p Plan, t runbook.Trigger) string               // why not even the largest effect passes
	tell     func(p Plan, t runbook.Trigger, effect float64) string
}

var kinds = map[runbook.TriggerType]kind{
	runbook.ErrorRate: {
		field: "above", largest: 0.99,
		size:     func(t runbook.Trigger) float64 { return float64(t.Above) },
		measured: func(value float64) float64 { return value },
		sides: func(p Plan, _ runbook.Trigger, effect float64, h *analysis.Harm) {
			h.Stable, h.Candidate = p.Traffic.ErrorRate, effect
		},
		passes: func(p Plan, _ runbook.Trigger, effect float64) bool {
			return effect >= runbook.MinErrorRatio*p.Traffic.ErrorRate
		},
		closed: func(p Plan, _ runbook.Trigger) string {
			return fmt.Sprintf("no error share is %s times the usual %s", num(runbook.MinErrorRatio), short(p.Traffic.ErrorRate))
		},
		tell: func(p Plan, _ runbook.Trigger, effect float64) string {
			return fmt.Sprintf("%s errors from %s", short(effect), short(p.Traffic.ErrorRate))
		},
	},
	runbook.LatencyQuantile: {
		field: "increase", largest: 20,
		size:     func(t runbook.Trigger) float64 { return float64(t.Increase) },
		measured: func(value float64) float64 { return value - 1 },
		sides: func(p Plan, t runbook.Trigger, effect float64, h *analysis.Harm) {
			h.Stable, h.Candidate = p.slow(t, effect)
		},
		passes: Plan.reads,
		closed: func(p Plan, t runbook.Trigger) string {
			_, top, _ := p.topBucket(t.Latency)
			return fmt.Sprintf("the histogram ends at %s, where the %s is already: no slowdown can be read", top, percentile(t.Quantile))
		},
		tell: func(p Plan, t runbook.Trigger, effect float64) string {
			at := p.latency(t.Latency, 0).quantile(t.Quantile)
			return fmt.Sprintf("a %s of %s from %s", percentile(t.Quantile), millis(at*(1+effect)), millis(at))
		},
	},
	runbook.KPIDrop: {
		field: "drop", largest: 0.99,
		size:     func(t runbook.Trigger) float64 { return float64(t.Drop) },
		measured: func(value float64) float64 { return 1 - value },
		sides: func(p Plan, t runbook.Trigger, effect float64, h *analysis.Harm) {
			k := p.Traffic.KPIs[t.KPI]
			h.Rate *= k.Trials
			h.Stable, h.Candidate = k.Rate, k.Rate*(1-effect)
			if k.Spread > 0 {
				h.Stable, h.Candidate, h.Variation = 1, 1-effect, k.variation()
			}
		},
		tell: func(p Plan, t runbook.Trigger, effect float64) string {
			rate := p.Traffic.KPIs[t.KPI].Rate
			k, _ := p.rb.KPI(t.KPI)
			return fmt.Sprintf("%s of %s from %s", t.KPI, p.level(k, rate*(1-effect)), p.level(k, rate))
		},
	},
}

// planned reports whether there is a planning formula for the trigger's type.
func planned(t runbook.Trigger) bool {
	_, ok := kinds[t.Type]
	return ok || t.Type == runbook.AbsoluteSLO
}

// harms are what the comparative triggers look for, by name.
func harms(rb *runbook.Runbook) (map[string]analysis.Harm, error) {
	out := map[string]analysis.Harm{}
	for _, t := range rb.Triggers {
		if kinds[t.Type].size == nil {
			continue
		}
		h, err := analysis.NewHarm(rb, t)
		if err != nil {
			return nil, err
		}
		out[t.Name] = h
	}
	return out, nil
}

// harm is an effect of that size as the trigger's statistic sees it.
func (p Plan) harm(t runbook.Trigger, effect float64) analysis.Harm {
	traffic := p.Traffic
	h := p.harms[t.Name]
	h.Rate, h.Dispersion, h.Pods = traffic.Rate, traffic.Dispersion, traffic.CandidatePods
	if p.rb.Metrics.ByRouter() { // no pod guard waits for a second pod
		h.Pods = 1
	}
	if _, told := traffic.Sources["dispersion"]; told && traffic.StablePods >= analysis.LeastPods {
		h.Learners = traffic.StablePods
	}
	kinds[t.Type].sides(p, t, effect, &h)
	return h
}

// gates is the least effect from the named one on that passes the trigger's gate, were
// there no chance. It differs from the named one where buckets are wide, or errors are
// common already. False if not even the largest effect passes.
func (p Plan) gates(t runbook.Trigger) (float64, bool) {
	k := kinds[t.Type]
	passes := func(effect float64) bool { return k.passes == nil || k.passes(p, t, effect) }
	from, to := k.size(t), k.largest
	if passes(from) {
		return from, true
	}
	if !passes(to) {
		return 0, false
	}
	for range 40 {
		if mid := (from + to) / 2; passes(mid) {
			to = mid
		} else {
			from = mid
		}
	}
	return to, true
}

// sized writes an effect in the trigger's own field.
func sized(t runbook.Trigger, effect float64) string {
	digits := math.Pow(10, 2-math.Floor(math.Log10(effect))) // three, rounded up
	return kinds[t.Type].field + ": " + short(math.Ceil(effect*digits-1e-9)/digits)
}

// assumedSpread is that of a revenue where 3 % of the trials bring anything, and what
// they bring is log-normal with sigma 1: √(e/0.03).
const assumedSpread = 9.5

// variation is the squared coefficient of variation of one trial.
func (k Baseline) variation() float64 {
	if k.Spread > 0 {
		return k.Spread * k.Spread
	}
	return (1 - k.Rate) / k.Rate
}

// need is how many trials each of two samples needs to tell the level from one that is
// lower by a share of it.
func (k Baseline) need(lower float64) float64 {
	if k.Spread > 0 {
		return analysis.MeanTrials(k.variation(), lower)
	}
	return analysis.Trials(k.Rate, k.Rate*(1-lower))
}

// level writes the KPI's level in its unit.
func (p Plan) level(k runbook.KPI, value float64) string {
	if !k.IsMean() {
		return short(value)
	}
	text := fmt.Sprintf("%.3g", value)
	if k.Unit != "" {
		text += " " + k.Unit
	}
	return text
}
