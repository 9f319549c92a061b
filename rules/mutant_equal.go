package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// A suspect is a survivor with what must be known to explain it.
type suspect struct {
	rule     Rule
	mutant   Mutant
	interval runbook.Duration
	longest  runbook.Duration // of all scenes
	old, now []string         // tokens
	at       int              // the first that differs
}

func newSuspect(r Rule, m Mutant, interval, longest runbook.Duration) suspect {
	s := suspect{rule: r, mutant: m, interval: interval, longest: longest, old: scan(r.Expr.String()), now: scan(m.text)}
	for s.at < len(s.old) && s.at < len(s.now) && s.old[s.at] == s.now[s.at] {
		s.at++
	}
	return s
}

// because says why no scene can tell the survivor from the rule; empty: it is a hole in
// the tests.
func (s suspect) because() string {
	for _, why := range []func() string{s.halfStep, s.tooLong, s.tooShort, s.nothing, s.noSlow, s.whole, s.aboveTop, s.lowLevel, s.noErrors, s.nearNothing, s.onePod, s.fewTrials, s.hundred, s.presence, s.openAlone} {
		if text := why(); text != "" {
			return text
		}
	}
	return ""
}

// token is the old or new token at the difference.
func token(of []string, at int) string {
	if at >= 0 && at < len(of) {
		return of[at]
	}
	return ""
}

// spans are the old and the new length, of a window or an offset.
func (s suspect) spans() (old, now runbook.Duration, ok bool) {
	if s.mutant.Kind != MutantWindow {
		return 0, 0, false
	}
	old, errOld := runbook.ParseDuration(strings.Trim(token(s.old, s.at), "[]"))
	now, errNow := runbook.ParseDuration(strings.Trim(token(s.now, s.at), "[]"))
	return old, now, errOld == nil && errNow == nil
}

func (s suspect) halfStep() string {
	if token(s.old, s.at-1) == "offset" && token(s.old, s.at) == s.interval.String() && s.mutant.Kind == MutantWindow && !strings.HasPrefix(token(s.now, s.at), "[") {
		old, now, ok := s.spans()
		if !ok || now < old {
			return "samples of a test are a whole interval apart: half an interval back is the same one"
		}
	}
	return ""
}

func (s suspect) tooLong() string {
	if old, now, ok := s.spans(); ok && min(old, now) >= s.longest {
		return "both windows are longer than the longest scene: a scene of a day has thousands of evaluations"
	}
	return ""
}

// tooShort: an alternative that is gone, and would look further back than any scene does.
func (s suspect) tooShort() string {
	hour := runbook.Duration(time.Hour)
	has := func(what string) bool { return slices.Contains(s.now, what) }
	switch {
	case s.rule.Record == seriesPhi && s.longest < hour && s.mutant.Kind == MutantGuard && has("[1h]") != has("[3h]"),
		s.rule.Record == seriesPhi && s.longest < hour && s.mutant.Kind == MutantComparison && s.totalsAt(s.at),
		s.rule.Record == seriesPhi && s.longest < hour && s.mutant.Kind == MutantNumber && token(s.old, s.at) == "0" && s.totalsAt(s.at-1):
		return "one hour and three hours are longer than the longest scene: what one of them leaves out, the other says"
	case s.rule.Record == seriesPhi && s.longest < hour && s.mutant.Kind == MutantGuard && slices.Contains(s.old, "unless") && !has("unless") && has("autorollback_release_dispersion"):
		return "no scene is as long as the time before a release counts"
	case s.rule.Record == seriesEvidence && s.mutant.Kind == MutantGuard && has(`"release"`) && s.losesNothing():
		return "the longest scene is shorter than the trailing window: there is no evidence of it"
	}
	return ""
}

// totalsAt reports whether a comparison is that of a total of one hour or three.
func (s suspect) totalsAt(comparison int) bool {
	window := token(s.old, comparison-2)
	return token(s.old, comparison) == ">" && (window == "[1h]" || window == "[3h]")
}

// losesNothing reports whether the offsets that are gone are longer than every scene.
func (s suspect) losesNothing() bool {
	left, gone := offsetsOf(s.now), 0
	for _, text := range offsetsOf(s.old) {
		if i := slices.Index(left, text); i >= 0 {
			left = slices.Delete(left, i, i+1)
			continue
		}
		gone++
		if d, err := runbook.ParseDuration(text); err != nil || d <= s.longest {
			return false
		}
	}
	return gone > 0
}

func offsetsOf(tokens []string) []string {
	var out []string
	for i, t := range tokens {
		if t == "offset" {
			out = append(out, token(tokens, i+1))
		}
	}
	return out
}

// nothing: a window that looks for a pod's newest sample.
func (s suspect) nothing() string {
	old, now, ok := s.spans()
	pods := s.rule.Record == seriesPodAll || s.rule.Record == seriesPodBad || s.rule.Record == seriesAll || s.rule.Record == seriesBad || s.rule.Record == seriesSquares
	if ok && pods && now > old && old == 4*s.interval && token(s.old, s.at+1) == "offset" && slices.Contains(s.old[s.at:], "and") {
		return "a pod that has been away for longer is left out, whatever its events are taken to have been"
	}
	if ok && pods && old == 4*s.interval && token(s.old, s.at+1) != "offset" {
		return "while scrapes are lost a pod counts 0 or nothing: the sums are the same"
	}
	return ""
}

// noSlow: the count of slow requests is a share times the pod's requests.
func (s suspect) noSlow() string {
	if s.rule.Record != seriesPodBad || s.rule.Labels["role"] == "" {
		return ""
	}
	or := slices.Index(s.old, "or")
	_, _, window := s.spans()
	switch {
	case or >= 0 && s.at > or, !slices.Contains(s.now, "or"):
		return "a pod without requests in an interval has 0 slow ones, or no count of them: the sums are the same"
	case s.mutant.Kind == MutantGuard && strings.Count(s.mutant.text, "clamp_min") < strings.Count(s.rule.Expr.String(), "clamp_min"),
		window && token(s.old, s.at+1) == "offset":
		return "the share of slow requests is taken of none: the pod has no requests in that interval"
	}
	return ""
}

func (s suspect) whole() string {
	if s.mutant.Kind == MutantNumber && token(s.old, s.at) == "1" && token(s.now, s.at) == "1.5" && token(s.old, s.at-1) == ">" && s.rule.Labels["trigger"] == BlindTrigger {
		return "a count is a whole number: above 1 is above 1.5"
	}
	return ""
}

func (s suspect) aboveTop() string {
	if s.mutant.Kind == MutantNumber && token(s.old, s.at-2) == "histogram_fraction" && len(token(s.now, s.at)) > 0 && number(token(s.now, s.at)) > number(token(s.old, s.at)) {
		return "above the highest bound nothing is interpolated"
	}
	return ""
}

func number(token string) float64 {
	var v float64
	_, _ = fmt.Sscan(token, &v)
	return v
}

func (s suspect) lowLevel() string {
	switch {
	case s.rule.Record == seriesPool && s.mutant.Kind == MutantNumber && token(s.old, s.at) == "0":
		return "with less than one opportunity the dispersion is below 1, and counts as 1"
	case s.rule.Record == seriesLastingPhi && s.mutant.Kind == MutantNumber && token(s.old, s.at) == "0":
		return "until chance explains one event of a release, the dispersion of the last hours is as great"
	case s.rule.Record == seriesPhi && s.mutant.Kind == MutantNumber && token(s.old, s.at) == "0" && token(s.old, s.at-3) == "[3h]":
		return "chance explains more than one event of three hours, or they are of the last minutes and of the last hour as well"
	case s.rule.Record == seriesPhi && s.mutant.Kind == MutantSide && strings.Contains(token(s.old, s.at), "role="):
		return "with the pods of one side alone there is neither effect nor evidence to divide"
	}
	return ""
}

// nearNothing: the least number of events, which stands for none.
func (s suspect) nearNothing() string {
	if s.rule.Record != seriesLeastPod {
		return ""
	}
	switch {
	case s.mutant.Kind == MutantNumber && token(s.old, s.at) == tiny:
		return "a billionth of an event stands for none, and so does half of it or twice as much"
	case s.mutant.Kind == MutantGuard && token(s.old, s.at) == "clamp_min" && strings.HasSuffix(strings.Join(s.old[:s.at], ""), "ln("):
		return "what is left of the events is never below none: the clamp is there for rounding"
	case s.mutant.Kind == MutantGuard && token(s.old, s.at) == "clamp_min" && s.clampsAt(tiny) && s.operator() != "/":
		return "a billionth of an event stands for none where it divides; as a factor it is nothing either way"
	case s.mutant.Kind == MutantNumber && s.insideWhole(), s.mutant.Kind == MutantGuard && s.harmlessWhole():
		return "where the whole is no harm nothing is taken from it, whatever is left without a pod"
	}
	return ""
}

// clampsAt reports whether a bound is the last argument of the call at the difference.
func (s suspect) clampsAt(bound string) bool {
	depth := 0
	for i := s.at + 1; i < len(s.old); i++ {
		switch s.old[i] {
		case "(":
			depth++
		case ")":
			if depth--; depth == 0 {
				return s.old[i-1] == bound
			}
		}
	}
	return false
}

// operator is the one whose right side begins at the difference, or is an "or" of it
// and others.
func (s suspect) operator() string {
	for i := s.at - 1; i >= 0; i-- {
		switch s.old[i] {
		case "(", "on", "ignoring", "group_left", "group_right", "or", "clamp_min", "clamp_max":
		case ")":
			for depth := 1; depth > 0 && i > 0; {
				switch i--; s.old[i] {
				case ")":
					depth++
				case "(":
					depth--
				}
			}
		default:
			return s.old[i]
		}
	}
	return ""
}

// onePod: a sum over the stable side that is 1 at most.
func (s suspect) onePod() string {
	above := s.mutant.Kind == MutantNumber && token(s.old, s.at) == "0" && token(s.old, s.at-1) == ">" && token(s.now, s.at) == "1"
	switch {
	case !above:
	case s.rule.Record == seriesChance, s.rule.Record == seriesApart, s.rule.Record == seriesPhiDen:
		return "a single opportunity of stable is its pod's alone: there is nothing to differ from"
	}
	return ""
}

func (s suspect) fewTrials() string {
	if s.rule.Record == seriesMean && s.mutant.Kind == MutantNumber && token(s.old, s.at) == "0" && token(s.old, s.at-1) == ">" {
		return "values that are worth 30 equal ones are of more than one trial"
	}
	return ""
}

func (s suspect) hundred() string {
	if s.rule.Record == seriesShare && s.rule.Labels["signal"] == trafficSignal && s.mutant.Kind == MutantNumber && token(s.old, s.at) == "0" && token(s.old, s.at-1) == ">" && token(s.old, s.at+1) == ")" {
		return "the weights of a release add up to 100"
	}
	return ""
}

// afterRest reports whether the difference is in the whole that is taken from each rest.
func (s suspect) afterRest() bool {
	return !slices.Contains(s.old[min(s.at, len(s.old)):], "group_left")
}

// harmlessWhole: a surplus there that is not clamped where it is no harm makes the whole
// less than none, and nothing is taken from it either.
func (s suspect) harmlessWhole() bool {
	sign := map[string]string{"clamp_min": "-", "clamp_max": "+"}[token(s.old, s.at)]
	return s.afterRest() && s.clampsAt("0") && sign != "" && s.operator() == sign
}

// insideWhole: a clamp at 0 in the whole that is taken from each rest.
func (s suspect) insideWhole() bool {
	clamped := token(s.old, s.at) == "0" && token(s.old, s.at-1) == ","
	quotient := token(s.old, s.at+2) == "or" || token(s.old, s.at+2) == ")" && token(s.old, s.at+3) == "/"
	return s.afterRest() && clamped && quotient
}

// noErrors: an absolute limit of errors is 0, not missing, if nobody counts any.
func (s suspect) noErrors() string {
	or := slices.Index(s.old, "or")
	if s.rule.Alert == "" || or < 0 || token(s.old, or+1) != "0" {
		return ""
	}
	switch {
	case !slices.Contains(s.now, "or"):
		return "no errors are 0 errors or no answer: neither is above the limit"
	case s.mutant.Kind == MutantWindow && s.at > or && s.at < or+16:
		return "the window of what is taken times 0"
	case s.mutant.Kind == MutantNumber && token(s.old, s.at) == "0" && token(s.old, s.at-1) == ">":
		return "with less than one request there are fewer than the least number of requests"
	}
	return ""
}

// presence: quantiles whose ratio is asked for to be there, and not how great it is.
func (s suspect) presence() string {
	next := slices.IndexFunc(s.old[min(s.at, len(s.old)):], func(t string) bool { return t == "and" || t == ">" })
	if s.rule.Record == seriesBreach && s.mutant.Kind == MutantSide && next >= 0 && s.old[s.at+next] == "and" && slices.Contains(s.old[s.at+next:], "histogram_fraction") {
		return "a breach is true or not: where requests lie above the highest bucket, both sides have a quantile, and their ratio is not recorded"
	}
	return ""
}

// openAlone: a breach of what is itself recorded, or read, for open releases only.
func (s suspect) openAlone() string {
	last := len(s.old) - 1
	for last > 0 && s.old[last] != "and" {
		last--
	}
	if s.rule.Record != seriesBreach || s.mutant.Kind != MutantGuard || slices.Contains(s.old, "sum_over_time") {
		return ""
	}
	if strings.Join(s.now, " ") == "( "+strings.Join(s.old[:last], " ")+" )" {
		return "no past interval is read: without an open release there is nothing that could be true"
	}
	return ""
}
