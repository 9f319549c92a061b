package plan

import (
	"fmt"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/runbook"
)

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
