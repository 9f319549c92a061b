package promtest

import (
	"fmt"
	"maps"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/autorollback/autorollback/runbook"
)

// labelled writes a series; values are quoted.
func labelled(name string, of map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(of)) {
		if of[k] != "" {
			parts = append(parts, fmt.Sprintf("%s=%q", runbook.LabelName(k), of[k]))
		}
	}
	return runbook.Series(name, parts...)
}

// selector is of a series of the service, with more matchers.
func (b *compiled) selector(name string, more ...string) string {
	return runbook.Series(name, append(more, b.Metrics.Selector)...)
}

// within is the selector of a trigger, of the service's own series.
func (b *compiled) within(selector string) string {
	name := ""
	var more []string
	matchers, _ := b.parser.ParseMetricSelector(selector) // it has been compiled
	for _, m := range matchers {
		if m.Name == labels.MetricName {
			name = m.Value
		} else {
			more = append(more, m.String())
		}
	}
	return b.selector(name, more...)
}

// plain and exact write numbers, with all digits; num is short.
func plain(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func exact(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func num(v float64) string { return strconv.FormatFloat(v, 'g', 7, 64) }

// invent is a metric name and labels that a selector selects.
func (b *compiled) invent(selector string) (string, map[string]string, error) {
	matchers, err := b.parser.ParseMetricSelector(selector)
	if err != nil {
		return "", nil, fmt.Errorf("read %s: %w", selector, err)
	}
	slices.SortFunc(matchers, func(a, b *labels.Matcher) int { return strings.Compare(a.String(), b.String()) })
	name, out := "", map[string]string{}
	for _, m := range matchers {
		v, ok := valueFor(m)
		switch {
		case !ok:
			return "", nil, fmt.Errorf("no value could be made up for %s", m)
		case m.Name == labels.MetricName:
			name = v
		case v != "":
			out[m.Name] = v
		}
	}
	for _, m := range matchers {
		if m.Name != labels.MetricName && !m.Matches(out[m.Name]) {
			return "", nil, fmt.Errorf("no labels could be made up for %s", selector)
		}
	}
	return name, out, nil
}

// valueFor is a value that a matcher takes.
func valueFor(m *labels.Matcher) (string, bool) {
	tries := []string{m.Value}
	if re, err := syntax.Parse(m.Value, syntax.Perl); err == nil && m.Type == labels.MatchRegexp {
		tries = []string{shortest(re)}
	}
	for _, v := range append(tries, "500", "other", "x", "") {
		if m.Matches(v) {
			return v, true
		}
	}
	return "", false
}

// shortest is a short text that a regular expression takes.
func shortest(re *syntax.Regexp) string {
	switch re.Op {
	case syntax.OpLiteral:
		return string(re.Rune)
	case syntax.OpCharClass:
		return string(re.Rune[0])
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return "0"
	case syntax.OpCapture, syntax.OpPlus, syntax.OpAlternate:
		return shortest(re.Sub[0])
	case syntax.OpRepeat:
		return strings.Repeat(shortest(re.Sub[0]), re.Min)
	case syntax.OpConcat:
		var b strings.Builder
		for _, part := range re.Sub {
			b.WriteString(shortest(part))
		}
		return b.String()
	}
	return ""
}

// versions are names that the matchers of the requests take.
func (b *compiled) versions() map[runbook.Role]string {
	stable, candidate := "v1", "v2"
	matchers, _ := b.parser.ParseMetricSelector(b.Metrics.Select(b.Metrics.Requests.All()[0])) // it has been compiled
	for _, m := range matchers {
		if v, ok := valueFor(m); ok && m.Name == b.Metrics.VersionLabel && !m.Matches(stable) && m.Matches(v+"1") {
			stable, candidate = v+"1", v+"2"
		}
	}
	return map[runbook.Role]string{runbook.Stable: stable, runbook.Candidate: candidate}
}

// otherwise are labels that all selects and bad does not.
func (b *compiled) otherwise(all, bad string) (map[string]string, error) {
	_, fits, err := b.invent(all)
	if err != nil {
		return nil, err
	}
	matchers, err := b.parser.ParseMetricSelector(bad)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", bad, err)
	}
	for _, m := range matchers {
		if _, fixed := fits[m.Name]; fixed || m.Name == labels.MetricName {
			continue
		}
		for _, v := range []string{"200", "ok", "other", m.Value} {
			if !m.Matches(v) {
				fits[m.Name] = v
				return fits, nil
			}
		}
	}
	return nil, fmt.Errorf("no labels could be made up for %s that are not %s", all, bad)
}
