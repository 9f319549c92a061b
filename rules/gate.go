package rules

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// settled is how many intervals after a change of weights the router, and what is
// scraped of the pods, must have followed.
const settled = 6

// same joins what is known of the two sides of a release.
const same = "on (region, release)"

// gate keeps the effect if it is as large as the runbook says, of either view.
func (b *book) gate(t runbook.Trigger, v view) string {
	effect := b.effect(t, v)
	switch t.Type {
	case runbook.LatencyQuantile:
		return b.latencyGate(t, v)
	case runbook.KPIDrop:
		return fmt.Sprintf("%s < %s", effect, num(1-float64(t.Drop)))
	case runbook.NullSpike:
		return fmt.Sprintf("%s > %s", effect, num(float64(t.By)))
	case runbook.DistributionShift:
		return fmt.Sprintf("%s > %s", effect, num(shiftLimit(t)))
	case runbook.CanaryStarved:
		return fmt.Sprintf("%s < %s unless %s %s", effect, num(float64(t.Below)), same, v.moved(t.For+settled*b.Metrics.Interval))
	case runbook.ErrorIncrease, runbook.Compare:
		c, s := b.sides(t, v)
		return fmt.Sprintf("%s > %s and %s %s > %s %s * %s", effect, num(float64(t.By)), same, c, same, num(t.MinRatio), s)
	case runbook.Anomaly:
		return v.while(b.anomalies[t.Name])
	case runbook.DriftGauge:
		c, s := b.sides(t, v)
		return fmt.Sprintf("%s > 1 unless %s %s > 1", only(c), same, s)
	default:
		c, s := b.sides(t, v)
		return fmt.Sprintf("%s > %s clamp_min(%s * %s, %s)", c, same, num(analysis.MinErrorRatio), s, num(float64(t.Above)))
	}
}

// effect is the trigger's number whether or not it is a breach.
func (b *book) effect(t runbook.Trigger, v view) string {
	if t.Type == runbook.Anomaly {
		return fmt.Sprintf("(%s or vector(0))", v.while(b.anomalies[t.Name]))
	}
	c, s := b.sides(t, v)
	switch t.Type {
	case runbook.LatencyQuantile:
		if t.Increase == 0 {
			return only(c)
		}
		return fmt.Sprintf("%s / %s %s", c, same, s)
	case runbook.KPIDrop:
		return fmt.Sprintf("%s / %s %s", c, same, s)
	case runbook.ErrorIncrease, runbook.Compare:
		return fmt.Sprintf("%s - %s %s", c, same, s)
	case runbook.NullSpike:
		return fmt.Sprintf("max by (region, release) (%[1]s - on (region, release, part) %[2]s or on (region, release, part) (%[1]s and %[3]s %[2]s))", c, s, same)
	case runbook.DistributionShift:
		return shift(t, c, s)
	case runbook.CanaryStarved:
		c = fmt.Sprintf("(%s or %s 0 * %s)", c, same, s) // no series: it gets nothing
		return fmt.Sprintf("%[1]s / %[3]s (%[1]s + %[3]s %[2]s > 0) / %[3]s %[4]s", c, s, same, v.wanted())
	default:
		return only(c)
	}
}

// only drops what else a side's level carries.
func only(side string) string { return fmt.Sprintf("max by (region, release) (%s)", side) }

func (b *book) sides(t runbook.Trigger, v view) (candidate, stable string) {
	l := b.level(t)
	return v.side(l, runbook.Candidate), v.side(l, runbook.Stable)
}

// latencyGate is the increase over stable, the ceiling, or either of the two. Above the
// ceiling the candidate is to blame only if it is slower than stable. Above the highest
// finite bucket a quantile stands still, however slow requests become: there a candidate
// with a whole percentage point more requests than stable is slow as well.
func (b *book) latencyGate(t runbook.Trigger, v view) string {
	c, s := b.sides(t, v)
	over := fmt.Sprintf("%s > %s clamp_min(%s, %s)", c, same, s, num(t.Ceiling.Std().Seconds()))
	if t.Increase == 0 {
		return over
	}
	effect := b.effect(t, v)
	gates := []string{fmt.Sprintf("%s > %s", effect, num(1+float64(t.Increase)))}
	if l, ok := b.beyond(t); ok {
		gates = append(gates, fmt.Sprintf("%s - %s %s > %s", v.side(l, runbook.Candidate), same, v.side(l, runbook.Stable), num(analysis.TopGap)))
	}
	if t.Ceiling > 0 {
		gates = append(gates, over)
	}
	if len(gates) == 1 {
		return gates[0]
	}
	return fmt.Sprintf("%s and %s (%s)", effect, same, strings.Join(gates, " or "+same+" "))
}

// shift is the distance of two distributions: the greatest gap between their cumulative
// shares (Kolmogorov-Smirnov), or the sum over bins of (p-q) ln(p/q), with shares of at
// least analysis.LeastBin (the population stability index).
func shift(t runbook.Trigger, c, s string) string {
	const part = "on (region, release, part)"
	if t.PSI == 0 {
		return fmt.Sprintf("max by (region, release) (abs(%s - %s %s))", c, part, s)
	}
	least := func(side string) string { return fmt.Sprintf("clamp_min(%s, %s)", side, num(analysis.LeastBin)) }
	return fmt.Sprintf("sum by (region, release) ((%[1]s - %[3]s %[2]s) * ln(%[1]s / %[3]s %[2]s))", least(c), least(s), part)
}

func shiftLimit(t runbook.Trigger) float64 {
	if t.PSI > 0 {
		return t.PSI
	}
	return float64(t.Distance)
}

// lasting reports whether the trigger must be true all the time for its window, because
// nothing of the statistic guards it against chance.
func lasting(t runbook.Trigger) bool {
	return t.Style == runbook.ByThreshold || t.Type == runbook.Anomaly || t.Type == runbook.DriftGauge
}

// lastingShare of the window's intervals must be known for a lasting trigger.
const lastingShare = 0.8

// lasted keeps the gate of a lasting trigger if it held at every step of the window at
// which the effect was known, and that was nearly always. Of an anomaly nobody can tell
// false from unknown.
func (b *book) lasted(t runbook.Trigger, v view) string {
	gate, steps := b.gate(t, v), float64(t.For/b.Metrics.Interval)
	seen := func(expr string) string {
		return fmt.Sprintf("count_over_time((%s)[%s:%s])", expr, t.For, b.Metrics.Interval)
	}
	if t.Type == runbook.Anomaly {
		return fmt.Sprintf("%s and %s %s >= %s", gate, same, seen(gate), num(steps))
	}
	return fmt.Sprintf("(%[1]s) and %[2]s (%[3]s >= %[4]s) == %[2]s %[5]s", gate, same, seen(gate), num(math.Ceil(lastingShare*steps)), seen(b.effect(t, v)))
}

// A view is where a gate finds its numbers: in what is recorded, for alerts, or in the
// service's own series, for questions about one release. All its answers carry region
// and release, or neither.
type view interface {
	side(l level, role runbook.Role) string // the level of a side
	wanted() string                         // the share of traffic that the candidate should get
	moved(within runbook.Duration) string   // has series if a weight changed lately
	while(anomaly string) string            // has one series while the expression has any
}

// alerts see what is recorded, of every open release.
type alerts struct{ b *book }

func (a alerts) side(l level, role runbook.Role) string { return a.b.ours(l.series(), isRole(role)) }

func (a alerts) wanted() string {
	return fmt.Sprintf("(max by (region, release) (%s and on (region, release, version) %s) / 100)",
		a.b.ours(exportedWeight), a.b.ours(releaseInfo, isRole(runbook.Candidate)))
}

func (a alerts) moved(within runbook.Duration) string {
	return fmt.Sprintf("changes(%s[%s]) > 0", a.b.ours(exportedWeight), within)
}

func (a alerts) while(anomaly string) string {
	on, text := "", "("+anomaly+")"
	if r := a.b.Metrics.RegionLabel; r != "" {
		on = "region"
		if r != on {
			text = copyLabel(fmt.Sprintf("group by (%s) (%s)", r, anomaly), on, r)
		}
	}
	return fmt.Sprintf("group by (region, release) (%s and on (%s) %s)", a.b.ours(releaseInfo), on, text)
}

// raw sees the service's own series, of one release.
type raw struct {
	q   Questions
	rel record.Release
}

func (r raw) side(l level, role runbook.Role) string {
	w := r.q.b.window(l.window, r.q.side(r.rel, role)...)
	if l.lent {
		w.where = []string{match("version", version(r.rel, role))}
	}
	text := l.expr(w)
	if l.nan {
		text = "(" + text + " >= 0)"
	}
	if l.part != "" && l.part != "part" {
		text = fmt.Sprintf("max by (part) (%s)", copyLabel(text, "part", l.part))
	}
	return "(" + text + ")"
}

func (r raw) wanted() string { return fmt.Sprintf("vector(%s)", num(float64(r.rel.Weight)/100)) }

func (r raw) moved(within runbook.Duration) string {
	at := r.rel.WeightChangedAt
	if at.IsZero() {
		at = r.rel.Began()
	}
	settled := math.Ceil(float64(at.UnixMilli())/1000) + within.Std().Seconds()
	return fmt.Sprintf("vector(time()) < %s", strconv.FormatFloat(settled, 'f', -1, 64))
}

func (r raw) while(anomaly string) string {
	if l := r.q.b.Metrics.RegionLabel; l != "" {
		return fmt.Sprintf(`group(label_replace(vector(1), %q, %s, "", "") and on (%s) (%s))`,
			l, strconv.Quote(strings.ReplaceAll(r.rel.Region, "$", "$$")), l, anomaly)
	}
	return fmt.Sprintf("vector(1) and on () (%s)", anomaly)
}
