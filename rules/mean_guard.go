package rules

import (
	"fmt"
	"math"
	"strings"

	"github.com/autorollback/autorollback/runbook"
)

// meanRest is what the statistic would be without one candidate pod, and what the pod
// so adds to it. It is recorded as a difference, so that a pod that comes late or dies
// early counts only for its own intervals.
func (b *book) meanRest(in string) []draft {
	sc := b.everyone()
	keys := meanKeys + ", " + b.Metrics.PodLabel
	candidate := match("role", string(runbook.Candidate))
	of := func(series string, role runbook.Role) string {
		return fmt.Sprintf("sum by (%s) (%s)", meanKeys, sc.rec(series, match("role", string(role)), in))
	}
	pod := func(series string) string {
		return fmt.Sprintf("sum by (%s) (%s)", keys, sc.rec(series, candidate, in))
	}
	const each = "on (" + meanKeys + ") group_right ()"
	rest := func(series, pods string) string {
		return fmt.Sprintf("(%s - %s %s)", of(series, runbook.Candidate), each, pod(pods))
	}
	mean := fmt.Sprintf("sum by (%s) (%s)", meanKeys, sc.rec(seriesMean, in))
	trials := fmt.Sprintf("(%s > 0)", rest(seriesAll, seriesPodAll))
	noise := fmt.Sprintf("(%s / %s %s + on (%s) group_left () (%s / (%s > 0)))",
		of(seriesVariance, runbook.Candidate), each, trials, meanKeys, of(seriesVariance, runbook.Stable), of(seriesAll, runbook.Stable))
	info := fmt.Sprintf("%s ^ 2 / %s %s", mean, each, noise)
	drop := fmt.Sprintf("(%s / %s - %s %s / %s)", of(seriesBad, runbook.Stable), of(seriesAll, runbook.Stable), each, rest(seriesBad, seriesPodBad), trials)
	pull := fmt.Sprintf("sum by (%s) (%s) * %s / on (%s) group_left () %s", keys, sc.rec(seriesRestInfo, in), drop, meanKeys, mean)
	out := []draft{
		{record: seriesRestInfo, text: info, comment: "Means, pod guard: how much one interval can tell without each candidate pod,"},
		{record: seriesRestPull, text: pull, comment: "that, times how much lower the other candidate pods are,"},
	}
	for _, theta := range meanFamily().thetas {
		drop := 1 - theta
		adds := fmt.Sprintf("%s - %s (%s)", b.catoni(drop, seriesMeanPull, seriesMeanInfo, in), each, b.catoni(drop, seriesRestPull, seriesRestInfo, in))
		out = append(out, draft{record: seriesMeanInfluence, labels: labelsOf("theta", num(theta)), text: fmt.Sprintf("sum by (%s) (%s)", keys, adds),
			comment: fmt.Sprintf("and so what each pod adds to the ratio of a drop of %s.", percent(drop))})
	}
	return out
}

// meanWithoutPod is what remains of the evidence where, of each drop, the most harmful
// pod is left out.
func (b *book) meanWithoutPod(signal string) draft {
	sc, in := b.everyone(), match("signal", signal)
	const keys = meanKeys + ", theta"
	var left []string
	for _, s := range spans() {
		adds := fmt.Sprintf("sum_over_time(%s[%s])", sc.rec(seriesMeanInfluence, in), s.length)
		left = append(left, tagged(fmt.Sprintf("sum by (%[1]s) (%[2]s) - on (%[1]s) max by (%[1]s) (%[3]s)", keys, within(sc.rec(seriesLLR, in), s), adds), "window", s.name))
	}
	return draft{record: seriesLeastPod, labels: labelsOf("signal", signal),
		text:    fmt.Sprintf("ln(avg by (%[1]s, window) (exp(clamp((%[2]s) / on (%[1]s) group_left () %[3]s, -600, 600))))", meanKeys, strings.Join(left, " or "), sc.rec(seriesPhi, in)),
		comment: fmt.Sprintf("Signal %s, pod guard: what remains of the evidence over each window without the most harmful candidate pod.", signal)}
}

// chanceOfMeans is how far chance puts the sums of the stable pods from what their trials
// let expect.
func (b *book) chanceOfMeans(in string) string {
	sum := func(s string) string { return fmt.Sprintf("sum by (%s) (%s)", meanKeys, s) }
	all := b.block(seriesPodAll, in)
	return fmt.Sprintf("%s * (%s - %s / (%s > 0))", sum(b.everyone().rec(seriesVariance, match("role", string(runbook.Stable)), in)), sum(all), sum(all+" ^ 2"), sum(all))
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
