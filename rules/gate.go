package rules

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Settled is how many intervals after a change of weights the router, and what is
// scraped of the pods, must have followed.
const Settled = 6

// same joins what is known of the two sides of a release.
const same = "on (region, release)"

// lastingShare of the window's intervals must be known for a lasting trigger.
const lastingShare = 0.8

// lasted keeps the gate of a lasting trigger if it held at every step of the window at
// which the effect was known, and that was nearly always. Of an anomaly nobody can tell
// false from unknown.
func (b *compiler) lasted(t runbook.Trigger, v view) string {
	gate, steps := b.gate(t, v), float64(t.For/b.Metrics.Step())
	seen := func(expr string) string {
		return fmt.Sprintf("count_over_time((%s)[%s:%s])", expr, t.For, b.Metrics.Step())
	}
	if kinds[t.Type].levels == nil {
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
type alerts struct{ b *compiler }

func (a alerts) side(l level, role runbook.Role) string { return a.b.ours(l.series(), isRole(role)) }

func (a alerts) wanted() string {
	return fmt.Sprintf("(max by (region, release) (%s and on (region, release, version) %s) / 100)",
		a.b.ours(WeightSeries), a.b.ours(RoleRecord, isRole(runbook.Candidate)))
}

func (a alerts) moved(within runbook.Duration) string {
	return fmt.Sprintf("changes(%s[%s]) > 0", a.b.ours(WeightSeries), within)
}

func (a alerts) while(anomaly string) string {
	on, text := "", "("+anomaly+")"
	if r := a.b.Metrics.RegionLabel; r != "" {
		on = "region"
		if r != on {
			text = copyLabel(fmt.Sprintf("group by (%s) (%s)", runbook.LabelName(r), anomaly), on, r)
		}
	}
	return fmt.Sprintf("group by (region, release) (%s and on (%s) %s)", a.b.ours(RoleRecord), on, text)
}

// raw sees the service's own series, of one release.
type raw struct {
	q   Questions
	rel record.Release
}

func (r raw) side(l level, role runbook.Role) string {
	w := r.q.b.window(l.window, r.q.side(r.rel, role)...)
	if l.lent {
		w.where = []string{r.q.drifting(r.rel, role)}
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

func (r raw) wanted() string { return fmt.Sprintf("vector(%s)", num(r.rel.Weight.Share())) }

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
			l, strconv.Quote(strings.ReplaceAll(r.rel.Region, "$", "$$")), runbook.LabelName(l), anomaly)
	}
	return fmt.Sprintf("vector(1) and on () (%s)", anomaly)
}
