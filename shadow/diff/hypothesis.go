package diff

import (
	"cmp"
	"math"
	"slices"

	"github.com/autorollback/autorollback/shadow/stat"
)

// The rules' names.
const (
	RuleSchema   = "schema"   // a field is missing, extra or of another type
	RuleErrors   = "errors"   // the candidate fails oftener
	RuleMismatch = "mismatch" // a field differs oftener than by noise
	RuleShift    = "shift"    // a score's mean moved
	RuleDrift    = "drift"    // a score's distribution moved
	RuleLatency  = "latency"  // the candidate is slower
	RuleCoverage = "coverage" // too little was seen
	RuleInput    = "input"    // too much could not be read or matched
	RuleBaseline = "baseline" // stable is no baseline
	RuleBlind    = "blind"    // a field cannot be judged
	RuleAll      = "all"      // nothing stands against it
)

// ruleOrder is the order in which rules are named as the one that decided.
var ruleOrder = []string{RuleSchema, RuleErrors, RuleMismatch, RuleShift, RuleDrift, RuleLatency, RuleInput, RuleBaseline, RuleCoverage, RuleBlind}

// A hypothesis is one "no worse than the limit" that was tested.
type hypothesis struct {
	rule     string
	field    string
	at       segment
	effect   float64
	limit    float64
	p        float64
	adjusted float64
	show     *float64 // the same, in the report
}

// A family collects hypotheses.
type family struct{ list []*hypothesis }

// add enters one and returns where its adjusted p-value will stand.
func (d *family) add(h hypothesis) *float64 {
	h.show = new(float64)
	if math.IsNaN(h.p) { // numbers near the end of the range: other rules see them
		h.p = 1
	}
	d.list = append(d.list, &h)
	return h.show
}

// reject corrects for the number of tests and returns those that are rejected.
func (d *family) reject(alpha float64) []*hypothesis {
	ps := make([]float64, len(d.list))
	for i, h := range d.list {
		ps[i] = h.p
	}
	var rejected []*hypothesis
	for i, p := range stat.Holm(ps) {
		h := d.list[i]
		h.adjusted, *h.show = p, p
		if p <= alpha {
			rejected = append(rejected, h)
		}
	}
	return rejected
}

// order returns the segments of the buckets: all traffic, segments, hours, both.
func order(buckets map[segment]*bucket) []segment {
	segments := make([]segment, 0, len(buckets))
	for at := range buckets {
		segments = append(segments, at)
	}
	rank := func(p segment) int {
		switch {
		case p.isTotal():
			return 0
		case p.hour == allHours:
			return 1
		case p.segment == "":
			return 2
		}
		return 3
	}
	slices.SortFunc(segments, func(a, b segment) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.segment, b.segment), cmp.Compare(a.hour, b.hour))
	})
	return segments
}
