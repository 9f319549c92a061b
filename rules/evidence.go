package rules

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// evidenceRules are the statistic over all signals: likelihood ratios of an interval,
// dispersion and log e-values; and the pod guard.
func (b *book) evidenceRules(all []signal) []draft {
	var out []draft
	signals := proved(all)
	if len(signals) == 0 {
		return nil
	}
	for _, f := range familiesOf(signals) {
		if f.name == meanFamily().name {
			out = append(out, b.meanRules(signals)...)
			continue
		}
		for _, theta := range f.thetas {
			out = append(out, b.ratio(f, theta, signals))
		}
	}
	out = append(out, b.dispersion(all)...)
	for _, s := range spans() {
		out = append(out, b.logE(s))
	}
	out = append(out, b.guardRules(signals)...)
	for _, name := range only(signals, signal.isMean) {
		out = append(out, b.meanWithoutPod(name)...)
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

func (b *book) ratio(f family, theta float64, signals []signal) draft {
	sc, in := b.everyone(), f.in(signals)
	keys := keysOf(signals)
	join := "on (" + keys + ")"
	if f.name == shiftFamily().name {
		join = "on (region, release, signal) group_left ()" // all parts have one share
	}
	text := fmt.Sprintf(`%[1]s * %[3]s - on (%[2]s) sum by (%[2]s) (%[4]s) * %[6]s %[5]s`,
		f.weight(theta), keys, sc.rec(seriesBad, match("role", string(Candidate)), in), sc.rec(seriesBad, in),
		f.tilt(theta, sc.rec(seriesShare, in)), join)
	return draft{record: seriesLLR, text: text, labels: labelsOf("theta", num(theta), "family", f.name),
		comment: fmt.Sprintf("Log likelihood ratio of one interval: odds ratio %s against %s.", num(theta), num(f.null))}
}

// dispersion compares the stable pods among themselves: an A/A test that runs all the
// time. Its excess over chance divides the evidence.
func (b *book) dispersion(signals []signal) []draft {
	sc := b.everyone()
	stable := match("role", string(Stable))
	bad := fmt.Sprintf("sum_over_time(%s[%s])", sc.rec(seriesPodBad, stable), levelWindow)
	all := fmt.Sprintf("sum_over_time(%s[%s])", sc.rec(seriesPodAll, stable), levelWindow)
	sum := func(s string) string { return fmt.Sprintf("sum by (region, release, signal) (%s)", s) }
	const join = "* on (region, release, signal) group_left ()"
	level := sc.rec(seriesPool)
	num := fmt.Sprintf("sum by (region, release, signal) ((%s - %s %s %s) ^ 2)", bad, all, join, level)
	den := fmt.Sprintf("%[1]s * (1 - %[1]s) * on (region, release, signal) (%[2]s - %[3]s / %[2]s)", sc.rec(seriesPool, except(signals, signal.isMean)), sum(all), sum(all+" ^ 2"))
	out := []draft{
		{record: seriesPool, text: fmt.Sprintf("%s / (%s > 0) and on (region, release) %s", sum(bad), sum(all), sc.rec(seriesRole)), comment: "Dispersion: the stable side's own level,"},
		{record: seriesPhiNum, text: num, comment: "how far its pods are from it,"},
		{record: seriesPhiDen, text: den, comment: "how far chance would put them,"},
	}
	out = append(out, b.meanDispersion(signals)...)
	shifts := func(s signal) bool { return s.family.name == shiftFamily().name }
	if len(proved(signals)) > 0 && !every(signals, shifts) {
		out = append(out, b.phi(1, except(signals, shifts)))
	}
	if names := only(signals, shifts); len(names) > 0 {
		out = append(out, b.phi(phiShift, anyOf(names)))
	}
	return out
}

// phi is the quotient of the two over an hour or over three, whichever is greater, for the
// signals of a matcher; in the first hour what the stable pods showed in the hour before
// the release counts as well.
func (b *book) phi(least float64, in string) draft {
	sc, stable := b.everyone(), match("role", string(Stable))
	pods := fmt.Sprintf("%s >= %d", sc.rec(seriesPods, stable, in), leastPods)
	here := fmt.Sprintf("sum by (region, release, signal) (%s)", sc.rec(seriesAll, stable, in))
	var known []string
	for _, hours := range phiHours {
		known = append(known, fmt.Sprintf(`label_replace(sum_over_time(%[1]s[%[3]dh]) / (sum_over_time(%[2]s[%[3]dh]) > 0), "over", "%[3]dh", "", "")`,
			sc.rec(seriesPhiNum, in), sc.rec(seriesPhiDen, in), hours))
	}
	known = append(known, fmt.Sprintf("(%s unless on (region, release) last_over_time(%s[%s] offset %s))",
		sc.rec("autorollback_release_dispersion", in), sc.rec(seriesRole), spans()[0].length, beforeSpan))
	text := fmt.Sprintf(`
		(clamp_min(max by (region, release, signal) (%[1]s), %[5]s) and on (region, release, signal) %[2]s)
		or on (region, release, signal) (%[5]s + 0 * %[3]s and on (region, release, signal) %[2]s)
		or on (region, release, signal) (%[4]s + 0 * %[3]s)`,
		strings.Join(known, " or "), pods, here, num(max(phiUnknown, least)), num(least))
	var labels map[string]string
	if least > 1 {
		labels = labelsOf("floor", num(least))
	}
	return draft{record: seriesPhi, text: text, labels: labels,
		comment: fmt.Sprintf("and the greatest quotient, over an hour, over three, or of the hour before a young release: at least %s; %s with fewer than %d stable pods.", num(least), num(max(phiUnknown, least)), leastPods)}
}

// logE clamps before exp: e-values beyond e^600 are all the same.
func (b *book) logE(s span) draft {
	sc := b.everyone()
	text := fmt.Sprintf(`ln(avg by (region, release, signal) (exp(clamp(sum_over_time(%s[%s]) / on (region, release, signal) group_left () %s, -600, 600))))`,
		sc.rec(seriesLLR), s.length, sc.rec(seriesPhi))
	return draft{record: seriesEvidence, text: text, labels: labelsOf("window", s.name),
		comment: fmt.Sprintf("Evidence, window %s: log of the e-value, ln of the odds against chance.", s.name)}
}
