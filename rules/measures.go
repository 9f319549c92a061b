package rules

import (
	"fmt"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/runbook"
)

// A Measure is which of a service's own series the daemon counts under one name, pod by
// pod and interval by interval. The name is that of analysis.MeasureOf. Matchers hold the
// metric's name and the runbook's selector, and no version, region or pod.
type Measure struct {
	Name      string
	All, Bad  []*labels.Matcher // counters of opportunities and events
	More      []*labels.Matcher // a second counter of opportunities: failures, where All are successes
	Squares   []*labels.Matcher // of a KPI that is a mean: the counter of squared values
	Histogram []*labels.Matcher // instead of All and Bad: the _bucket series of a classic histogram, or a native one
	Native    bool
	Bounds    []float64 // finite bounds of a classic histogram, ascending
	Part      string    // the label of Bad that tells parts apart, and of All unless SharedAll; empty: no parts
	SharedAll bool      // every part has the same opportunities: All has no label Part
}

// Measures are what the daemon counts for a runbook: requests first, then what its
// comparative triggers need, each once, in their order. What the candidate gets of the
// traffic is not among them: it is told by requests. An error means that the runbook does
// not compile.
func Measures(rb *runbook.Runbook) ([]Measure, error) {
	b, err := open(rb)
	if err != nil {
		return nil, fmt.Errorf("measures of %s: %w", rb.Service, err)
	}
	requests := b.counters(b.requests(), b.failures())
	requests.Name = analysis.Requests
	out := []Measure{requests}
	seen := map[string]bool{"": true}
	for _, t := range rb.Triggers {
		name, measure := analysis.MeasureOf(t), kinds[t.Type].measure
		if seen[name] || measure == nil {
			continue
		}
		m := measure(b, t)
		m.Name, seen[name] = name, true
		out = append(out, m)
	}
	return out, nil
}

func (b *compiler) counters(all, bad counter) Measure {
	out := Measure{All: b.matched(all), Bad: b.matched(bad)}
	if len(all.more) > 0 {
		out.More = b.matched(all.more[0])
	}
	return out
}

// matched is a selector as Prometheus' own code has it. Its parts have been parsed.
func (b *compiler) matched(c counter) []*labels.Matcher {
	out, err := b.parser.ParseMetricSelector(b.series(c))
	if err != nil {
		return nil
	}
	return out
}
