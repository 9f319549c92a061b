package runbook

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// A kind is everything of a trigger that depends on its type. A new type is one entry in
// a table of such; a field that it does not need stays empty.
type kind struct {
	need, may []string                                // fields beside name, type, severity and for
	either    func(p *decoder, at string) []string    // more needed fields, by what is written
	defaults  func(p *decoder, at string, t *Trigger) // of its own fields
	window    time.Duration                           // default of for; 0: it must be written
	intervals Duration                                // the shortest window, instead of leastIntervals
	tooShort  string                                  // why no shorter one
	section   string                                  // of metrics, see sections
	check     func(p *decoder, at string, t Trigger, r *Runbook)

	uncompared bool                               // no events of either side to count, so no significance
	brief      bool                               // its level is looked at over the shortest honest window, all the time for the length of its own
	absolute   func(t Trigger) (name, why string) // about any version: what it is, and why it only pages

	sentence func(t Trigger) string
	reading  func(t Trigger, value float64, stable string) (effect, limit string) // see [Trigger.ReadingAgainst]
	query    func(r *Runbook, t Trigger) string                                   // PromQL that shows a human the number of each side
}

// kinds are all types of triggers.
var kinds = func() map[TriggerType]kind {
	all := maps.Clone(requestKinds)
	maps.Copy(all, dataKinds)
	return all
}()

func triggerTypes() []string {
	var out []string
	for t := range kinds {
		out = append(out, string(t))
	}
	slices.Sort(out)
	return out
}

// points says an effect and its limit in percentage points over stable.
func points(what string, t Trigger, value float64, stable string) (effect, limit string) {
	return what + " " + Figure(value*100) + " points above " + stable, Figure(float64(t.By)*100) + " points"
}

// toStable words a ratio to the stable side.
func toStable(what string, ratio float64, stable string) string {
	if ratio < 1 {
		return what + " " + Percent(1-ratio) + " below " + stable
	}
	return what + " " + Percent(ratio-1) + " above " + stable
}

func (t Trigger) steady() string {
	if t.Style == ByThreshold {
		return ", all the time"
	}
	return ""
}

// quantileName writes 0.95 as P95 and 0.999 as P99.9.
func quantileName(q float64) string { return "P" + trimPercent(Ratio(q)) }

func trimPercent(r Ratio) string { s := r.String(); return s[:len(s)-1] }

// number writes a float the way a person would.
func number(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// Types of triggers on what the model gets and gives.
const (
	NullSpike         TriggerType = "null_spike"         // by
	SchemaMismatch    TriggerType = "schema_mismatch"    // above
	DistributionShift TriggerType = "distribution_shift" // distribution, distance or psi, against
	DriftGauge        TriggerType = "drift_gauge"        // unprotected
)

var dataKinds = map[TriggerType]kind{
	NullSpike: {
		may: []string{"by"}, window: 5 * time.Minute, section: "features",
		defaults: func(p *decoder, at string, t *Trigger) { setDefault(p, at+".by", &t.By, 0.01) },
		sentence: func(t Trigger) string {
			return fmt.Sprintf("missing values of any feature %s points above stable over %s", trimPercent(t.By), t.For)
		},
		reading: func(t Trigger, value float64, stable string) (effect, limit string) {
			return points("missing values of the worst feature", t, value, stable)
		},
		query: func(r *Runbook, t Trigger) string {
			m, f, side := r.Metrics, r.Metrics.Features, r.Metrics.side()
			each := " by (" + LabelNames(r.Metrics.SideLabel(), f.Label) + ") "
			if f.SharedRows {
				return m.rate(f.NullSeries(), each, t.For) + " / on (" + side + ") group_left () " + m.rate(f.RowSeries(), m.bySide(), t.For)
			}
			return m.rate(f.NullSeries(), each, t.For) + " / " + m.rate(f.RowSeries(), each, t.For)
		},
	},
	SchemaMismatch: {
		may: []string{"above", "style"}, window: 5 * time.Minute, section: "schema",
		defaults: func(p *decoder, at string, t *Trigger) { setDefault(p, at+".above", &t.Above, 0.001) },
		sentence: func(t Trigger) string {
			return fmt.Sprintf("schema mismatches above %s over %s, and clearly above stable", t.Above, t.For) + t.steady()
		},
		reading: func(t Trigger, value float64, _ string) (effect, limit string) {
			return Percent(value) + " of what was checked does not fit the schema", Percent(float64(t.Above))
		},
		query: func(r *Runbook, t Trigger) string {
			m := r.Metrics
			return m.rate(m.Schema.Mismatched(), m.bySide(), t.For) + " / " + m.rates(m.CheckedBy(), m.bySide(), t.For)
		},
	},
	DistributionShift: {
		need: []string{"distribution"}, may: []string{"distance", "psi", "against"}, window: 30 * time.Minute,
		defaults: func(p *decoder, at string, t *Trigger) {
			setDefault(p, at+".against", &t.Against, AgainstStable)
			if !p.has(at + ".psi") {
				setDefault(p, at+".distance", &t.Distance, 0.1)
			}
		},
		check: checkShift,
		absolute: func(t Trigger) (name, why string) {
			if t.Against != AgainstReference {
				return "", ""
			}
			return "a shift against the reference", "both versions see the same changed world, so it pages and never moves traffic"
		},
		sentence: func(t Trigger) string {
			gap := "distance " + t.Distance.String()
			if t.PSI > 0 {
				gap = "PSI " + number(t.PSI)
			}
			return fmt.Sprintf("distribution of %s more than %s from %s over %s", t.Distribution, gap, t.Against, t.For)
		},
		reading: func(t Trigger, value float64, _ string) (effect, limit string) {
			if t.PSI > 0 {
				return fmt.Sprintf("distribution of %s at PSI %s from %s", t.Distribution, Figure(value), t.Against), "PSI " + Figure(t.PSI)
			}
			return fmt.Sprintf("distribution of %s at distance %s from %s", t.Distribution, Percent(value), t.Against),
				Percent(float64(t.Distance))
		},
		query: func(r *Runbook, t Trigger) string {
			m, side := r.Metrics, r.Metrics.side()
			d, _ := m.Distribution(t.Distribution)
			return m.rate(d.BucketSeries(), " by ("+side+", le) ", t.For) +
				" / on (" + side + ") group_left () " + m.rate(Selection{d.Histogram + "_count", d.Where}, m.bySide(), t.For)
		},
	},
	DriftGauge: {
		may: []string{"unprotected"}, window: 5 * time.Minute, section: "drift", uncompared: true,
		sentence: func(t Trigger) string {
			return fmt.Sprintf("drift score of the candidate above its threshold, and not of stable, all the time for %s", t.For)
		},
		reading: func(_ Trigger, value float64, _ string) (effect, limit string) {
			return "drift score of the candidate at " + Figure(value) + " times its threshold", "1"
		},
		query: func(r *Runbook, _ Trigger) string {
			d := r.Metrics.Drift
			return Series(d.Score, d.Selector) + " / " + Series(d.Threshold, d.Selector)
		},
	},
}

// checkShift checks what a distribution is held against, and that both are declared.
func checkShift(p *decoder, at string, t Trigger, r *Runbook) {
	if p.has(at + ".against") {
		p.oneOf(at+".against", t.Against, AgainstStable, AgainstReference)
	}
	if p.has(at+".distance") && p.has(at+".psi") {
		p.add(at+".psi", "stands beside distance", "keep one of the two")
	}
	if t.PSI > 0 && t.Against == AgainstReference {
		p.add(at+".psi", "cannot be compared with a reference", "write distance, e.g. 10%")
	}
	switch d, ok := r.Metrics.Distribution(t.Distribution); {
	case t.Distribution == "":
	case !ok:
		var names []string
		for _, d := range r.Metrics.Distributions {
			names = append(names, d.Name)
		}
		p.unknown(at+".distribution", t.Distribution, names, "declare it under metrics.distributions with its histogram")
	case t.Against == AgainstReference && len(d.Reference) == 0:
		p.add(at+".against", fmt.Sprintf("%q has no reference", d.Name),
			"list under metrics.distributions, as reference, the share of the training data at or below each of its buckets")
	}
}
