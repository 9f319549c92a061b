package rules

import (
	"fmt"

	"github.com/autorollback/autorollback/runbook"
)

// A mean, such as the revenue per request, has no events to tell whose they are. Its
// statistic holds the means of the two sides of one interval against each other. With
// D their difference, stable less candidate, v its variance and δ a drop,
//
//	y = δ D/v, w = δ²/v
//	llr = sgn(y) ln(1 + |y| + y²/2) - ln(1 + w/2)
//
// which is Catoni's influence function (2012), as Wang and Ramdas use it (Catoni-style
// confidence sequences for heavy-tailed mean estimation, 2023). Where D has mean 0 and
// variance v, exp of it has a mean of at most 1, whatever the distribution: an interval
// of one great order cannot speak louder than its variance allows, so the values need
// not be normal, nor their intervals long. For small y it is the likelihood ratio of
// the normal distribution, y - w/2. The means and variances of single trials are those
// of all intervals since the release began, and so v is estimated: of the two sides
// together, or of a side alone where that varies more.
const (
	// leastTrials is how many trials of equal value the values seen so far must be
	// worth, Kish's (Σx)²/Σx², before a variance is believed.
	leastTrials = 30
	// leastMeanEvidence is what must remain of an e-value without any one pod: odds of
	// 100 : 1.
	leastMeanEvidence = 100.0
	// leastVariance is added to the variance, as a share of the squared mean: values
	// that are all alike have none, and every difference would be proof.
	leastVariance = 1e-4
)

const (
	seriesSquares       = "autorollback:squares"            // squares of a side's values in one interval
	seriesSince         = "autorollback:mean:since"         // trials, sum and squares of a side since the release began
	seriesMean          = "autorollback:mean:level"         // mean of a trial of both sides since then
	seriesVariance      = "autorollback:mean:variance"      // variance of a trial of a side
	seriesMeanInfo      = "autorollback:mean:information"   // squared mean over the variance of the sides' difference in one interval
	seriesMeanPull      = "autorollback:mean:pull"          // that, times the drop of one interval
	seriesRestInfo      = "autorollback:mean:rest:info"     // the same two without one candidate pod
	seriesRestPull      = "autorollback:mean:rest:pull"     //
	seriesMeanInfluence = "autorollback:mean:pod:influence" // what one candidate pod adds to the ratio
)

// meanFamily has the drops of the kpi family. Its guard is its own.
func meanFamily() family { return family{name: "mean", null: 1, thetas: kpiFamily().thetas} }

func (s signal) isMean() bool { return s.family.name == meanFamily().name }

func (b *book) meanSignal(k runbook.KPI) signal {
	return signal{name: "kpi_" + k.Name, family: meanFamily(), all: counted{b.raw(k.Trials), "trials"},
		bad: counted{b.raw(k.Sum), "values"}, squares: b.raw(k.Squares)}
}

const meanKeys = "region, release, signal"

// meanRules are the statistic of one interval of all signals that are means.
func (b *book) meanRules(signals []signal) []draft {
	var out []draft
	for _, s := range signals {
		if s.isMean() {
			out = append(out, b.squaresOf(s))
		}
	}
	in := meanFamily().in(signals)
	out = append(out, b.meanMoments(in)...)
	out = append(out, b.meanPull(in)...)
	return append(out, b.meanRest(in)...)
}

func (b *book) squaresOf(s signal) draft {
	return draft{record: seriesSquares, labels: labelsOf("signal", s.name), comment: fmt.Sprintf("Signal %s: squares of the values of each side in one interval.", s.name),
		text: fmt.Sprintf("sum by (region, release, role) (%s)", b.sided("("+b.bornDelta(s.squares)+" and "+b.present(s.name)+")", b.everyone()))}
}

// meanMoments are the mean and the variance of a trial since the release began.
func (b *book) meanMoments(in string) []draft {
	sc := b.everyone()
	var out []draft
	for _, of := range []struct{ series, name, words string }{
		{seriesAll, "trials", "trials"}, {seriesBad, "sum", "values"}, {seriesSquares, "squares", "squared values"},
	} {
		out = append(out, draft{record: seriesSince, labels: labelsOf("of", of.name), comment: "Means: " + of.words + " of each side since the release began.",
			text: b.running("region, release, role, signal", sc.rec(of.series, in), sc.rec(seriesSince, match("of", of.name)))})
	}
	each := func(of string) string {
		return fmt.Sprintf("sum by (region, release, role, signal) (%s)", sc.rec(seriesSince, match("of", of), in))
	}
	both := func(of string) string {
		return fmt.Sprintf("sum by (%s) (%s)", meanKeys, sc.rec(seriesSince, match("of", of), in))
	}
	worth := fmt.Sprintf("%s ^ 2 / %s >= %d", both("sum"), both("squares"), leastTrials)
	level := fmt.Sprintf("%s / (%s > 0) and on (%s) %s", both("sum"), both("trials"), meanKeys, worth)
	const spread = "on (" + meanKeys + ") group_left ()"
	pooled := fmt.Sprintf("(0 * %s + %s (%s / %s - %s * %s))", each("trials"), spread, both("squares"), both("trials"), num(1-leastVariance), fmt.Sprintf("sum by (%s) (%s) ^ 2", meanKeys, sc.rec(seriesMean, in)))
	own := fmt.Sprintf("(%[1]s / (%[2]s > 0) - %[4]s * (%[3]s / %[2]s) ^ 2)", each("squares"), each("trials"), each("sum"), num(1-leastVariance))
	return append(out,
		draft{record: seriesMean, text: level, comment: fmt.Sprintf("Means: the value of one trial of both sides, once the values are worth %d equal ones.", leastTrials)},
		draft{record: seriesVariance, text: fmt.Sprintf("(%s > %s) or on (region, release, role, signal) %s", own, pooled, pooled),
			comment: "Means: its variance on each side, at least that of both together."})
}

// meanPull is the drop of one interval and how much it weighs.
func (b *book) meanPull(in string) []draft {
	sc := b.everyone()
	of := func(series string, role runbook.Role) string {
		return fmt.Sprintf("sum by (%s) (%s)", meanKeys, sc.rec(series, match("role", string(role)), in))
	}
	noise := func(role runbook.Role) string {
		return fmt.Sprintf("%s / (%s > 0)", of(seriesVariance, role), of(seriesAll, role))
	}
	level := func(role runbook.Role) string {
		return fmt.Sprintf("%s / %s", of(seriesBad, role), of(seriesAll, role))
	}
	mean := fmt.Sprintf("sum by (%s) (%s)", meanKeys, sc.rec(seriesMean, in))
	return []draft{
		{record: seriesMeanInfo, text: fmt.Sprintf("%s ^ 2 / (%s + %s)", mean, noise(runbook.Candidate), noise(runbook.Stable)),
			comment: "Means: how much one interval can tell: the squared mean over the variance of the sides' difference."},
		{record: seriesMeanPull, text: fmt.Sprintf("sum by (%s) (%s) / %s * (%s - %s)", meanKeys, sc.rec(seriesMeanInfo, in), mean, level(runbook.Stable), level(runbook.Candidate)),
			comment: "Means: and that, times how much lower the candidate is in it."},
	}
}

// catoni is the log likelihood ratio of a drop, from pull and information.
func (b *book) catoni(drop float64, pull, info, in string) string {
	u, h := b.everyone().rec(pull, in), b.everyone().rec(info, in)
	half := num(drop * drop / 2)
	return fmt.Sprintf("sgn(%[1]s) * ln(1 + %[3]s * abs(%[1]s) + %[4]s * %[1]s ^ 2) - ln(1 + %[4]s * %[2]s)", u, h, num(drop), half)
}
