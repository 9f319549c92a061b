package monitor

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// What a series is counted as.
type kind uint8

const (
	opportunities kind = iota
	events
	squares
	bucket
	native
)

// A use is one thing that a series is counted as. A series may have several: one of
// failed requests is among all requests as well.
type use struct {
	measure uint16
	kind    kind
	at      int32 // the bucket's index, or the part's in measure.names; -1: no part
}

// whole is the part of what has none.
const whole = -1

// usesOf digests the labels of a series: nothing else of them is kept. Series with equal
// uses share them. None means that nobody wants the series.
func (c *Counter) usesOf(m model.Metric) []use {
	var out []use
	for i := range c.measures {
		if c.measures[i].Name != analysis.Traffic { // is told by the pace
			out = c.measures[i].appendUses(out, uint16(i), m)
		}
	}
	var key strings.Builder
	for _, u := range out {
		for _, v := range [...]int{int(u.measure), int(u.kind), int(u.at)} {
			key.WriteString(strconv.Itoa(v))
			key.WriteByte(' ')
		}
	}
	if have, ok := c.uses[key.String()]; ok {
		return have
	}
	c.uses[key.String()] = slices.Clip(out)
	return c.uses[key.String()]
}

func (m *measure) appendUses(out []use, i uint16, metric model.Metric) []use {
	if matches(m.All, metric) || matches(m.More, metric) {
		out = m.appendPart(out, use{i, opportunities, whole}, metric, m.SharedAll)
	}
	if matches(m.Bad, metric) {
		out = m.appendPart(out, use{i, events, whole}, metric, false)
	}
	if matches(m.Squares, metric) {
		out = append(out, use{i, squares, whole})
	}
	switch {
	case !matches(m.Histogram, metric):
	case m.Native:
		out = append(out, use{i, native, whole})
	default:
		if at, ok := bucketOf(m.Bounds, string(metric[model.BucketLabel])); ok {
			out = append(out, use{i, bucket, int32(at)})
		}
	}
	return out
}

func (m *measure) appendPart(out []use, u use, metric model.Metric, shared bool) []use {
	if m.Part == "" || shared {
		return append(out, u)
	}
	at, ok := m.partOf(string(metric[model.LabelName(m.Part)]))
	if !ok {
		return out
	}
	u.at = int32(at)
	return append(out, u)
}

// matches reports whether a metric has all that is asked for; no matchers match nothing.
func matches(matchers []*labels.Matcher, m model.Metric) bool {
	for _, want := range matchers {
		if !want.Matches(string(m[model.LabelName(want.Name)])) {
			return false
		}
	}
	return len(matchers) > 0
}

// role is the side that a series belongs to; false if it is another version's or another
// region's.
func (c *Counter) role(m model.Metric) (runbook.Role, bool) {
	metrics := &c.rb.Metrics
	if l := metrics.RegionLabel; l != "" && string(m[model.LabelName(l)]) != c.rel.Region {
		return "", false
	}
	return c.roleOf(m)
}

// sides are the label that tells the sides apart, and its values.
func (c *Counter) sides() (label, stable, candidate string) {
	label = c.rb.Metrics.SideLabel()
	if t := c.rb.Metrics.Track; t != nil {
		return label, t.Stable, t.Candidate
	}
	return label, c.rel.Stable.Version, c.rel.Candidate.Version
}

// hasEvents reports whether some of it appears only with the first event.
func hasEvents(uses []use) bool {
	return slices.ContainsFunc(uses, func(u use) bool { return u.kind == events || u.kind == squares })
}

// isMean reports whether Bad are values and no events.
func isMean(m rules.Measure) bool { return m.Squares != nil }

// bucketOf is the index of an `le` among the bounds, their number for +Inf. Bounds are
// numbers: "1e+06", "1000000" and "1000000.0" are one. False for a bound that the runbook
// does not name: the counts are cumulative, so its observations are in the next one.
func bucketOf(bounds []float64, le string) (int, bool) {
	v, err := strconv.ParseFloat(le, 64)
	if err != nil {
		return 0, false
	}
	if math.IsInf(v, 1) {
		return len(bounds), true
	}
	return slices.BinarySearch(bounds, v)
}

// bucketsOf makes counts of each bucket of cumulative ones. A bound that the exporter
// lacks has none, and its observations are in the next one.
func bucketsOf(cumulative, out []float64) []float64 {
	top := 0.0
	for _, v := range cumulative {
		next := max(top, v)
		out = append(out, next-top)
		top = next
	}
	return out
}

// spellings is a regular expression for all common ways to write the bounds, +Inf among
// them: trailing zeros, and exponents of numbers that are very large or small.
func spellings(bounds []float64) string {
	var out []string
	for _, v := range bounds {
		out = append(out, spelling(v))
	}
	return strings.Join(append(out, `[+]?Inf`), "|")
}

func spelling(v float64) string {
	fixed := zeros(strconv.FormatFloat(v, 'f', -1, 64))
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', -1, 64), "e")
	exp, _ := strconv.Atoi(exponent)
	switch {
	case v != 0 && exp >= 5:
		return fixed + "|" + zeros(mantissa) + "[eE][+]?0*" + strconv.Itoa(exp)
	case v != 0 && exp <= -4:
		return fixed + "|" + zeros(mantissa) + "[eE]-0*" + strconv.Itoa(-exp)
	}
	return fixed
}

// zeros allows for zeros at the end of a decimal number.
func zeros(decimal string) string {
	if strings.Contains(decimal, ".") {
		return strings.Replace(decimal, ".", "[.]", 1) + "0*"
	}
	return decimal + "([.]0+)?"
}

// keyOf tells series apart. It does not depend on the order of labels or on the process,
// so that replicas add up in the same order.
func keyOf(m model.Metric) uint64 {
	var sum uint64
	for name, value := range m {
		h := hash(hash(14695981039346656037, string(name))*1099511628211, string(value))
		h ^= h >> 33
		h *= 0xff51afd7ed558ccd
		h ^= h >> 33
		h *= 0xc4ceb9fe1a85ec53
		sum += h ^ h>>33
	}
	return sum
}

// hash is FNV-1a, going on from h.
func hash(h uint64, text string) uint64 {
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * 1099511628211
	}
	return h
}
