package rules

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/runbook"
)

// evidenceRules are the statistic over all signals: likelihood ratios of an interval,
// dispersion and log e-values; and the pod guard.
func (b *book) evidenceRules(all []signal) []draft {
	var out []draft
	signals := proved(all)
	if len(signals) == 0 {
		return nil
	}
	if means := only(signals, signal.isMean); len(means) > 0 {
		out = append(out, b.meanRules(signals)...)
	}
	out = append(out, b.ratios(signals))
	out = append(out, b.dispersion(all)...)
	out = append(out, b.logE())
	out = append(out, b.guardRules(signals)...)
	for _, name := range only(signals, signal.isMean) {
		out = append(out, b.meanWithoutPod(name))
	}
	return out
}

// familiesOf lists the families in use, in the order of their first signal.
func familiesOf(signals []signal) []family {
	var out []family
	for _, s := range signals {
		if !slices.ContainsFunc(out, func(f family) bool { return f.name == s.family.name }) {
			out = append(out, s.family)
		}
	}
	return out
}

// in is a matcher for the signals of a family.
func (f family) in(signals []signal) string {
	var names []string
	for _, s := range signals {
		if s.family.name == f.name {
			names = append(names, s.name)
		}
	}
	return anyOf(names)
}

func anyOf(names []string) string {
	if len(names) == 1 {
		return match("signal", names[0])
	}
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = strings.ReplaceAll(n, ".", "[.]")
	}
	return fmt.Sprintf("signal=~%q", strings.Join(quoted, "|"))
}

// tilt is ln(1+(θ-1)π) - ln(1+(θ0-1)π) for the share π, with π written once: the quotient
// of the two is a + (1-a)/(1+(θ0-1)π) with a = (θ-1)/(θ0-1).
func (f family) tilt(theta float64, share string) string {
	if f.null == 1 {
		return fmt.Sprintf("ln(1 + %s * %s)", num(theta-1), share)
	}
	a := (theta - 1) / (f.null - 1)
	return fmt.Sprintf("ln(%s - %s / (1 + %s * %s))", num(a), num(a-1), num(f.null-1), share)
}

func (f family) weight(theta float64) string { return num(math.Log(theta / f.null)) }

// ratio is the log likelihood ratio of one interval.
func (b *book) ratio(f family, theta float64, signals []signal) string {
	sc, in := b.everyone(), f.in(signals)
	if f.name == meanFamily().name {
		return fmt.Sprintf("sum by (%s) (%s)", meanKeys, b.catoni(1-theta, seriesMeanPull, seriesMeanInfo, in))
	}
	keys := keysOf(signals)
	join := "on (" + keys + ")"
	if f.name == shiftFamily().name {
		join = "on (region, release, signal) group_left ()" // all parts have one share
	}
	return fmt.Sprintf(`%[1]s * %[3]s - on (%[2]s) sum by (%[2]s) (%[4]s) * %[6]s %[5]s`,
		f.weight(theta), keys, sc.rec(seriesBad, match("role", string(runbook.Candidate)), in), sc.rec(seriesBad, in),
		f.tilt(theta, sc.rec(seriesShare, in)), join)
}

// ratios add the log likelihood ratios of an interval to those of all intervals before.
func (b *book) ratios(signals []signal) draft {
	var each, words []string
	for _, f := range familiesOf(signals) {
		for _, theta := range f.thetas {
			each = append(each, tagged(b.ratio(f, theta, signals), "theta", num(theta)))
		}
		words = append(words, fmt.Sprintf("%s against %s", f.name, num(f.null)))
	}
	return draft{record: seriesLLR, text: b.running(keysOf(signals)+", theta", strings.Join(each, " or "), b.everyone().rec(seriesLLR)),
		comment: fmt.Sprintf("Log likelihood ratios since the release began, of the odds ratio theta: %s.", strings.Join(words, ", "))}
}

// tagged gives the answers of an expression one more label.
func tagged(expr, label, value string) string {
	return fmt.Sprintf("label_replace(%s, %q, %q, \"\", \"\")", expr, label, value)
}

// remembered is for how long a running total outlives that nothing was recorded: that
// Prometheus stood still, or that the daemon named no release. It is longer than any
// trailing window and the lookback of Prometheus together: what begins anew must not be
// held against what was there before.
const remembered = "4h"

// running is the sum of what is told of each interval since the release began: the series
// itself remembers the sum so far. A longer release costs no more than a short one. The
// answers of the interval must differ in some label from the series itself, or they would
// stand in its place.
func (b *book) running(keys, interval, itself string) string {
	return fmt.Sprintf("sum by (%s) (%s or last_over_time(%s[%s] offset %s)) and on (region, release) %s",
		keys, interval, itself, remembered, b.every, b.everyone().rec(seriesRole))
}

// within is how much a running total grew within the window. A release that is younger
// than a trailing window has no such growth: the window of the release tells it all.
func within(total string, s span) string {
	if s.name == spans()[0].name {
		return total
	}
	return fmt.Sprintf("(%[1]s - %[1]s offset %[2]s)", total, s.length)
}

// dispersion compares the stable pods among themselves, in blocks of five minutes: an
// A/A test that runs all the time. Its excess over chance divides the evidence. What the
// pod guard looks at is kept for each pod since the release began, see [book.apart].
func (b *book) dispersion(signals []signal) []draft {
	var out []draft
	var nums, dens []string
	if names := namesOf(guarded(signals)); len(names) > 0 {
		drafts, num, den := b.apart(anyOf(names))
		out, nums, dens = append(out, drafts...), append(nums, num), append(dens, den)
	}
	parted := func(s signal) bool { return s.parts != nil }
	if names := only(signals, func(s signal) bool { return parted(s) || s.isMean() }); len(names) > 0 {
		level, num := b.blocks(anyOf(names))
		out, nums = append(out, level), append(nums, num)
	}
	if names := only(signals, parted); len(names) > 0 {
		dens = append(dens, b.chanceOfBlock(anyOf(names)))
	}
	if names := only(signals, signal.isMean); len(names) > 0 {
		dens = append(dens, b.chanceOfMeans(anyOf(names)))
	}
	if len(nums) > 0 {
		out = append(out,
			draft{record: seriesPhiNum, text: strings.Join(nums, " or "), comment: "Dispersion: how far the stable pods came apart in the last " + levelWindow + ", in squares,"},
			draft{record: seriesPhiDen, text: strings.Join(dens, " or "), comment: "how far chance would put them,"})
	}
	if judged := proved(signals); len(judged) > 0 {
		out = append(out, b.phi(signals))
	}
	return out
}

// apart is how many events each stable pod has beyond its part of the stable side's,
// interval by interval, and how far chance would put the pods, in squares: of X events
// of A opportunities X (1-X/A) (1-Σa²/A²).
func (b *book) apart(in string) (drafts []draft, num, den string) {
	sc, stable, keys := b.everyone(), match("role", string(runbook.Stable)), guardKeys+", "+b.Metrics.PodLabel
	bad, all, pods := sc.rec(seriesBad, stable, in), sc.rec(seriesAll, stable, in), sc.rec(seriesPodAll, stable, in)
	beyond := fmt.Sprintf("%s - %s * on (%s) group_left () (%s / (%s > 0))", sc.rec(seriesPodBad, stable, in), pods, guardKeys, bad, all)
	chance := fmt.Sprintf("%[2]s * on (%[1]s) (1 - %[2]s / (%[3]s > 0)) * on (%[1]s) (1 - sum by (%[1]s) (%[4]s ^ 2) / on (%[1]s) %[3]s ^ 2)", guardKeys, bad, all, pods)
	apart, by := sc.rec(seriesApart), sc.rec(seriesChance)
	block := func(total string) string {
		return fmt.Sprintf("(%[1]s - (%[1]s offset %[2]s or 0 * %[1]s))", total, levelWindow)
	}
	return []draft{
		{record: seriesApart, text: b.running(keys, beyond, apart), comment: "Dispersion: events of each stable pod beyond its part of the stable side's, since the release began,"},
		{record: seriesChance, text: b.running(guardKeys, chance, by), comment: "and how far chance would put them, in squares."},
	}, fmt.Sprintf("sum by (%s) (%s ^ 2)", guardKeys, block(apart)), fmt.Sprintf("sum by (%s) (%s)", guardKeys, block(by))
}

// blocks are the same for signals that the pod guard does not look at, from what the pods
// did in a block.
func (b *book) blocks(in string) (level draft, num string) {
	bad, all := b.block(seriesPodBad, in), b.block(seriesPodAll, in)
	sum := func(s string) string { return fmt.Sprintf("sum by (%s) (%s)", guardKeys, s) }
	return draft{record: seriesPool, text: fmt.Sprintf("%s / (%s > 0) and on (region, release) %s", sum(bad), sum(all), b.everyone().rec(seriesRole)),
		comment: "Dispersion: the stable side's own level of what pods are not kept for."}, sum(fmt.Sprintf("(%s - %s * on (%s) group_left () %s) ^ 2", bad, all, guardKeys, b.everyone().rec(seriesPool)))
}

// block is what each stable pod did in the last five minutes.
func (b *book) block(series, in string) string {
	return fmt.Sprintf("sum_over_time(%s[%s])", b.everyone().rec(series, match("role", string(runbook.Stable)), in), levelWindow)
}

// chanceOfBlock is how far chance puts them from their level.
func (b *book) chanceOfBlock(in string) string {
	sum := func(s string) string { return fmt.Sprintf("sum by (%s) (%s)", guardKeys, s) }
	level, all := sum(b.everyone().rec(seriesPool, in)), b.block(seriesPodAll, in)
	return fmt.Sprintf("%[1]s * (1 - %[1]s) * (%[2]s - %[3]s / %[2]s)", level, sum(all), sum(all+" ^ 2"))
}

// phi is the greatest of the quotients over an hour and over three, of what the stable pods
// showed in the hour before the release while it is young, and of what is assumed at least.
func (b *book) phi(signals []signal) draft {
	sc, stable := b.everyone(), match("role", string(runbook.Stable))
	enough := fmt.Sprintf("on (%s) %s >= %d", guardKeys, sc.rec(seriesPods, stable), leastPods)
	here := func(in string) string { return sc.rec(seriesAll, stable, in) }
	var known []string
	for _, hours := range phiHours {
		known = append(known, tagged(fmt.Sprintf("sum_over_time(%[1]s[%[3]dh]) / (sum_over_time(%[2]s[%[3]dh]) > 0)",
			sc.rec(seriesPhiNum), sc.rec(seriesPhiDen), hours), "over", fmt.Sprintf("%dh", hours)))
	}
	known = append(known, fmt.Sprintf("(%s unless on (region, release) %s offset %s)",
		sc.rec("autorollback_release_dispersion"), sc.rec(seriesRole), beforeSpan))
	shifts := only(signals, func(s signal) bool { return s.family.name == shiftFamily().name })
	least := fmt.Sprintf("1 + 0 * (%[1]s and %[2]s) or %[3]s + 0 * %[1]s", here(""), enough, num(phiUnknown))
	if len(shifts) > 0 {
		least = fmt.Sprintf("%s + 0 * %s or %s", num(phiShift), here(anyOf(shifts)), least)
	}
	return draft{record: seriesPhi, text: fmt.Sprintf("max by (%s) ((%s) and %s or %s)", guardKeys, strings.Join(known, " or "), enough, least),
		comment: fmt.Sprintf("and the greatest quotient, over an hour, over three, or of the hour before a young release: at least 1; %s with fewer than %d stable pods.", num(phiUnknown), leastPods)}
}

// logE clamps before exp: e-values beyond e^600 are all the same.
func (b *book) logE() draft {
	sc := b.everyone()
	var grown, words []string
	for _, s := range spans() {
		grown, words = append(grown, tagged(within(sc.rec(seriesLLR), s), "window", s.name)), append(words, s.name)
	}
	text := fmt.Sprintf(`ln(avg by (region, release, signal, window) (exp(clamp((%s) / on (region, release, signal) group_left () %s, -600, 600))))`,
		strings.Join(grown, " or "), sc.rec(seriesPhi))
	return draft{record: seriesEvidence, text: text,
		comment: fmt.Sprintf("Evidence over each window, %s: log of the e-value, ln of the odds against chance.", strings.Join(words, ", "))}
}
