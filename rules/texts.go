package rules

import (
	"fmt"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"github.com/autorollback/autorollback/runbook"
)

// pair is the two counters of a compare trigger.
type pair struct{ bad, all string }

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
			tree, err := b.shapes.parser.ParseExpr(t.Expr)
			if err != nil {
				return fmt.Errorf("trigger %q: expr: parse PromQL %q: %w", t.Name, t.Expr, err)
			}
			b.anomalies[b.Triggers[i].Name] = tree.String()
		}
	}
	return b.readDrift()
}

// counter reads a series selector and adds the service's own matchers.
func (b *book) counter(text string) (string, error) {
	found, err := b.shapes.parser.ParseMetricSelector(text)
	if err != nil {
		return "", fmt.Errorf("parse selector %q: %w", text, err)
	}
	name, matchers := "", []string(nil)
	for _, m := range found {
		if m.Name != labels.MetricName {
			matchers = append(matchers, m.String())
		} else if m.Type == labels.MatchEqual {
			name = m.Value
		}
	}
	if !model.LegacyValidation.IsValidMetricName(name) || reserved(name) {
		return "", fmt.Errorf("selector %q names no metric", text)
	}
	b.names[name] = true
	return b.raw(name, matchers...), nil
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
