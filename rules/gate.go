package rules

import (
	"fmt"

	"github.com/autorollback/autorollback/runbook"
)

// effect is the trigger's number over its window, whether or not it is a breach. Its
// series carry region and release only.
func (b *book) effect(t runbook.Trigger, s scope) string {
	t = b.instant(t)
	switch t.Type {
	case runbook.LatencyQuantile:
		if t.Increase == 0 {
			return b.quantile(t, s, runbook.Candidate)
		}
		return b.slower(t, s)
	case runbook.KPIDrop:
		return b.level(t, s, runbook.Candidate) + " / " + b.level(t, s, runbook.Stable)
	case runbook.ErrorIncrease, runbook.Compare:
		return b.level(t, s, runbook.Candidate) + " - " + b.level(t, s, runbook.Stable)
	case runbook.NullSpike, runbook.DistributionShift:
		return b.partEffect(t, s)
	case runbook.Anomaly:
		return fmt.Sprintf("max by (region, release) (%s)", s.rec(seriesBreach, match("trigger", t.Name)))
	case runbook.DriftGauge:
		return b.drifted(s, runbook.Candidate)
	default:
		return b.level(t, s, runbook.Candidate)
	}
}

// gate keeps the effect if it is as large as the runbook says.
func (b *book) gate(t runbook.Trigger, s scope) string {
	effect := b.effect(t, s)
	t = b.instant(t)
	switch t.Type {
	case runbook.LatencyQuantile:
		return b.latencyGate(t, s, effect)
	case runbook.KPIDrop:
		return fmt.Sprintf("%s < %s", effect, num(1-float64(t.Drop)))
	case runbook.NullSpike, runbook.DistributionShift:
		return b.partGate(t, s)
	case runbook.CanaryStarved:
		return fmt.Sprintf("%s < %s", effect, num(float64(t.Below)))
	case runbook.ErrorIncrease, runbook.Compare:
		return fmt.Sprintf("%s > %s and on (region, release) %s > %s * %s",
			effect, num(float64(t.By)), b.level(t, s, runbook.Candidate), num(t.MinRatio), b.level(t, s, runbook.Stable))
	default:
		return fmt.Sprintf("%s > on (region, release) clamp_min(%s * %s, %s)",
			effect, num(minErrorRatio), b.level(t, s, runbook.Stable), num(float64(t.Above)))
	}
}

// level is a side's event share over the trigger's window.
func (b *book) level(t runbook.Trigger, s scope, role runbook.Role) string {
	who := []string{match("role", string(role)), match("signal", b.signalOf(t).name)}
	sum := func(series string) string {
		return fmt.Sprintf("sum by (region, release) (sum_over_time(%s[%s]))", s.rec(series, who...), t.For)
	}
	return fmt.Sprintf("(%s / %s)", sum(seriesBad), sum(seriesAll))
}

// buckets is a side's histogram over the trigger's window, or some of its buckets.
func (b *book) buckets(t runbook.Trigger, s scope, role runbook.Role, some ...string) string {
	return fmt.Sprintf("sum by (region, release%s) (%s)", b.le(),
		b.sided(fmt.Sprintf("rate(%s[%s])", b.histogram(some...), t.For), s, match("role", string(role))))
}

// quantile is a side's quantile over the trigger's window, as recorded.
func (b *book) quantile(t runbook.Trigger, s scope, role runbook.Role) string {
	return fmt.Sprintf("sum by (region, release) (%s)",
		s.rec(seriesQuantile, match("role", string(role)), match("quantile", num(t.Quantile)), match("window", t.For.String())))
}

// slower is how many times stable's quantile the candidate's is.
func (b *book) slower(t runbook.Trigger, s scope) string {
	return b.quantile(t, s, runbook.Candidate) + " / " + b.quantile(t, s, runbook.Stable)
}

// latencyGate is the increase over stable, the ceiling, or either of the two. Above
// the ceiling the candidate is to blame only if it is slower than stable.
func (b *book) latencyGate(t runbook.Trigger, s scope, effect string) string {
	if t.Ceiling == 0 {
		return b.increaseGate(t, s, effect)
	}
	over := fmt.Sprintf("%s > %s and on (region, release) %s > 1", b.quantile(t, s, runbook.Candidate), num(t.Ceiling.Std().Seconds()), b.slower(t, s))
	if t.Increase == 0 {
		return over
	}
	return fmt.Sprintf("(%s) or on (region, release) (%s and on (region, release) (%s))", b.increaseGate(t, s, effect), effect, over)
}

// increaseGate adds what a quantile cannot see: above the highest finite bucket it
// stands still, however slow requests become. There a candidate with a whole
// percentage point more requests than stable is slow as well.
func (b *book) increaseGate(t runbook.Trigger, s scope, effect string) string {
	gate := fmt.Sprintf("%s > %s", effect, num(1+float64(t.Increase)))
	top, ok := b.topBucket()
	if !ok {
		return gate
	}
	over := func(role runbook.Role) string {
		return fmt.Sprintf("histogram_fraction(%s, +Inf, %s)", num(top), b.buckets(t, s, role, b.aboveTop(top)))
	}
	return fmt.Sprintf("(%s) or on (region, release) (%s and on (region, release) %s - %s > 0.01)",
		gate, effect, over(runbook.Candidate), over(runbook.Stable))
}
