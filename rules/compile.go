package rules

import (
	"fmt"
	"slices"

	"github.com/autorollback/autorollback/runbook"
)

// Compile turns a runbook into its rules: who plays which part, one recording rule for
// each level that alerts read, exactly one alert for each trigger in the runbook's order,
// and one Blind companion. The same runbook always gives the same rules. An error names
// what of the runbook is no PromQL.
//
// While no release is in flight nothing is recorded.
func Compile(rb *runbook.Runbook) (Group, error) {
	b, err := open(rb)
	if err != nil {
		return Group{}, fmt.Errorf("compile runbook %s: %w", rb.Service, err)
	}
	g := Group{Name: groupName(rb.Service), Interval: rb.Metrics.Interval}
	for _, d := range b.drafts() {
		r, err := b.finish(d)
		if err != nil {
			return Group{}, fmt.Errorf("compile runbook %s: %w", rb.Service, err)
		}
		g.Rules = append(g.Rules, r)
	}
	return g, nil
}

// CompileAll does what [Compile] does for many runbooks. The groups are in their order.
func CompileAll(rbs []*runbook.Runbook) ([]Group, error) {
	out := make([]Group, 0, len(rbs))
	for _, rb := range rbs {
		g, err := Compile(rb)
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, nil
}

func (b *book) drafts() []draft {
	out := []draft{b.roleRule()}
	for _, l := range b.allLevels() {
		out = append(out, b.recorded(l))
	}
	for _, t := range b.Triggers {
		out = append(out, b.alert(t))
	}
	return append(out, b.blind())
}

// allLevels are those of the triggers, and of the Blind companion alone.
func (b *book) allLevels() []level {
	out := b.levels()
	for _, l := range b.heard() {
		if !slices.ContainsFunc(out, func(o level) bool { return o.series() == l.series() }) {
			out = append(out, l)
		}
	}
	return out
}

// checkTriggers refuses what would break the one-to-one map, or has no series.
func (b *book) checkTriggers() error {
	seen := map[string]bool{WatchdogTrigger: true, BlindTrigger: true}
	for _, t := range b.Triggers {
		if seen[t.Name] {
			return fmt.Errorf("trigger name %q is taken", t.Name)
		}
		seen[t.Name] = true
		if t.For <= 0 {
			return fmt.Errorf("trigger %q has no window", t.Name)
		}
		if err := b.checkSubject(t); err != nil {
			return fmt.Errorf("trigger %q: %w", t.Name, err)
		}
	}
	return nil
}

// checkSubject makes sure that what the trigger measures is declared.
func (b *book) checkSubject(t runbook.Trigger) error {
	m := b.Metrics
	missing := map[string]bool{
		"latency":  m.Latency == nil && (t.Type == runbook.LatencyQuantile || t.Ceiling > 0),
		"features": m.Features == nil && t.Type == runbook.NullSpike,
		"schema":   m.Schema == nil && t.Type == runbook.SchemaMismatch,
		"drift":    m.Drift == nil && t.Type == runbook.DriftGauge,
	}
	for name, lacks := range missing {
		if lacks {
			return fmt.Errorf("metrics.%s is missing", name)
		}
	}
	if _, ok := b.KPI(t.KPI); t.Type == runbook.KPIDrop && !ok {
		return fmt.Errorf("kpi %q is not declared", t.KPI)
	}
	if _, ok := m.Distribution(t.Distribution); t.Type == runbook.DistributionShift && !ok {
		return fmt.Errorf("distribution %q is not declared", t.Distribution)
	}
	return nil
}
