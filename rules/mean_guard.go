package rules

import (
	"fmt"
	"math"
	"strings"
)

// meanRest is what the statistic would be without one candidate pod, and what the pod
// so adds to it. It is recorded as a difference, so that a pod that comes late or dies
// early counts only for its own intervals.
func (b *book) meanRest(in string) []draft {
	sc := b.everyone()
	keys := meanKeys + ", " + b.Metrics.PodLabel
	candidate := match("role", string(Candidate))
	of := func(series string, role Role) string {
		return fmt.Sprintf("sum by (%s) (%s)", meanKeys, sc.rec(series, match("role", string(role)), in))
	}
	pod := func(series string) string {
		return fmt.Sprintf("sum by (%s) (%s)", keys, sc.rec(series, candidate, in))
	}
	const each = "on (" + meanKeys + ") group_right ()"
	rest := func(series, pods string) string {
		return fmt.Sprintf("(%s - %s %s)", of(series, Candidate), each, pod(pods))
	}
	mean := fmt.Sprintf("sum by (%s) (%s)", meanKeys, sc.rec(seriesMean, in))
	trials := fmt.Sprintf("(%s > 0)", rest(seriesAll, seriesPodAll))
	noise := fmt.Sprintf("(%s / %s %s + on (%s) group_left () (%s / (%s > 0)))",
		of(seriesVariance, Candidate), each, trials, meanKeys, of(seriesVariance, Stable), of(seriesAll, Stable))
	info := fmt.Sprintf("%s ^ 2 / %s %s", mean, each, noise)
	drop := fmt.Sprintf("(%s / %s - %s %s / %s)", of(seriesBad, Stable), of(seriesAll, Stable), each, rest(seriesBad, seriesPodBad), trials)
	pull := fmt.Sprintf("sum by (%s) (%s) * %s / on (%s) group_left () %s", keys, sc.rec(seriesRestInfo, in), drop, meanKeys, mean)
	out := []draft{
		{record: seriesRestInfo, text: info, comment: "Means, pod guard: how much one interval can tell without each candidate pod,"},
		{record: seriesRestPull, text: pull, comment: "that, times how much lower the other candidate pods are,"},
	}
	for _, theta := range guardedThetas() {
		is := match("theta", num(theta))
		out = append(out, draft{record: seriesMeanInfluence, labels: labelsOf("theta", num(theta)),
			text: fmt.Sprintf("sum by (%s) (%s - %s (%s))", keys, sc.rec(seriesLLR, is, in), each,
				b.catoni(1-theta, seriesRestPull, seriesRestInfo, in)),
			comment: fmt.Sprintf("and so what each pod adds to the ratio of a drop of %s.", percent(1-theta))})
	}
	return out
}

// meanWithoutPod is what remains of the evidence where, of each drop, the most harmful
// pod is left out.
func (b *book) meanWithoutPod(signal string) []draft {
	sc, in := b.everyone(), match("signal", signal)
	var names []string
	for _, theta := range guardedThetas() {
		names = append(names, strings.ReplaceAll(num(theta), ".", "[.]"))
	}
	thetas := fmt.Sprintf("theta=~%q", strings.Join(names, "|"))
	const keys = meanKeys + ", theta"
	var out []draft
	for _, s := range spans() {
		sum := func(series string, more ...string) string {
			return fmt.Sprintf("sum_over_time(%s[%s])", sc.rec(series, append(more, in)...), s.length)
		}
		left := fmt.Sprintf("sum by (%[1]s) (%[2]s) - on (%[1]s) max by (%[1]s) (%[3]s)", keys, sum(seriesLLR, thetas), sum(seriesMeanInfluence))
		out = append(out, draft{record: seriesLeastPod, labels: labelsOf("window", s.name, "signal", signal),
			text:    fmt.Sprintf("ln(avg by (%[1]s) (exp(clamp((%[2]s) / on (%[1]s) group_left () %[3]s, -600, 600))))", meanKeys, left, sc.rec(seriesPhi, in)),
			comment: fmt.Sprintf("Signal %s, pod guard, window %s: what remains of the evidence without the most harmful candidate pod.", signal, s.name)})
	}
	return out
}

// meanDispersion is how far chance would put the sums of the stable pods from what
// their trials let expect.
func (b *book) meanDispersion(signals []signal) []draft {
	sc, stable := b.everyone(), match("role", string(Stable))
	var out []draft
	for _, s := range signals {
		if !s.isMean() {
			continue
		}
		is := match("signal", s.name)
		all := fmt.Sprintf("sum_over_time(%s[%s])", sc.rec(seriesPodAll, stable, is), levelWindow)
		sum := func(s string) string { return fmt.Sprintf("sum by (%s) (%s)", meanKeys, s) }
		out = append(out, draft{record: seriesPhiDen, labels: labelsOf("signal", s.name), comment: fmt.Sprintf("Signal %s: how far chance would put the stable pods from their mean,", s.name),
			text: fmt.Sprintf("%s * (%s - %s / (%s > 0))", sum(sc.rec(seriesVariance, stable, is)), sum(all), sum(all+" ^ 2"), sum(all))})
	}
	return out
}

// catoniRatio is the same in plain Go, of one interval: sums and trials of candidate and
// stable, and the variances of their trials. 0 where a side is missing.
func catoniRatio(drop, mean float64, variance, all, sum [2]float64) float64 {
	if !(mean > 0) || !(all[0] > 0) || !(all[1] > 0) {
		return 0
	}
	info := mean * mean / (variance[0]/all[0] + variance[1]/all[1])
	y := drop * info / mean * (sum[1]/all[1] - sum[0]/all[0])
	return math.Copysign(math.Log1p(math.Abs(y)+y*y/2), y) - math.Log1p(drop*drop/2*info)
}
