package runbook

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// HistogramKind is how the latency histogram is exposed.
type HistogramKind string

const (
	Classic HistogramKind = "classic" // <Histogram>_bucket{le=…}
	Native  HistogramKind = "native"
)

// Latency is how long requests take: a histogram, or a sum and a count, which tell the mean
// alone. Numbers are in the metric's own unit; thresholds in triggers and checks are times.
type Latency struct {
	Name      string        `yaml:"name,omitempty" json:"name,omitempty"`       // among latencies: lower-case letters, digits and dashes
	Histogram string        `yaml:"histogram,omitempty" json:"histogram"`       // the name without _bucket
	Kind      HistogramKind `yaml:"kind,omitempty" json:"kind"`                 // how it is exposed
	Unit      Unit          `yaml:"unit,omitempty" json:"unit,omitempty"`       // of its values; told by the end of the name, such as _ms; needed where the name says nothing and the bounds can hardly be seconds
	Buckets   []float64     `yaml:"buckets,omitempty" json:"buckets,omitempty"` // classic: the finite le bounds that the service has, in the metric's own unit, ascending
	Sum       string        `yaml:"sum,omitempty" json:"sum,omitempty"`         // instead of a histogram, of a mean: the counter of the times
	Count     string        `yaml:"count,omitempty" json:"count,omitempty"`     // of a mean: the counter of the requests that they are of
	Where     string        `yaml:"where,omitempty" json:"where,omitempty"`     // matchers without braces that all of its series carry, beside the selector
}

// IsMean reports whether only a mean is known, and no quantile.
func (l Latency) IsMean() bool { return l.Sum != "" || l.Count != "" }

// Metric is the name that may tell the unit.
func (l Latency) Metric() string {
	if l.IsMean() {
		return l.Sum
	}
	return l.Histogram
}

// HistogramSeries is the histogram with its matchers: of a classic one its buckets.
func (l Latency) HistogramSeries() Selection {
	if l.Kind == Native {
		return Selection{l.Histogram, and(l.Where)}
	}
	return Selection{l.Histogram + "_bucket", and(l.Where)}
}

// SumSeries is, of a mean, the counter of the times.
func (l Latency) SumSeries() Selection { return Selection{l.Sum, and(l.Where)} }

// CountSeries is, of a mean, the counter of requests.
func (l Latency) CountSeries() Selection { return Selection{l.Count, and(l.Where)} }

// Seconds are the bounds of a classic histogram, in seconds.
func (l Latency) Seconds() []float64 {
	out := slices.Clone(l.Buckets)
	for i := range out {
		out[i] /= l.Unit.PerSecond()
	}
	return out
}

// AllLatencies are latency, which has no name, and latencies, in their order.
func (m Metrics) AllLatencies() []Latency {
	if m.Latency != nil {
		return append([]Latency{*m.Latency}, m.Latencies...)
	}
	return m.Latencies
}

// LatencyOf is the latency of that name; the first one where none is named.
func (m Metrics) LatencyOf(name string) (Latency, bool) {
	all := m.AllLatencies()
	i := slices.IndexFunc(all, func(l Latency) bool { return name == "" || l.Name == name })
	if i < 0 {
		return Latency{}, false
	}
	return all[i], true
}

// nameFirst writes the first latency's name where none is named, so that texts can tell it.
func (m Metrics) nameFirst(name *string) {
	if first, ok := m.LatencyOf(""); ok && *name == "" {
		*name = first.Name
	}
}

// title is what messages call it.
func (l Latency) title() string {
	if l.Name == "" {
		return "metrics.latency"
	}
	return fmt.Sprintf("latency %q", l.Name)
}

// ofLatency ends a sentence about a latency that has a name.
func ofLatency(name string) string {
	if name == "" {
		return ""
	}
	return " of " + name
}

func (l *Latency) applyDefaults(p *decoder, at string) {
	unit := unitOf(l.Metric())
	if unit == "" {
		unit = InSeconds
	}
	setDefault(p, at+".unit", &l.Unit, unit)
}

func (m *Metrics) checkLatencies(p *decoder, sides []string) {
	if m.Latency != nil {
		m.Latency.check(p, "metrics.latency", sides)
		if p.has("metrics.latency.name") {
			p.add("metrics.latency.name", "belongs to metrics.latencies", "leave it out, or declare it there")
		}
	}
	for i, l := range m.Latencies {
		at := fmt.Sprintf("metrics.latencies[%d]", i)
		p.name(at+".name", l.Name)
		if first := slices.IndexFunc(m.Latencies, func(o Latency) bool { return o.Name == l.Name }); first < i {
			p.add(at+".name", fmt.Sprintf("%q is declared twice", l.Name), "give each latency its own name")
		}
		l.check(p, at, sides)
	}
}

func (l Latency) check(p *decoder, at string, sides []string) {
	p.where(at+".where", l.Where, append(slices.Clone(sides), "le"))
	if p.has(at+".sum") || p.has(at+".count") {
		l.checkMean(p, at)
	} else {
		l.checkHistogram(p, at)
	}
	p.checkUnit(at, l)
}

func (l Latency) checkMean(p *decoder, at string) {
	for _, field := range []string{"histogram", "kind", "buckets"} {
		if p.has(at + "." + field) {
			p.add(at+"."+field, "stands beside sum and count", "keep one of the two: a histogram, or sum and count for a mean")
		}
	}
	p.metric(at+".sum", l.Sum, "name the counter of the times, e.g. nv_inference_request_duration_us")
	p.metric(at+".count", l.Count, "name the counter of the requests that the times are of, e.g. nv_inference_request_success")
	p.twice(at+".count", l.Count, l.Sum, "sum")
}

func (l Latency) checkHistogram(p *decoder, at string) {
	p.metric(at+".histogram", l.Histogram, "name the histogram without _bucket, e.g. http_request_duration_seconds")
	p.oneOf(at+".kind", string(l.Kind), string(Classic), string(Native))
	switch buckets := l.Buckets; {
	case l.Kind == Native && len(buckets) > 0:
		p.add(at+".buckets", "does not belong to a native histogram", "leave it out")
	case l.Kind == Classic && len(buckets) == 0:
		p.missing(at+".buckets", "list the finite `le` bounds in "+l.Unit.Words()+", ascending, e.g. [0.05, 0.1, 0.25, 0.5, 1]: the rules name them")
	default:
		for i, bound := range buckets {
			if bound <= 0 || i > 0 && bound <= buckets[i-1] {
				p.add(fmt.Sprintf("%s.buckets[%d]", at, i), fmt.Sprintf("%v does not ascend", bound), "list the bounds above 0 in ascending order, each once")
			}
		}
	}
}

// A Unit is what a metric of durations counts in. Empty means seconds.
type Unit string

// The units.
const (
	InSeconds      Unit = "s"
	InMilliseconds Unit = "ms"
	InMicroseconds Unit = "us"
	InNanoseconds  Unit = "ns"
)

var units = []string{string(InSeconds), string(InMilliseconds), string(InMicroseconds), string(InNanoseconds)}

// PerSecond is how many of the unit a second has.
func (u Unit) PerSecond() float64 {
	switch u {
	case InMilliseconds:
		return 1e3
	case InMicroseconds:
		return 1e6
	case InNanoseconds:
		return 1e9
	}
	return 1
}

// Of is a duration in the unit.
func (u Unit) Of(d Duration) float64 { return d.Std().Seconds() * u.PerSecond() }

// Symbol is how a number of the unit is written, e.g. "ms".
func (u Unit) Symbol() string {
	if u == "" {
		return string(InSeconds)
	}
	return string(u)
}

// Words is the unit's name, e.g. "milliseconds".
func (u Unit) Words() string {
	switch u {
	case InMilliseconds:
		return "milliseconds"
	case InMicroseconds:
		return "microseconds"
	case InNanoseconds:
		return "nanoseconds"
	}
	return "seconds"
}

var namedUnit = regexp.MustCompile(`(?i)[_.:](?:` +
	`(?P<s>s|secs?|seconds?)|(?P<ms>ms|msecs?|millis|milliseconds?)|` +
	`(?P<us>us|usecs?|micros|microseconds?)|(?P<ns>ns|nsecs?|nanos|nanoseconds?))(?:[_.](?:sum|total|bucket))*$`)

// unitOf is the unit that a metric's name ends with; empty if it says none.
func unitOf(name string) Unit {
	m := namedUnit.FindStringSubmatchIndex(name)
	for _, u := range units {
		if i := 2 * namedUnit.SubexpIndex(u); m != nil && m[i] >= 0 {
			return Unit(u)
		}
	}
	return ""
}

// implausible reports whether bounds can hardly be seconds that a request takes.
func implausible(bounds []float64) bool {
	if len(bounds) == 0 {
		return false
	}
	least, most := bounds[0], bounds[len(bounds)-1]
	return most > longestBound || least >= 5 || least >= 1 && most >= 100
}

// longestBound in seconds: a histogram that goes further, and whose name tells no unit, is
// more likely one of milliseconds.
const longestBound = 300

// checkUnit demands a unit where neither the metric's name nor its bounds tell it, and
// refuses one that the name contradicts.
func (p *decoder) checkUnit(at string, l Latency) {
	name := l.Metric()
	says, written := unitOf(name), p.has(at+".unit")
	switch at += ".unit"; {
	case name == "":
	case written && !slices.Contains(units, string(l.Unit)):
		p.oneOf(at, string(l.Unit), units...)
	case written && says != "" && says != l.Unit:
		p.add(at, fmt.Sprintf("%q contradicts the name %s, which says %s", l.Unit, name, says.Words()),
			fmt.Sprintf("leave it out, or write %s; if the metric's name is wrong, rename it where it is exported or by a recording rule", says))
	case !written && says == "" && l.IsMean():
		p.missing(at, fmt.Sprintf("the name %s does not say in which unit it counts: write one of %s", name, strings.Join(units, ", ")))
	case !written && says == "" && implausible(l.Buckets):
		p.missing(at, fmt.Sprintf("the name %s does not say it, and bounds from %s to %s can hardly be seconds: write one of %s",
			name, number(l.Buckets[0]), number(l.Buckets[len(l.Buckets)-1]), strings.Join(units, ", ")))
	}
}
