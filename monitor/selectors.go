package monitor

import (
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// A wanted is a set of series: those of one metric, or whatever others match if it has no
// plain name.
type wanted struct {
	name   string
	others []string  // matchers but for the name, sorted
	bounds []float64 // of a classic histogram; nil: every bound
}

// Selectors are the PromQL vector selectors, without a range, that together match all
// series that the counter wants. A metric is in one of them only. They match the versions
// and the region of the release, and of a classic histogram the runbook's bounds alone;
// what else they match beyond what is wanted is left out by Add. There is one for all
// counters with equal matchers, and one for each set of bounds.
func (c *Counter) Selectors() []string {
	var all []wanted
	for i := range c.measures {
		m := &c.measures[i]
		for _, matchers := range [][]*labels.Matcher{m.All, m.More, m.Bad, m.Squares} {
			all = append(all, wantedOf(matchers, nil)...)
		}
		if !m.Native {
			all = append(all, wantedOf(m.Histogram, m.Bounds)...)
		} else {
			all = append(all, wantedOf(m.Histogram, nil)...)
		}
	}
	for _, matchers := range c.requests {
		all = append(all, wantedOf(matchers, nil)...)
	}
	return c.written(byName(all))
}

func wantedOf(matchers []*labels.Matcher, bounds []float64) []wanted {
	if len(matchers) == 0 {
		return nil
	}
	w := wanted{bounds: bounds}
	for _, m := range matchers {
		if m.Name == labels.MetricName && m.Type == labels.MatchEqual {
			w.name = m.Value
		} else {
			w.others = append(w.others, m.String())
		}
	}
	slices.Sort(w.others)
	return []wanted{w}
}

// byName makes one of all that is wanted of a metric: what they have in common.
func byName(all []wanted) []wanted {
	var out []wanted
	for _, w := range all {
		i := slices.IndexFunc(out, func(o wanted) bool {
			return o.name == w.name && (w.name != "" || slices.Equal(o.others, w.others))
		})
		if i < 0 {
			out = append(out, w)
			continue
		}
		o := &out[i]
		o.others = slices.DeleteFunc(slices.Clone(o.others), func(m string) bool { return !slices.Contains(w.others, m) })
		if o.bounds == nil || w.bounds == nil {
			o.bounds = nil
			continue
		}
		o.bounds = slices.Concat(o.bounds, w.bounds)
		slices.Sort(o.bounds)
		o.bounds = slices.Compact(o.bounds)
	}
	return out
}

// written writes selectors, one for all names with equal matchers.
func (c *Counter) written(all []wanted) []string {
	names := map[string][]string{}
	var order []string
	for _, w := range all {
		matchers := slices.Concat(w.others, c.scope())
		if w.bounds != nil {
			matchers = append(matchers, (&labels.Matcher{Type: labels.MatchRegexp, Name: model.BucketLabel, Value: spellings(w.bounds)}).String())
		}
		key := strings.Join(matchers, ",")
		if w.name == "" {
			key = "\x00" + key
		}
		if names[key] == nil {
			order = append(order, key)
		}
		names[key] = append(names[key], w.name)
	}
	out := make([]string, 0, len(order))
	for _, key := range order {
		if matchers, nameless := strings.CutPrefix(key, "\x00"); nameless {
			out = append(out, "{"+matchers+"}")
			continue
		}
		out = append(out, "{"+anyOf(labels.MetricName, names[key])+","+key+"}")
	}
	return out
}

// scope are the matchers of both sides and the region. Sides that come by a join cannot be
// asked for.
func (c *Counter) scope() []string {
	var out []string
	if label, stable, candidate := c.sides(); c.joiner == nil {
		out = append(out, anyOf(label, []string{candidate, stable}))
	}
	if l := c.rb.Metrics.RegionLabel; l != "" {
		out = append(out, anyOf(l, []string{c.rel.Region}))
	}
	return out
}

// anyOf matches a label with one of the values, which are no regular expressions.
func anyOf(label string, values []string) string {
	slices.Sort(values)
	values = slices.Compact(values)
	if len(values) == 1 {
		return (&labels.Matcher{Type: labels.MatchEqual, Name: label, Value: values[0]}).String()
	}
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = regexp.QuoteMeta(v)
	}
	return (&labels.Matcher{Type: labels.MatchRegexp, Name: label, Value: strings.Join(quoted, "|")}).String()
}
