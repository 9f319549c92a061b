package monitor

import (
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
	if matches(m.All, metric) {
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
	if t := c.rb.Metrics.Track; t != nil {
		return t.Label, t.Stable, t.Candidate
	}
	return c.rb.Metrics.VersionLabel, c.rel.Stable.Version, c.rel.Candidate.Version
}

// hasEvents reports whether some of it appears only with the first event.
func hasEvents(uses []use) bool {
	return slices.ContainsFunc(uses, func(u use) bool { return u.kind == events || u.kind == squares })
}

// isMean reports whether Bad are values and no events.
func isMean(m rules.Measure) bool { return m.Squares != nil }
