package rules

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/runbook"
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
// interval by interval and pod by pod, see [book.podSurplus]. Shares that changed in
// between make it smaller, never greater (Jensen). It is no e-value: that false alarms are rare is the evidence's business. It
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
	for _, f := range marginsOf(signals) {
		out = append(out, b.podSurplus(f, signals))
	}
	out = append(out, b.lastingPhi(signals))
	for _, s := range spans() {
		if s.guarded {
			out = append(out, b.worstPods(s, signals), b.withoutPods(s, signals))
		}
	}
	return out
}

// marginsOf are one family for each margin.
func marginsOf(signals []signal) []family {
	var out []family
	for _, f := range familiesOf(signals) {
		if !slices.ContainsFunc(out, func(o family) bool { return o.null == f.null }) {
			out = append(out, f)
		}
	}
	return out
}

// alike is a matcher for the signals with the family's margin.
func (f family) alike(signals []signal) string {
	return anyOf(only(signals, func(s signal) bool { return s.family.null == f.null }))
}

// fair is stable's opportunities, made fewer by the margin: S/θ0.
func (f family) fair(all string) string {
	if f.null == 1 {
		return all
	}
	return fmt.Sprintf("(%s / %s)", all, num(f.null))
}

// podSurplus is how many events a candidate pod has beyond its fair part, x - μ of the pod:
// with its c opportunities and x events, and stable's S and s, that is
//
//	(x S/θ0 - c s) / (C + S/θ0)
//
// where C are the opportunities of the pods that will remain: of all, less the part that
// is left out. So the pods add up to the surplus of those that remain, whichever these are.
func (b *book) podSurplus(f family, signals []signal) draft {
	sc, in := b.everyone(), f.alike(signals)
	candidate, stable := match("role", string(runbook.Candidate)), match("role", string(runbook.Stable))
	join, fair := fmt.Sprintf("on (%s) group_left ()", guardKeys), f.fair(sc.rec(seriesAll, stable, in))
	pods := sc.rec(seriesPods, candidate, in)
	text := fmt.Sprintf("(%[3]s * %[2]s %[5]s - %[4]s * %[2]s %[6]s) / %[2]s (%[7]s * (1 - clamp_min(floor(%[8]s / %[9]d), 1) / %[8]s) + on (%[1]s) %[5]s > 0)",
		guardKeys, join, sc.rec(seriesPodBad, candidate, in), sc.rec(seriesPodAll, candidate, in), fair,
		sc.rec(seriesBad, stable, in), sc.rec(seriesAll, candidate, in), pods, podsForEach)
	return draft{record: seriesPodSurplus, text: text, labels: labelsOf("margin", num(f.null)),
		comment: "Pod guard: events of each candidate pod beyond its fair part of one interval."}
}

// lastingPhi is the dispersion of the stable pods over the whole release: pods that
// differ for good do not even out, and the longer one looks, the surer any difference
// seems. One standard error of its own is taken off.
func (b *book) lastingPhi(signals []signal) draft {
	sc, in, stable := b.everyone(), anyOf(namesOf(signals)), match("role", string(runbook.Stable))
	text := fmt.Sprintf("(sum by (%[1]s) (%[2]s ^ 2) / on (%[1]s) (%[3]s > 0) - on (%[1]s) sqrt(2 / clamp_min(%[4]s - 1, 1)) > on (%[1]s) %[5]s) or on (%[1]s) %[5]s",
		guardKeys, sc.rec(seriesApart), sc.rec(seriesChance), sc.rec(seriesPods, stable, in), sc.rec(seriesPhi, in))
	return draft{record: seriesLastingPhi, text: text,
		comment: "Pod guard: dispersion, with what the stable pods differ by over the whole release."}
}

// worstPods are the candidate pods that add most to the harm of a window: one, or the
// worst third of six and more. They are left out of a good signal as well, which has no
// harm to lose.
func (b *book) worstPods(s span, signals []signal) draft {
	sc, candidate := b.everyone(), match("role", string(runbook.Candidate))
	few := fmt.Sprintf("scalar(clamp_min(floor(min(%s) / %d), 1) or vector(1))", sc.rec(seriesPods, candidate, anyOf(namesOf(signals))), podsForEach)
	var out []string
	for _, d := range directions(signals) {
		out = append(out, fmt.Sprintf("%s by (%s) (%s, sum_over_time(%s[%s]))", d.worst, guardKeys, few, sc.rec(seriesPodSurplus, d.in), s.length))
	}
	return draft{record: seriesWorstPods, labels: labelsOf("window", s.name),
		text:    fmt.Sprintf("(%s) and on (region, release) %s", strings.Join(out, " or "), sc.rec(seriesRole)),
		comment: fmt.Sprintf("Pod guard, window %s: what the candidate pods add that add most to the harm.", s.name)}
}

// withoutPods is what remains without those.
func (b *book) withoutPods(s span, signals []signal) draft {
	sc, in := b.everyone(), anyOf(namesOf(signals))
	candidate, stable, window := match("role", string(runbook.Candidate)), match("role", string(runbook.Stable)), match("window", s.name)
	sum := func(series string, more ...string) string {
		return fmt.Sprintf("sum_over_time(%s[%s])", sc.rec(series, more...), s.length)
	}
	left := func(text, in string) string {
		return fmt.Sprintf("sum by (%[1]s) (%[2]s unless on (%[1]s, %[3]s) %[4]s)", guardKeys, text, b.Metrics.PodLabel, sc.rec(seriesWorstPods, window, in))
	}
	events := left(sum(seriesPodBad, candidate, in), "")
	others := fmt.Sprintf("sum by (%s) (%s)", guardKeys, sum(seriesBad, stable, in))
	var harm []string
	for _, d := range directions(signals) {
		harm = append(harm, fmt.Sprintf("%s(%s, 0)", d.clamp, left(sum(seriesPodSurplus, d.in), d.in)))
	}
	text := fmt.Sprintf("(%s) / on (%s) %s", likelihood(events, "("+strings.Join(harm, " or ")+")", others), guardKeys, sc.rec(seriesLastingPhi, in))
	comment := fmt.Sprintf("Pod guard, window %s: what remains without them", s.name)
	if p := s.penalty(); p > 0 {
		text += " - " + num(p)
		comment += ", less ln of how many such windows a day has"
	}
	return draft{record: seriesLeastPod, text: text, labels: labelsOf("window", s.name), comment: comment + "."}
}

// A direction is which way harm goes, and the signals for which it goes there.
type direction struct{ in, worst, clamp string }

func directions(signals []signal) []direction {
	var out []direction
	for _, fewer := range []bool{false, true} {
		d := direction{worst: "topk", clamp: "clamp_min"}
		if fewer {
			d = direction{worst: "bottomk", clamp: "clamp_max"}
		}
		if names := only(signals, func(s signal) bool { return s.family.fewer() == fewer }); len(names) > 0 {
			d.in = anyOf(names)
			out = append(out, d)
		}
	}
	return out
}

// likelihood is the log likelihood ratio at the best fitting odds ratio, from the events
// x of the candidate, their surplus y and the events s of stable:
// -x ln(1-y/x) - s ln(1+y/s). All carry guardKeys and nothing else.
func likelihood(events, surplus, others string) string {
	return fmt.Sprintf("-1 * (%[1]s * ln(clamp_min(1 - %[2]s / clamp_min(%[1]s, %[4]s), %[4]s)) + %[3]s * ln(clamp_min(1 + %[2]s / clamp_min(%[3]s, %[4]s), %[4]s)))",
		events, surplus, others, tiny)
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
