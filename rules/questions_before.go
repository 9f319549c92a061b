package rules

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/autorollback/autorollback/runbook"
)

// A SignalQuestion is a question about one signal, by the name in its label signal.
type SignalQuestion struct {
	Signal string
	Expr   Expr
}

// leastStep is how far apart the blocks of the time before a release are at least.
const leastStep = runbook.Duration(30e9)

// Before asks what the dispersion of the stable pods was in the hour before the release
// began, for each signal whose evidence is asked for: one number, 1 where pods differ by
// chance alone, or none without data. It is to be asked at the moment the release began,
// and is read from the service's own series, since nothing is recorded before. Without
// it the rules learn the dispersion from what stable does beside the candidate, and know
// none in the first minutes. A mean is not asked for.
func (q Questions) Before(rel runbook.Release) []SignalQuestion {
	var out []SignalQuestion
	for _, s := range proved(q.b.signals()) {
		if s.countedBefore() {
			all, bad := q.b.podsBefore(s, rel)
			out = append(out, SignalQuestion{s.name, q.b.mustParse(q.b.dispersionBefore(all, bad))})
		}
	}
	return out
}

// podsBefore are opportunities and events of each stable pod in a block.
func (b *book) podsBefore(s signal, rel runbook.Release) (all, bad string) {
	side, pod := b.stableSide(rel), b.Metrics.PodLabel
	join := func(growth, kept string) string {
		return fmt.Sprintf("sum by (%s) (%s * on (%s) group_left () %s)", kept, growth, b.on, side)
	}
	grown := func(series, kept string) string { return join(b.grown(series, levelWindow), kept) }
	increase := fmt.Sprintf("increase(%s[%s])", b.histogram(), levelWindow)
	switch {
	case s.family.name == slowFamily().name && b.native():
		all = fmt.Sprintf("histogram_count(%s)", join(increase, pod))
	case s.family.name == slowFamily().name:
		all = grown(b.histogram(`le="+Inf"`), pod)
	case s.parts != nil:
		all, bad = grown(s.parts.all, pod), grown(s.parts.pooled, pod)
	default:
		all, bad = grown(s.all.series, pod), grown(s.bad.series, pod)
	}
	if bad == "" {
		limit := fmt.Sprintf("scalar(histogram_quantile(%s, sum by (%s) (rate(%s[%s] @ %s) * on (%s) group_left () %s)))", num(s.quantile),
			strings.TrimPrefix(b.le(), ", "), b.histogram(), beforeSpan, strconv.FormatFloat(float64(rel.Began().UnixMilli())/1000, 'f', 3, 64), b.on, side)
		buckets := grown(b.histogram(), pod+b.le())
		if b.native() {
			buckets = join(increase, pod)
		}
		bad = fmt.Sprintf("%s * on (%s) histogram_fraction(%s, +Inf, %s) >= 0", all, pod, limit, buckets)
	}
	return all, fmt.Sprintf("(%s or on (%s) 0 * %s)", bad, pod, all)
}

// dispersionBefore is the same quotient that the rules record of blocks of five minutes,
// summed up over the hour.
func (b *book) dispersionBefore(all, bad string) string {
	level := fmt.Sprintf("(sum(%s) / (sum(%s) > 0))", bad, all)
	far := fmt.Sprintf("sum((%s - on (%s) %s * on () group_left () %s) ^ 2)", bad, b.Metrics.PodLabel, all, level)
	chance := fmt.Sprintf("%[1]s * (1 - %[1]s) * (sum(%[2]s) - sum(%[2]s ^ 2) / sum(%[2]s))", level, all)
	over := func(expr string) string {
		return fmt.Sprintf("sum_over_time((%s)[%s:%s])", expr, beforeSpan, max(b.Metrics.Interval, leastStep))
	}
	return fmt.Sprintf("%s / (%s > 0)", over(far), over(chance))
}

// stableSide is 1 for the series of the release's stable side.
func (b *book) stableSide(rel runbook.Release) string {
	out, value := "vector(1)", rel.Stable.Version
	if t := b.Metrics.Track; t != nil {
		value = t.Stable
	}
	for _, l := range [][2]string{{sideLabel(b.Runbook), value}, {b.Metrics.RegionLabel, rel.Region}} {
		if l[0] != "" {
			out = fmt.Sprintf(`label_replace(%s, %s, %s, "", "")`, out, strconv.Quote(l[0]), strconv.Quote(strings.ReplaceAll(l[1], "$", "$$")))
		}
	}
	return out
}
