package runbook

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// metric checks the name of a series; where says what belongs there if it is missing.
func (p *decoder) metric(path, name, where string) {
	if name == "" {
		p.missing(path, where)
	} else if !IsName(name) {
		p.add(path, quoted(name)+" is not a metric name", "write the bare name, e.g. http_requests_total")
	}
}

// label checks the name of a label that Prometheus stores.
func (p *decoder) label(path, name string) {
	if !IsName(name) || strings.HasPrefix(name, "__") {
		p.add(path, quoted(name)+" is not a label name", "write the bare name, e.g. version or service.version")
	}
}

// IsName reports whether Prometheus 3 takes it as a name. Names with spaces, quotes or
// brackets are left out: they are PromQL that went to the wrong place.
func IsName(name string) bool {
	odd := func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("{}()[]\"'`\\,=", r)
	}
	return model.UTF8Validation.IsValidMetricName(name) && !strings.ContainsFunc(name, odd)
}

// LabelName writes the name of a label as PromQL reads it: in quotes where it needs them.
func LabelName(name string) string {
	if model.LegacyValidation.IsValidLabelName(name) {
		return name
	}
	return strconv.Quote(name)
}

// LabelNames writes several, for by (…) and on (…).
func LabelNames(names ...string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = LabelName(n)
	}
	return strings.Join(out, ", ")
}

// Series writes the selector of a metric's series. Matchers are PromQL.
func Series(metric string, matchers ...string) string {
	if !model.LegacyValidation.IsValidMetricName(metric) {
		return "{" + strings.Join(append([]string{strconv.Quote(metric)}, matchers...), ",") + "}"
	}
	if len(matchers) == 0 {
		return metric
	}
	return metric + "{" + strings.Join(matchers, ",") + "}"
}

// matchers checks PromQL label matchers without braces. None may fix a label of not, because
// rules put their own matcher on it.
func (p *decoder) matchers(path, text, example string, not ...string) {
	if strings.TrimSpace(text) == "" {
		p.missing(path, "write PromQL label matchers, e.g. "+example)
		return
	}
	fix := "write PromQL label matchers without braces, e.g. " + example
	found, err := parser.NewParser(parser.Options{}).ParseMetricSelector("{" + text + "}")
	if err != nil {
		p.add(path, quoted(text)+" does not parse as label matchers", fix)
		return
	}
	for _, m := range found {
		if m.Name == labels.MetricName {
			p.add(path, quoted(text)+" names a metric", fix)
		}
		for _, own := range not {
			if own != "" && m.Name == own && fixes(m) {
				p.add(path, quoted(text)+" fixes the label "+own, "leave that label out: the rules select by it themselves")
			}
		}
	}
}

// fixes reports whether one value alone passes; others may tell a service's versions from
// what other services count.
func fixes(m *labels.Matcher) bool {
	return m.Type == labels.MatchEqual || m.Type == labels.MatchRegexp && len(m.SetMatches()) == 1
}

func (p *decoder) query(path, text string) {
	if _, err := parser.NewParser(parser.Options{}).ParseExpr(text); err != nil {
		p.add(path, quoted(text)+" is not PromQL: "+err.Error(), "try it in Prometheus' graph page")
	}
}

// counter checks a series selector, with or without matchers. The label side may not
// be among them.
func (p *decoder) counter(path, text, side string) {
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	v, ok := tree.(*parser.VectorSelector)
	if err != nil || !ok || v.OriginalOffset != 0 || v.Timestamp != nil || v.StartOrEnd != 0 || !IsName(metricOf(v)) {
		fix := "write e.g. fallbacks_total{kind=\"empty\"}"
		if IsName(text) {
			fix = "write it as PromQL does, " + Series(text)
		}
		p.add(path, quoted(text)+" is not the name of a counter with matchers", fix)
		return
	}
	for _, m := range v.LabelMatchers {
		if m.Name == side {
			p.add(path, quoted(text)+" fixes the label "+side, "leave that label out: the rules select by it themselves")
		}
	}
}

// metricOf is the name in name{…} or {"name",…}; empty if there is none.
func metricOf(v *parser.VectorSelector) string {
	for _, m := range v.LabelMatchers {
		if m.Name == labels.MetricName && m.Type == labels.MatchEqual {
			return m.Value
		}
	}
	return v.Name
}

// vector checks an expression that answers with series, which may be none.
func (p *decoder) vector(path, text string) {
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	switch {
	case err != nil:
		p.query(path, text)
	case tree.Type() != parser.ValueTypeVector:
		p.add(path, fmt.Sprintf("%s answers with a %s, which is never empty", quoted(text), parser.DocumentedType(tree.Type())), "write a comparison of series, e.g. queue_length > 100")
	}
}

// quoted puts a text into whichever quotes leave it readable.
func quoted(text string) string {
	if strings.Contains(text, `"`) && strconv.CanBackquote(text) {
		return "`" + text + "`"
	}
	return strconv.Quote(text)
}

// A looked is one row of the page: what to look at, how to ask, what is good.
type looked struct{ Name, Query, Good string }

// side is the label that tells candidate and stable apart, as PromQL writes it.
func (m Metrics) side() string { return LabelName(m.SideLabel()) }

// bySide keeps them apart in an aggregation.
func (m Metrics) bySide() string { return " by (" + m.side() + ") " }

// rate adds up that of a metric's series, apart by the side if that is among the labels of by.
func (m Metrics) rate(of Selection, by string, window Duration) string {
	return m.sumOf(by, m.Select(of), window)
}

// sumOf does so of series by their selector.
func (m Metrics) sumOf(by, series string, window Duration) string {
	expr := m.Once(fmt.Sprintf("rate(%s[%s])", series, window))
	if strings.Contains(by, m.side()) {
		expr = m.Joined(expr)
	}
	return fmt.Sprintf("sum%s(%s)", by, expr)
}

// rates adds up counters that count one thing together.
func (m Metrics) rates(all []Selection, by string, window Duration) string {
	terms := make([]string, len(all))
	for i, s := range all {
		terms[i] = m.rate(s, by, window)
	}
	if len(terms) == 1 {
		return terms[0]
	}
	return "(" + strings.Join(terms, " + ") + ")"
}

func (m Metrics) requests(by string, window Duration) string {
	return m.rates(m.Requests.All(), by, window)
}

func (m Metrics) errorShare(by string, window Duration) string {
	return m.rate(m.Requests.Failed(), by, window) + " / " + m.requests(by, window)
}

// latency is a quantile, or the mean of a latency that has no quantiles, in the metric's unit.
func (m Metrics) latency(name string, q float64, by []string, window Duration) string {
	l, _ := m.LatencyOf(name)
	labels := by
	if l.Kind == Classic {
		labels = append(labels[:len(labels):len(labels)], "le")
	}
	group := ""
	if len(labels) > 0 {
		group = " by (" + LabelNames(labels...) + ") "
	}
	if l.IsMean() {
		return m.rate(l.SumSeries(), group, window) + " / " + m.rate(l.CountSeries(), group, window)
	}
	return fmt.Sprintf("histogram_quantile(%s, %s)", number(q), m.rate(l.HistogramSeries(), group, window))
}

func (r *Runbook) kpiRatio(name, by string, window Duration) string {
	k, _ := r.KPI(name)
	return r.Metrics.rate(k.GainSeries(), by, window) + " / " + r.Metrics.rate(k.TrialSeries(), by, window)
}

// recovery lists what must be good for users again, over all versions.
func (r *Runbook) recovery() []looked {
	v, m := r.Verification, r.Metrics
	side := m.SideLabel()
	rows := []looked{
		{"candidate traffic", m.requests(m.bySide(), v.Window), "0 or absent for the candidate's " + side},
		{"error rate", m.errorShare("", v.Window), fmt.Sprintf("below %s, and at most %s points above the stable level before", v.System.ErrorRate.Below, trimPercent(v.System.ErrorRate.Tolerance))},
	}
	if l := v.System.Latency; l != nil {
		good := fmt.Sprintf("at most %s above the stable level before", l.Tolerance)
		if l.Below > 0 {
			good = fmt.Sprintf("below %s, and %s", l.Below, good)
		}
		rows = append(rows, looked{r.latencyChecked(), m.latency(l.Latency, l.Quantile, nil, v.Window), good})
	}
	for _, b := range v.Business {
		rows = append(rows, looked{"KPI " + b.KPI, r.kpiRatio(b.KPI, "", v.Window),
			fmt.Sprintf("at most %s below the stable level before", b.Tolerance)})
	}
	return rows
}

// latencyChecked names what the check of latency looks at, and in what its metric counts
// unless that is seconds.
func (r *Runbook) latencyChecked() string {
	c := r.Verification.System.Latency
	name := Trigger{Latency: c.Latency, Quantile: c.Quantile}.latencyName()
	if l, _ := r.Metrics.LatencyOf(c.Latency); l.Unit.PerSecond() != 1 {
		name += " (" + l.Unit.Words() + ")"
	}
	return name
}
