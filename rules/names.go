package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/autorollback/autorollback/runbook"
)

// What the daemon exports about open releases; rules join on it.
const (
	RoleSeries         = "autorollback_release_role"
	WeightSeries       = "autorollback_weight"
	SignificanceSeries = "autorollback_trigger_significance"
)

// recordPrefix is what the names of all recorded series begin with; RoleRecord is who
// plays which part, the only one that is no level of a signal.
const (
	recordPrefix = "autorollback_role:"
	RoleRecord   = recordPrefix + "release:info"
)

// recordedByUs reports whether a recorded series is ours.
func recordedByUs(name string) bool {
	return strings.HasPrefix(name, recordPrefix) || recordedBefore(name)
}

// recordedBefore reports whether an older version recorded the series: autorollback: is
// how the names began until the statistic moved into the daemon.
func recordedBefore(name string) bool { return strings.HasPrefix(name, "autorollback:") }

// alertName is Autorollback<Service><Word> in CamelCase.
func alertName(service, word string) string {
	return "Autorollback" + camel(service) + camel(word)
}

func camel(s string) string {
	var out strings.Builder
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return r == '-' || r == '_' || r == '.' }) {
		out.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return out.String()
}

// snake makes a name of the runbook part of a metric's name. Names hold no underscore.
func snake(s string) string { return strings.NewReplacer("-", "_", ".", "_").Replace(s) }

func groupName(service string) string { return "autorollback-" + service }

// num writes a number: short, no exponent for everyday sizes.
func num(v float64) string { return strconv.FormatFloat(v, 'g', 7, 64) }

// percentile writes 0.95 as p95 and 0.999 as p99.9.
func percentile(q float64) string { return "p" + num(q*100) }

func percent(r float64) string { return num(r*100) + "%" }

// match is one label matcher with its value quoted, whatever the value holds.
func match(name, value string) string {
	return fmt.Sprintf("%s=%s", runbook.LabelName(name), strconv.Quote(value))
}

func isRole(r runbook.Role) string { return match("role", string(r)) }

// checkNames makes sure that nothing but names stands where a rule needs a name, and
// that labels tell apart what they must.
func (b *compiler) checkNames() error {
	if b.Metrics.Interval <= 0 {
		return fmt.Errorf("metrics.interval %s is not positive", b.Metrics.Interval)
	}
	for _, l := range b.labelNames() {
		if !runbook.IsName(l) || reserved(l) {
			return fmt.Errorf("%q is not a label name", l)
		}
	}
	if err := b.checkApart(); err != nil {
		return err
	}
	for _, n := range b.metricNames() {
		if !runbook.IsName(n) || reserved(n) {
			return fmt.Errorf("%q is not a metric name", n)
		}
	}
	return nil
}

// checkApart refuses one label for two things that must be told apart.
func (b *compiler) checkApart() error {
	side, r := b.Metrics.SideLabel(), b.Metrics.RegionLabel
	if side == r {
		return fmt.Errorf("label %q tells both the side and the region", r)
	}
	if f := b.Metrics.Features; f != nil && (f.Label == side || f.Label == r) {
		return fmt.Errorf("label %q tells features apart, and something else as well", f.Label)
	}
	return nil
}

func (b *compiler) labelNames() []string {
	out := []string{b.Metrics.SideLabel(), b.Metrics.PodLabel}
	if l := b.Metrics.RegionLabel; l != "" {
		out = append(out, l)
	}
	if f := b.Metrics.Features; f != nil {
		out = append(out, f.Label)
	}
	if j := b.Metrics.Join; j != nil {
		out = append(out, j.On...)
	}
	if b.Metrics.Drift != nil {
		label, _ := b.Metrics.DriftLabel()
		out = append(out, label)
	}
	return append(out, b.Metrics.IgnoreLabels...)
}

func (b *compiler) metricNames() []string {
	var out []string
	for _, s := range b.declared() {
		out = append(out, s.Counter)
	}
	if d := b.Metrics.Drift; d != nil {
		out = append(out, d.Score, d.Threshold, d.LastRun)
	}
	if j := b.Metrics.Join; j != nil {
		out = append(out, j.Metric)
	}
	return out
}

// declared are the series that the runbook names, with their matchers.
func (b *compiler) declared() []runbook.Selection {
	m := b.Metrics
	out := append(m.Requests.All(), m.Requests.Failed())
	for _, k := range m.KPIs {
		out = append(out, k.GainSeries(), k.TrialSeries())
		if k.IsMean() {
			out = append(out, k.SquareSeries())
		}
	}
	for _, l := range m.AllLatencies() {
		if l.IsMean() {
			out = append(out, l.SumSeries(), l.CountSeries())
		} else {
			out = append(out, l.HistogramSeries())
		}
	}
	if f := m.Features; f != nil {
		out = append(out, f.NullSeries(), f.RowSeries())
	}
	if m.Schema != nil {
		out = append(out, append(m.CheckedBy(), m.Schema.Mismatched())...)
	}
	for _, d := range m.Distributions {
		out = append(out, d.BucketSeries())
	}
	if p := b.Verification.Pairing; p != nil {
		out = append(out, runbook.Selection{Counter: p.Metric, Where: p.Where})
	}
	if h := b.LastKnownGood.Health; h.Named() {
		out = append(out, h.Series())
	}
	return out
}

// reserved are the words that PromQL reads as something else than a name.
func reserved(name string) bool {
	return slices.Contains([]string{"and", "or", "unless", "atan2", "by", "without", "on", "ignoring", "group_left", "group_right",
		"bool", "offset", "anchored", "smoothed", "inf", "Inf", "INF", "nan", "NaN", "NAN"}, name)
}
