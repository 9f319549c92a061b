package runbook

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// metric checks the name of a series; where says what belongs there if it is missing.
func (p *decoder) metric(path, name, where string) {
	if name == "" {
		p.missing(path, where)
	} else if !model.LegacyValidation.IsValidMetricName(name) {
		p.add(path, quoted(name)+" is not a metric name", "write the bare name, e.g. http_requests_total")
	}
}

func (p *decoder) label(path, name string) {
	if !model.LegacyValidation.IsValidLabelName(name) || strings.HasPrefix(name, "__") {
		p.add(path, fmt.Sprintf("%q is not a label name", name), "use letters, digits and underscores")
	}
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
	if err != nil || !ok || v.OriginalOffset != 0 || v.Timestamp != nil || v.StartOrEnd != 0 || !model.LegacyValidation.IsValidMetricName(v.Name) {
		p.add(path, quoted(text)+" is not the name of a counter with matchers", "write e.g. fallbacks_total{kind=\"empty\"}")
		return
	}
	for _, m := range v.LabelMatchers {
		if m.Name == side {
			p.add(path, quoted(text)+" fixes the label "+side, "leave that label out: the rules select by it themselves")
		}
	}
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
