package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/runbook"
)

// levelWindow is the stretch from which the stable side's own level is read: its
// quantile, its event share, its pods.
const levelWindow = "5m"

// latencyRules turn a histogram into a count of slow requests. Slow for the candidate
// is above a limit taken from the stable side's quantile one interval earlier (so it
// is known before the requests are counted) and raised by the margin; slow for the
// stable side is above the same limit without the margin. So a candidate that is
// slower by no more than the margin gives no evidence. Inside a classic bucket both
// counts are interpolated alike.
func (b *book) latencyRules(s signal) []draft {
	out := []draft{b.slowLimit(s), b.latencyAll(s)}
	for _, region := range b.latencyRegions() {
		for _, role := range []runbook.Role{runbook.Candidate, runbook.Stable} {
			out = append(out, b.slow(s, role, region))
		}
	}
	return out
}

// latencyRegions are those that need a rule of their own, because the limit enters
// as a scalar. Without a region label there is one region.
func (b *book) latencyRegions() []string {
	if b.Metrics.RegionLabel == "" {
		return []string{""}
	}
	return b.Regions
}

func (b *book) native() bool { return b.Metrics.Latency.Kind == runbook.Native }

// le is the label list that keeps classic buckets apart; empty for native ones.
func (b *book) le() string {
	if b.native() {
		return ""
	}
	return ", le"
}

func (b *book) histogram(more ...string) string {
	if b.native() {
		return b.raw(b.Metrics.Latency.Histogram, more...)
	}
	return b.raw(b.Metrics.Latency.Histogram+"_bucket", more...)
}

// histogramDelta is the growth of a histogram over one interval. A native one that
// was reset is left out.
func (b *book) histogramDelta() string {
	if !b.native() {
		return b.delta(b.histogram())
	}
	return fmt.Sprintf(`(
		last_over_time(%[1]s[%[2]s]) - last_over_time(%[1]s[%[2]s] offset %[3]s)
		and histogram_count(last_over_time(%[1]s[%[2]s])) >= histogram_count(last_over_time(%[1]s[%[2]s] offset %[3]s))
	)`, b.histogram(), b.back, b.every)
}

// quantileRules record each quantile that a trigger reads, of both sides and once for
// each window: gates read it several times.
func (b *book) quantileRules() []draft {
	var out []draft
	seen := map[string]bool{}
	for _, t := range b.Triggers {
		if t.Type != runbook.LatencyQuantile {
			continue
		}
		t = b.instant(t)
		labels := labelsOf("quantile", num(t.Quantile), "window", t.For.String())
		if key := fmt.Sprint(labels); seen[key] {
			continue
		} else {
			seen[key] = true
		}
		out = append(out, draft{record: seriesQuantile, labels: labels,
			comment: fmt.Sprintf("The %s of each side over %s, in seconds.", percentile(t.Quantile), t.For),
			text: fmt.Sprintf("histogram_quantile(%s, sum by (region, release, role%s) (%s))", num(t.Quantile), b.le(),
				b.sided(fmt.Sprintf("rate(%s[%s])", b.histogram(), t.For), b.everyone()))})
	}
	return out
}

// recordsQuantile reports whether a quantile is recorded over that window.
func (b *book) recordsQuantile(q float64, window string) bool {
	return slices.ContainsFunc(b.Triggers, func(t runbook.Trigger) bool {
		return t.Type == runbook.LatencyQuantile && t.Quantile == q && b.instant(t).For.String() == window
	})
}

func (b *book) slowLimit(s signal) draft {
	stable := match("role", string(runbook.Stable))
	level := fmt.Sprintf("histogram_quantile(%s, sum by (region%s) (%s))", num(s.quantile), b.le(),
		b.sided("rate("+b.histogram()+"["+levelWindow+"])", b.everyone(), stable))
	if b.recordsQuantile(s.quantile, levelWindow) {
		level = fmt.Sprintf("max by (region) (%s)", b.everyone().rec(seriesQuantile, stable, match("quantile", num(s.quantile)), match("window", levelWindow)))
	}
	text := fmt.Sprintf("%s * %s > 0", num(1+s.margin), level)
	if top, ok := b.topBucket(); ok {
		text = fmt.Sprintf("clamp_max(%s * %s, %s) > 0", num(1+s.margin), level, num(top))
	}
	return draft{record: seriesSlow, labels: labelsOf("signal", s.name), text: text,
		comment: fmt.Sprintf("Signal %s: what is slow for the candidate, %s above the stable side's %s.", s.name, percent(s.margin), percentile(s.quantile))}
}

func (b *book) latencyAll(s signal) draft {
	keys := "region, release, role, " + b.Metrics.PodLabel
	d := draft{record: seriesPodAll, labels: labelsOf("signal", s.name), comment: fmt.Sprintf("Signal %s: requests of each pod in one interval.", s.name)}
	if b.native() {
		d.text = fmt.Sprintf("histogram_count(sum by (%s) (%s))", keys, b.sided(b.histogramDelta(), b.everyone()))
	} else {
		d.text = fmt.Sprintf("sum by (%s) (%s)", keys, b.sided(b.delta(b.histogram(`le="+Inf"`)), b.everyone()))
	}
	return d
}

func (b *book) slow(s signal, role runbook.Role, region string) draft {
	keys := "region, release, role, " + b.Metrics.PodLabel
	sc := b.everyone()
	who := []string{match("role", string(role))}
	fixed := labelsOf("signal", s.name, "role", string(role))
	sig := append([]string{match("signal", s.name)}, who...)
	limit := sc.rec(seriesSlow, match("signal", s.name))
	if region != "" {
		who, sig = append(who, match("region", region)), append(sig, match("region", region))
		limit = sc.rec(seriesSlow, match("signal", s.name), match("region", region))
		fixed["region"] = region
	}
	bound := fmt.Sprintf("scalar(%s offset %s)", limit, b.every)
	if role == runbook.Stable {
		bound += " / " + num(1+s.margin)
	}
	text := fmt.Sprintf(`(%[1]s * on (%[2]s) histogram_fraction(%[3]s, +Inf, sum by (%[2]s%[4]s) (%[5]s))) >= 0
		or on (%[2]s) 0 * %[1]s and on () (vector(%[3]s) > 0)`,
		sc.rec(seriesPodAll, sig...), keys, bound, b.le(), b.sided(b.histogramDelta(), sc, who...))
	return draft{record: seriesPodBad, labels: fixed, text: text,
		comment: fmt.Sprintf("Signal %s: slow requests of each %s pod in one interval.", s.name, role)}
}

// topBucket is the highest finite bound of a classic histogram.
func (b *book) topBucket() (float64, bool) {
	l := b.Metrics.Latency
	if b.native() || len(l.Buckets) == 0 {
		return 0, false
	}
	return l.Buckets[len(l.Buckets)-1], true
}

// aboveTop matches the two buckets that tell how many observations are above the
// highest bound.
func (b *book) aboveTop(top float64) string {
	one := strings.TrimSuffix(leIn([]float64{top}), `"`)
	return one + `|[+]Inf"`
}
