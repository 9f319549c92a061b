package rules

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
)

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
	matchers, err := b.parser.ParseMetricSelector(selector)
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
	matchers, err := b.parser.ParseMetricSelector(bad)
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
