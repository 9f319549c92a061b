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

// matchers checks PromQL label matchers without braces and returns them. A label of
// not may not be among them, because rules put their own matcher on it.
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
			if own != "" && m.Name == own {
				p.add(path, quoted(text)+" fixes the label "+own, "leave that label out: the rules select by it themselves")
			}
		}
	}
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
