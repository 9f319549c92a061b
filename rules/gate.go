package rules

import (
	"fmt"

	"github.com/autorollback/autorollback/runbook"
)

// effect is the trigger's number over its window, whether or not it is a breach. Its
// series carry region and release only.
func (b *book) effect(t runbook.Trigger, s scope) string {
	switch t.Type {
	case runbook.LatencyQuantile:
		return b.quantile(t, s, Candidate) + " / " + b.quantile(t, s, Stable)
	case runbook.KPIDrop:
		return b.level(t, s, Candidate) + " / " + b.level(t, s, Stable)
	default:
		return b.level(t, s, Candidate)
	}
}

// gate keeps the effect if it is as large as the runbook says.
func (b *book) gate(t runbook.Trigger, s scope) string {
	effect := b.effect(t, s)
	switch t.Type {
	case runbook.LatencyQuantile:
		return b.latencyGate(t, s, effect)
	case runbook.KPIDrop:
		return fmt.Sprintf("%s < %s", effect, num(1-float64(t.Drop)))
	default:
		return fmt.Sprintf("%[1]s > %[2]s and on (region, release) %[1]s > %[3]s * %[4]s",
			effect, num(float64(t.Above)), num(minErrorRatio), b.level(t, s, Stable))
	}
}

// level is a side's event share over the trigger's window.
func (b *book) level(t runbook.Trigger, s scope, role Role) string {
	who := []string{match("role", string(role)), match("signal", b.signalOf(t).name)}
	sum := func(series string) string {
		return fmt.Sprintf("sum by (region, release) (sum_over_time(%s[%s]))", s.rec(series, who...), t.For)
	}
	return fmt.Sprintf("(%s / %s)", sum(seriesBad), sum(seriesAll))
}

// buckets is a side's histogram over the trigger's window.
func (b *book) buckets(t runbook.Trigger, s scope, role Role) string {
	return fmt.Sprintf("sum by (region, release%s) (%s)", b.le(),
		b.sided(fmt.Sprintf("rate(%s[%s])", b.histogram(), t.For), s, match("role", string(role))))
}

func (b *book) quantile(t runbook.Trigger, s scope, role Role) string {
	return fmt.Sprintf("histogram_quantile(%s, %s)", num(t.Quantile), b.buckets(t, s, role))
}

// latencyGate adds what a quantile cannot see: above the highest finite bucket it
// stands still, however slow requests become. There a candidate with a whole
// percentage point more requests than stable is slow as well.
func (b *book) latencyGate(t runbook.Trigger, s scope, effect string) string {
	gate := fmt.Sprintf("%s > %s", effect, num(1+float64(t.Increase)))
	top, ok := b.topBucket()
	if !ok {
		return gate
	}
	over := func(role Role) string {
		return fmt.Sprintf("histogram_fraction(%s, +Inf, %s)", num(top), b.buckets(t, s, role))
	}
	return fmt.Sprintf("(%s) or on (region, release) (%s and on (region, release) %s - %s > 0.01)",
		gate, effect, over(Candidate), over(Stable))
}
