package rules

import (
	"fmt"
	"slices"

	"github.com/prometheus/common/model"
)

// checkNames makes sure that nothing but names stands where a rule needs a name, and
// that labels tell apart what they must.
func (b *book) checkNames() error {
	if b.Metrics.Interval <= 0 {
		return fmt.Errorf("metrics.interval %s is not positive", b.Metrics.Interval)
	}
	for _, l := range b.labelNames() {
		if !model.LegacyValidation.IsValidLabelName(l) || reserved(l) {
			return fmt.Errorf("%q is not a label name", l)
		}
	}
	if err := b.checkApart(); err != nil {
		return err
	}
	for _, n := range b.metricNames() {
		if !model.LegacyValidation.IsValidMetricName(n) || reserved(n) {
			return fmt.Errorf("%q is not a metric name", n)
		}
	}
	return nil
}

// checkApart refuses one label for two things that must be told apart.
func (b *book) checkApart() error {
	side, r := sideLabel(b.Runbook), b.Metrics.RegionLabel
	if side == r {
		return fmt.Errorf("label %q tells both the side and the region", r)
	}
	if f := b.Metrics.Features; f != nil && (f.Label == side || f.Label == r) {
		return fmt.Errorf("label %q tells features apart, and something else as well", f.Label)
	}
	return nil
}

func (b *book) labelNames() []string {
	out := []string{sideLabel(b.Runbook), b.Metrics.PodLabel}
	if l := b.Metrics.RegionLabel; l != "" {
		out = append(out, l)
	}
	if f := b.Metrics.Features; f != nil {
		out = append(out, f.Label)
	}
	return out
}

func (b *book) metricNames() []string {
	m := b.Metrics
	out := []string{m.Requests.Counter}
	for _, k := range m.KPIs {
		out = append(out, k.Gains(), k.Trials)
		if k.IsMean() {
			out = append(out, k.Squares)
		}
	}
	if m.Latency != nil {
		out = append(out, m.Latency.Histogram, m.Latency.Histogram+"_bucket")
	}
	if f := m.Features; f != nil {
		out = append(out, f.Nulls, f.Rows)
	}
	if s := m.Schema; s != nil {
		out = append(out, s.Mismatches, s.Checked)
	}
	for _, d := range m.Distributions {
		out = append(out, d.Histogram, d.Histogram+"_bucket")
	}
	if d := m.Drift; d != nil {
		out = append(out, d.Score, d.Threshold, d.LastRun)
	}
	if b.LastKnownGood.Health != "" {
		out = append(out, b.LastKnownGood.Health)
	}
	return out
}

// reserved are the words that PromQL reads as something else than a name.
func reserved(name string) bool {
	return slices.Contains([]string{"and", "or", "unless", "atan2", "by", "without", "on", "ignoring", "group_left", "group_right",
		"bool", "offset", "anchored", "smoothed", "inf", "Inf", "INF", "nan", "NaN", "NAN"}, name)
}
