package rules

import (
	"fmt"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/runbook"
)

var dataKinds = map[runbook.TriggerType]kind{
	runbook.NullSpike: {
		levels: func(b *compiler, _ runbook.Trigger) []level {
			return []level{{name: "feature_nulls", op: "ratio", words: "share of missing values by feature", part: b.Metrics.Features.Label, expr: window.nulls}}
		},
		effect: nullEffect,
		gate: func(b *compiler, t runbook.Trigger, c comparison) string {
			return fmt.Sprintf("%s > %s", nullEffect(b, t, c), num(float64(t.By)))
		},
		measure: func(b *compiler, _ runbook.Trigger) Measure {
			f := b.Metrics.Features
			out := b.counters(b.of(f.RowSeries()), b.of(f.NullSeries()))
			out.Part, out.SharedAll = f.Label, f.SharedRows
			return out
		},
		wording: func(_ *compiler, t runbook.Trigger) wording {
			return wording{fmt.Sprintf("Missing values of some feature are more than %s points above stable's, over %s.", num(float64(t.By)*100), t.For),
				fmt.Sprintf("The candidate's worst feature is missing {{ $value | humanizePercentage }} more often than stable's, in points%s.", where),
				"> " + num(float64(t.By))}
		},
	},
	runbook.SchemaMismatch: {
		levels: func(b *compiler, _ runbook.Trigger) []level {
			s := b.Metrics.Schema
			return []level{{name: "schema_mismatches", op: "ratio", words: "share of rows that do not fit the schema",
				expr: func(w window) string { return w.ratio(b.of(s.Mismatched()), b.sum(b.Metrics.CheckedBy())) }}}
		},
		effect: aloneEffect, gate: shareGate,
		measure: func(b *compiler, _ runbook.Trigger) Measure {
			return b.counters(b.sum(b.Metrics.CheckedBy()), b.of(b.Metrics.Schema.Mismatched()))
		},
		wording: func(_ *compiler, t runbook.Trigger) wording {
			return wording{fmt.Sprintf("More than %s of what the candidate checked does not fit the schema, over %s.", percent(float64(t.Above)), t.For),
				fmt.Sprintf("{{ $value | humanizePercentage }} of the candidate's rows do not fit the schema%s.", where), "> " + num(float64(t.Above))}
		},
	},
	runbook.DistributionShift: {
		levels: shiftLevels,
		effect: shiftEffect,
		gate: func(b *compiler, t runbook.Trigger, c comparison) string {
			return fmt.Sprintf("%s > %s", shiftEffect(b, t, c), num(t.Gap()))
		},
		measure: func(b *compiler, t runbook.Trigger) Measure {
			d, _ := b.Metrics.Distribution(t.Distribution)
			return Measure{Histogram: b.matched(b.of(d.BucketSeries())), Bounds: d.Buckets}
		},
		absolute: func(b *compiler, t runbook.Trigger) bound {
			d, _ := b.Metrics.Distribution(t.Distribution)
			return bound{
				level:  func(w window) string { return w.fromReference(t) },
				behind: func(w window) string { return w.count(b.of(d.BucketSeries(), `le="+Inf"`)) },
				limit:  float64(t.Distance), least: b.minRequests(),
			}
		},
		wording: shiftWording,
	},
	runbook.DriftGauge: {
		levels: func(_ *compiler, _ runbook.Trigger) []level {
			return []level{{name: "drift_score", op: "ratio", lent: true, words: "highest drift score, as a multiple of its threshold", expr: window.drifted}}
		},
		effect: aloneEffect,
		gate: func(_ *compiler, _ runbook.Trigger, c comparison) string {
			return fmt.Sprintf("%s > 1 unless %s %s > 1", c.alone(), same, c.stable)
		},
		wording: func(_ *compiler, t runbook.Trigger) wording {
			return wording{fmt.Sprintf("A drift score of the candidate is above its threshold, and none of stable's, for %s.", t.For),
				fmt.Sprintf("The candidate's highest drift score is {{ $value | printf \"%%.2f\" }} times its threshold%s. A score is not tested against chance.", where), "> 1"}
		},
	},
}

// nullEffect is the worst feature's. Where stable does not know a feature, the candidate's
// own share counts.
func nullEffect(_ *compiler, _ runbook.Trigger, c comparison) string {
	return fmt.Sprintf("max by (region, release) (%[1]s - on (region, release, part) %[2]s or on (region, release, part) (%[1]s and %[3]s %[2]s))",
		c.candidate, c.stable, same)
}

func shiftLevels(b *compiler, t runbook.Trigger) []level {
	d, _ := b.Metrics.Distribution(t.Distribution)
	l := level{name: "distribution_" + snake(d.Name), op: "ratio", part: b.freeLabel(), nan: true,
		words: fmt.Sprintf("share of %s at or below some bounds", d.Name)}
	parts := window.upTo
	if t.PSI > 0 {
		l.op, l.words, parts = "bins", fmt.Sprintf("share of %s between bounds", d.Name), window.bins
	}
	l.expr = func(w window) string { return "(" + parted(l.part, parts(w, d)) + ")" }
	return []level{l}
}

// shiftEffect is the distance of two distributions: the greatest gap between their cumulative
// shares (Kolmogorov-Smirnov), or the sum over bins of (p-q) ln(p/q), with shares of at
// least analysis.LeastBin (the population stability index).
func shiftEffect(_ *compiler, t runbook.Trigger, c comparison) string {
	const part = "on (region, release, part)"
	if t.PSI == 0 {
		return fmt.Sprintf("max by (region, release) (abs(%s - %s %s))", c.candidate, part, c.stable)
	}
	least := func(side string) string { return fmt.Sprintf("clamp_min(%s, %s)", side, num(analysis.LeastBin)) }
	return fmt.Sprintf("sum by (region, release) ((%[1]s - %[3]s %[2]s) * ln(%[1]s / %[3]s %[2]s))", least(c.candidate), least(c.stable), part)
}

func shiftWording(_ *compiler, t runbook.Trigger) wording {
	from := "stable's"
	if t.Against == runbook.AgainstReference {
		from = "the reference"
	}
	if t.PSI > 0 {
		return wording{fmt.Sprintf("The distribution of %s is more than PSI %s from %s, over %s.", t.Distribution, num(t.PSI), from, t.For),
			fmt.Sprintf("The population stability index of %s is {{ $value | printf \"%%.3f\" }}%s.", t.Distribution, where), "> " + num(t.PSI)}
	}
	return wording{fmt.Sprintf("The distribution of %s is more than a distance of %s from %s, over %s.", t.Distribution, percent(float64(t.Distance)), from, t.For),
		fmt.Sprintf("The greatest gap between the cumulative shares of %s is {{ $value | humanizePercentage }}%s.", t.Distribution, where),
		"> " + num(float64(t.Distance))}
}
