package rules

import (
	"fmt"
	"math"
	"strings"
)

// The pod guard asks whether the harm is more than that of a few pods: of the pod that
// adds most to it, and with six or more pods of the worst third. Without those pods the
// candidate's events of a window are held against stable's once more, at no odds ratio
// of its own, so that it sees small harm as well as great:
//
//	x ln(x/μ) + s ln(s/(x+s-μ))
//
// is the log likelihood ratio at the best fitting odds ratio, with x the events of the
// remaining pods, s those of stable, and μ what x would be at equal odds (θ0), counted
// interval by interval. Shares that changed in between make it smaller, never greater
// (Jensen). It is no e-value: that false alarms are rare is the evidence's business. It
// must only tell a version from a machine, so its bar is fixed, and a trailing window's
// is higher by how many of them fit into a day.

// fewer reports whether harm is fewer events, not more.
func (f family) fewer() bool { return f.thetas[0] < 1 }

// guardKeys tell apart what the guard judges; pods are told apart further.
const guardKeys = "region, release, signal"

func guarded(signals []signal) []signal {
	var out []signal
	for _, s := range signals {
		if s.family.guarded {
			out = append(out, s)
		}
	}
	return out
}

func namesOf(signals []signal) []string {
	return only(signals, func(signal) bool { return true })
}

// guardRules come after the evidence.
func (b *book) guardRules(signals []signal) []draft {
	signals = guarded(signals)
	if len(signals) == 0 {
		return nil
	}
	var out []draft
	for _, f := range familiesOf(signals) {
		out = append(out, b.surplus(f, signals), b.podSurplus(f, signals))
	}
	out = append(out, b.lastingPhi(signals))
	for _, s := range spans() {
		if s.guarded {
			out = append(out, b.withoutPods(s, signals))
		}
	}
	return out
}

// fair is stable's opportunities, made fewer by the margin: S/θ0.
func (f family) fair(all string) string {
	if f.null == 1 {
		return all
	}
	return fmt.Sprintf("(%s / %s)", all, num(f.null))
}

// surplus is how many events the candidate has beyond its fair part, x - μ: of all X
// events θ0π/(1+(θ0-1)π) would be its, with π its share of the opportunities.
func (b *book) surplus(f family, signals []signal) draft {
	sc, in := b.everyone(), f.in(signals)
	text := fmt.Sprintf("%[2]s - on (%[1]s) sum by (%[1]s) (%[3]s) * on (%[1]s) %[4]s",
		guardKeys, sc.rec(seriesBad, match("role", string(Candidate)), in), sc.rec(seriesBad, in), f.due(sc.rec(seriesShare, in)))
	return draft{record: seriesSurplus, text: text, labels: labelsOf("family", f.name),
		comment: "Pod guard: events of the candidate beyond its fair part of one interval,"}
}

// due is the candidate's fair part of the events, for its share of the opportunities.
func (f family) due(share string) string {
	if f.null == 1 {
		return share
	}
	return fmt.Sprintf("(%s - %[1]s / (1 + %s * %s))", num(f.null/(f.null-1)), num(f.null-1), share)
}

// podSurplus is what one candidate pod adds to it: the surplus y less that without the
// pod, so that a pod that comes late or dies early counts only for its own intervals.
// With the pod's c opportunities and x events, the sides' C and S opportunities and
// stable's s events that is (x S/θ0 - c (s+y))/(C + S/θ0 - c).
func (b *book) podSurplus(f family, signals []signal) draft {
	sc, in := b.everyone(), f.in(signals)
	candidate, stable := match("role", string(Candidate)), match("role", string(Stable))
	join, fair := fmt.Sprintf("on (%s) group_left ()", guardKeys), f.fair(sc.rec(seriesAll, stable, in))
	text := fmt.Sprintf("(%[3]s * %[2]s %[5]s - %[4]s * %[2]s (%[6]s + on (%[1]s) %[7]s)) / ((%[8]s + on (%[1]s) %[5]s) - on (%[1]s) group_right () %[4]s > 0)",
		guardKeys, join, sc.rec(seriesPodBad, candidate, in), sc.rec(seriesPodAll, candidate, in), fair,
		sc.rec(seriesBad, stable, in), sc.rec(seriesSurplus, in), sc.rec(seriesAll, candidate, in))
	return draft{record: seriesPodSurplus, text: text, labels: labelsOf("family", f.name),
		comment: "and what each of its pods adds to that: the whole less the surplus without the pod."}
}

// lastingPhi is the dispersion of the stable pods over the whole release: pods that
// differ for good do not even out, and the longer one looks, the surer any difference
// seems. One standard error of its own is taken off.
func (b *book) lastingPhi(signals []signal) draft {
	sc, in, stable := b.everyone(), anyOf(namesOf(signals)), match("role", string(Stable))
	sum := func(series string) string {
		return fmt.Sprintf("sum_over_time(%s[%s])", sc.rec(series, stable, in), spans()[0].length)
	}
	level := fmt.Sprintf("(%s / on (%s) (%s > 0))", sum(seriesBad), guardKeys, sum(seriesAll))
	text := fmt.Sprintf(`(
		sum by (%[1]s) ((%[2]s - %[3]s * on (%[1]s) group_left () %[4]s) ^ 2)
		/ on (%[1]s) (%[8]s * on (%[1]s) (1 - %[4]s) * on (%[1]s) (1 - sum by (%[1]s) (%[3]s ^ 2) / on (%[1]s) %[5]s ^ 2) > 0)
		- on (%[1]s) sqrt(2 / clamp_min(%[6]s - 1, 1))
		> on (%[1]s) %[7]s) or on (%[1]s) %[7]s`,
		guardKeys, sum(seriesPodBad), sum(seriesPodAll), level, sum(seriesAll), sc.rec(seriesPods, stable, in), sc.rec(seriesPhi, in), sum(seriesBad))
	return draft{record: seriesLastingPhi, text: text,
		comment: "Pod guard: dispersion, with what the stable pods differ by over the whole release."}
}

// withoutPods takes from the whole what the worst pods add to it. A pod without which
// more is left takes nothing.
func (b *book) withoutPods(s span, signals []signal) draft {
	sc, in := b.everyone(), anyOf(namesOf(signals))
	candidate, stable := match("role", string(Candidate)), match("role", string(Stable))
	sum := func(series string, more ...string) string {
		return fmt.Sprintf("sum_over_time(%s[%s])", sc.rec(series, more...), s.length)
	}
	surplus := func(of func(in string) string) string { return harmful(signals, of) }
	events, others := sum(seriesBad, candidate, in), sum(seriesBad, stable, in)
	whole := "(" + likelihood(events, surplus(func(in string) string { return sum(seriesSurplus, in) }), others, guardKeys, "") + ")"
	left := func(side, pod string) string {
		return fmt.Sprintf("(%s - on (%s) group_right () %s)", side, guardKeys, pod)
	}
	rest := "(" + likelihood(left(events, sum(seriesPodBad, candidate, in)),
		surplus(func(in string) string { return left(sum(seriesSurplus, in), sum(seriesPodSurplus, in)) }),
		others, guardKeys+", "+b.Metrics.PodLabel, " group_left ()") + ")"
	few := fmt.Sprintf("scalar(clamp_min(floor(min(%s) / %d), 1) or vector(1))", sc.rec(seriesPods, candidate, in), podsForEach)
	text := fmt.Sprintf("(%[1]s + on (%[2]s) sum by (%[2]s) (bottomk by (%[2]s) (%[3]s, clamp_max(%[4]s - on (%[2]s) group_left () %[1]s, 0)))) / on (%[2]s) %[5]s",
		whole, guardKeys, few, rest, sc.rec(seriesLastingPhi, in))
	comment := fmt.Sprintf("Pod guard, window %s: what remains without the candidate pods that add most", s.name)
	if p := s.penalty(); p > 0 {
		text += " - " + num(p)
		comment += ", less ln of how many such windows a day has"
	}
	return draft{record: seriesLeastPod, text: text, labels: labelsOf("window", s.name), comment: comment + "."}
}

// harmful keeps a surplus where it is harm, and is 0 elsewhere.
func harmful(signals []signal, surplus func(in string) string) string {
	var out []string
	for _, side := range []struct {
		clamp string
		fewer bool
	}{{"clamp_min", false}, {"clamp_max", true}} {
		if names := only(signals, func(s signal) bool { return s.family.fewer() == side.fewer }); len(names) > 0 {
			out = append(out, fmt.Sprintf("%s(%s, 0)", side.clamp, surplus(anyOf(names))))
		}
	}
	return "(" + strings.Join(out, " or ") + ")"
}

// likelihood is the log likelihood ratio at the best fitting odds ratio, from the events
// x of the candidate, their surplus y and the events s of stable:
// -x ln(1-y/x) - s ln(1+y/s). keys match x and y, and with the group those and s.
func likelihood(events, surplus, others, keys, group string) string {
	x := fmt.Sprintf("clamp_min(%s, %s)", events, tiny)
	s := fmt.Sprintf("on (%s)%s clamp_min(%s, %s)", guardKeys, group, others, tiny)
	return fmt.Sprintf("-1 * (%[1]s * on (%[5]s) ln(clamp_min(1 - %[2]s / on (%[5]s) %[1]s, %[4]s)) + on (%[5]s) ln(clamp_min(1 + %[2]s / %[3]s, %[4]s)) * %[3]s)",
		x, surplus, s, tiny, keys)
}

// tiny stands for no events where they divide.
const tiny = "0.000000001"

// podsForEach is of how many pods one is left out.
const podsForEach = 3

// penalty is ln of how often the window fits into a day.
func (s span) penalty() float64 {
	if s.name == "release" {
		return 0
	}
	return ceil2(math.Log(day.Seconds() / spanSeconds(s)))
}
