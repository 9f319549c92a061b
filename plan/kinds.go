package plan

import (
	"fmt"
	"math"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/runbook"
)

// planned reports whether there is a planning formula for the trigger's type.
func planned(t runbook.Trigger) bool {
	switch t.Type {
	case runbook.ErrorRate, runbook.LatencyQuantile, runbook.KPIDrop, runbook.AbsoluteSLO:
		return true
	}
	return false
}

// size is the number of a comparative trigger: a share, an increase or a drop.
func size(t runbook.Trigger) float64 {
	switch t.Type {
	case runbook.LatencyQuantile:
		return float64(t.Increase)
	case runbook.KPIDrop:
		return float64(t.Drop)
	default:
		return float64(t.Above)
	}
}

// largest is the greatest effect that means anything.
func largest(t runbook.Trigger) float64 {
	if t.Type == runbook.LatencyQuantile {
		return 20
	}
	return 0.99
}

// harms are what the comparative triggers look for, by name.
func harms(rb *runbook.Runbook) (map[string]analysis.Harm, error) {
	out := map[string]analysis.Harm{}
	for _, t := range rb.Triggers {
		if !planned(t) || !analysis.Comparative(t) {
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
	if _, told := traffic.Sources["dispersion"]; told && traffic.StablePods >= analysis.LeastPods {
		h.Learners = traffic.StablePods
	}
	switch t.Type {
	case runbook.LatencyQuantile:
		h.Stable, h.Candidate = p.slow(t, effect)
	case runbook.KPIDrop:
		k := traffic.KPIs[t.KPI]
		h.Rate *= k.Trials
		if k.Spread > 0 {
			h.Stable, h.Candidate, h.Variation = 1, 1-effect, k.variation()
			break
		}
		h.Stable, h.Candidate = k.Rate, k.Rate*(1-effect)
	default:
		h.Stable, h.Candidate = traffic.ErrorRate, effect
	}
	return h
}

// gates is the least effect from the named one on that passes the trigger's gate, were
// there no chance. It differs from the named one where buckets are wide, or errors are
// common already. False if not even the largest effect passes.
func (p Plan) gates(t runbook.Trigger) (float64, bool) {
	passes := func(effect float64) bool {
		switch t.Type {
		case runbook.LatencyQuantile:
			return p.reads(t, effect)
		case runbook.ErrorRate:
			return effect >= analysis.MinErrorRatio*p.Traffic.ErrorRate
		}
		return true
	}
	from, to := size(t), largest(t)
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

// tell says what the trigger must tell from what.
func (p Plan) tell(t runbook.Trigger, effect float64) string {
	switch t.Type {
	case runbook.LatencyQuantile:
		at := p.latency(0).quantile(t.Quantile)
		return fmt.Sprintf("a %s of %s from %s", percentile(t.Quantile), millis(at*(1+effect)), millis(at))
	case runbook.KPIDrop:
		rate := p.Traffic.KPIs[t.KPI].Rate
		k, _ := p.rb.KPI(t.KPI)
		return fmt.Sprintf("%s of %s from %s", t.KPI, p.level(k, rate*(1-effect)), p.level(k, rate))
	case runbook.AbsoluteSLO:
		return "any version over its limit"
	}
	return fmt.Sprintf("%s errors from %s", short(effect), short(p.Traffic.ErrorRate))
}

// sized writes an effect in the trigger's own field.
func sized(t runbook.Trigger, effect float64) string {
	field := map[runbook.TriggerType]string{runbook.LatencyQuantile: "increase", runbook.KPIDrop: "drop", runbook.ErrorRate: "above"}[t.Type]
	digits := math.Pow(10, 2-math.Floor(math.Log10(effect))) // three, rounded up
	return field + ": " + short(math.Ceil(effect*digits-1e-9)/digits)
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
