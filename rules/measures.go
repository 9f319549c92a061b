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
	out := []Measure{b.counters(analysis.Requests, b.requests(), b.failures())}
	seen := map[string]bool{"": true, analysis.Requests: true, analysis.Traffic: true}
	for _, t := range rb.Triggers {
		if name := analysis.MeasureOf(t); !seen[name] {
			seen[name] = true
			out = append(out, b.measure(name, t))
		}
	}
	return out, nil
}

func (b *book) measure(name string, t runbook.Trigger) Measure {
	m := b.Metrics
	switch t.Type {
	case runbook.LatencyQuantile:
		return Measure{Name: name, Histogram: b.matched(b.histogram()), Native: b.native(), Bounds: m.Latency.Buckets}
	case runbook.KPIDrop:
		k, _ := b.KPI(t.KPI)
		out := b.counters(name, counterOf(k.Trials), counterOf(k.Gains()))
		if k.IsMean() {
			out.Squares = b.matched(counterOf(k.Squares))
		}
		return out
	case runbook.SchemaMismatch:
		return b.counters(name, counterOf(m.Schema.Checked), counterOf(m.Schema.Mismatches))
	case runbook.NullSpike:
		out := b.counters(name, counterOf(m.Features.Rows), counterOf(m.Features.Nulls))
		out.Part, out.SharedAll = m.Features.Label, m.Features.SharedRows
		return out
	case runbook.DistributionShift:
		d, _ := m.Distribution(t.Distribution)
		return Measure{Name: name, Histogram: b.matched(counterOf(d.Histogram + "_bucket")), Bounds: d.Buckets}
	default:
		p := b.compared[t.Name]
		return b.counters(name, p.all, p.bad)
	}
}

func (b *book) counters(name string, all, bad counter) Measure {
	return Measure{Name: name, All: b.matched(all), Bad: b.matched(bad)}
}

// matched is a selector as Prometheus' own code has it. Its parts have been parsed.
func (b *book) matched(c counter) []*labels.Matcher {
	out, err := b.parser.ParseMetricSelector(b.series(c))
	if err != nil {
		return nil
	}
	return out
}
