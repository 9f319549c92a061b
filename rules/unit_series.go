package rules

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
)

// unitStart is what counters hold at first: far from 0, where rate and increase would
// extrapolate less.
const unitStart = 1e6

// A tally is a counter's growth, step by step; NaN: this scrape was lost. A counter may
// be reset once, to 0, and grow from there.
type tally struct {
	grown []float64
	reset int  // the step at which it begins anew; 0: never
	late  bool // nothing before the first scrape that is not lost
	born  bool // of bad ones: nothing before the first
}

// text is the counter in promtool's notation: runs of equal growth.
func (t tally) text() string {
	value, out, i := unitStart, []string{unitNum(unitStart)}, 0
	switch {
	case t.born:
		value, out = 0, []string{"_"}
		for i < len(t.grown) && !(t.grown[i] > 0) {
			out, i = append(out, "_"), i+1
		}
	case t.late:
		out = []string{"_"}
	}
	for i < len(t.grown) {
		g, n := t.grown[i], 1
		if t.reset == i+1 {
			value, g = 0, 0
		}
		if math.IsNaN(g) {
			out = append(out, "_")
			i++
			continue
		}
		for t.reset != i+1 && i+n < len(t.grown) && t.grown[i+n] == g && t.reset != i+n+1 {
			n++
		}
		first := value + g
		if n == 1 {
			out = append(out, unitNum(first))
		} else {
			out = append(out, fmt.Sprintf("%s+%sx%d", unitNum(first), unitNum(g), n-1))
		}
		value += g * float64(n)
		i += n
	}
	return strings.Join(out, " ")
}

func unitNum(v float64) string { return strconv.FormatFloat(exact(v), 'f', -1, 64) }

// exact rounds to a fraction that adds up without error: a sum that ends a hair higher
// than the next value would be a counter's reset.
func exact(v float64) float64 { return math.Round(v*4096) / 4096 }

// labelled writes a series; values are quoted.
func labelled(name string, of map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(of)) {
		parts = append(parts, match(k, of[k]))
	}
	return name + "{" + strings.Join(parts, ",") + "}"
}

// invent is a metric name and labels that a selector selects.
func (b *book) invent(selector string) (string, map[string]string, error) {
	matchers, err := b.shapes.parser.ParseMetricSelector(selector)
	if err != nil {
		return "", nil, fmt.Errorf("read %s: %w", selector, err)
	}
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
	for _, part := range strings.FieldsFunc(m.Value, func(r rune) bool { return r == '|' || r == '(' || r == ')' }) {
		tries = append(tries, part, strings.ReplaceAll(part, ".", "0"), strings.NewReplacer(".*", "", ".+", "x", "\\", "", "[.]", ".").Replace(part))
	}
	tries = append(tries, "500", "other", "x", "")
	for _, v := range tries {
		if m.Matches(v) {
			return v, true
		}
	}
	return "", false
}

// otherwise are labels that all selects and bad does not.
func (b *book) otherwise(all, bad string) (map[string]string, error) {
	_, fits, err := b.invent(all)
	if err != nil {
		return nil, err
	}
	matchers, err := b.shapes.parser.ParseMetricSelector(bad)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", bad, err)
	}
	for _, m := range matchers {
		if _, fixed := fits[m.Name]; fixed || m.Name == labels.MetricName {
			continue
		}
		for _, v := range []string{"200", "ok", "other"} {
			if !m.Matches(v) {
				fits[m.Name] = v
				return fits, nil
			}
		}
	}
	return nil, fmt.Errorf("no labels could be made up for %s that are not %s", all, bad)
}

// sortedSeries puts series in the order of their names.
func sortedSeries(all []unitSeries) []unitSeries {
	slices.SortFunc(all, func(a, b unitSeries) int { return strings.Compare(a.series, b.series) })
	return all
}
