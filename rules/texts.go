package rules

import (
	"fmt"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/autorollback/autorollback/runbook"
)

// pair is the two counters of a compare trigger.
type pair struct{ bad, all counter }

// readTriggers parses the PromQL that stands in triggers, and keeps it as Prometheus
// would write it.
func (b *book) readTriggers() error {
	for i, t := range b.Triggers {
		switch t.Type {
		case runbook.Compare:
			bad, err := b.counter(t.Bad)
			if err != nil {
				return fmt.Errorf("trigger %q: bad: %w", t.Name, err)
			}
			all, err := b.counter(t.All)
			if err != nil {
				return fmt.Errorf("trigger %q: all: %w", t.Name, err)
			}
			b.compared[t.Name] = pair{bad, all}
		case runbook.Anomaly:
			tree, err := b.parser.ParseExpr(t.Expr)
			if err != nil {
				return fmt.Errorf("trigger %q: expr: parse PromQL %q: %w", t.Name, t.Expr, err)
			}
			b.anomalies[b.Triggers[i].Name] = tree.String()
		}
	}
	return b.readDrift()
}

// counter reads a series selector.
func (b *book) counter(text string) (counter, error) {
	found, err := b.parser.ParseMetricSelector(text)
	if err != nil {
		return counter{}, fmt.Errorf("parse selector %q: %w", text, err)
	}
	var c counter
	for _, m := range found {
		if m.Name != labels.MetricName {
			c.matchers = append(c.matchers, m.String())
		} else if m.Type == labels.MatchEqual {
			c.name = m.Value
		}
	}
	if !model.LegacyValidation.IsValidMetricName(c.name) || reserved(c.name) {
		return counter{}, fmt.Errorf("selector %q names no metric", text)
	}
	return c, nil
}

func (b *book) readDrift() error {
	d := b.Metrics.Drift
	if d == nil {
		return nil
	}
	var err error
	if b.drift, err = b.matchers(d.Selector); err != nil {
		return fmt.Errorf("metrics.drift.selector: %w", err)
	}
	return nil
}
