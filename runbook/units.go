package runbook

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

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
		p.missing(at, fmt.Sprintf("the name %s does not say it, and bounds from %s to %s are no seconds of requests: write one of %s",
			name, number(l.Buckets[0]), number(l.Buckets[len(l.Buckets)-1]), strings.Join(units, ", ")))
	}
}
