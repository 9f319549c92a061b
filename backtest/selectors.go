package backtest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// lookback is how far an instant selector looks back.
const lookback = 5 * time.Minute

// anySide stands in a matcher for whatever version a release has.
const anySide = "autorollback-any-side"

// A need is what a replay reads of the service's own series.
type need struct {
	selectors []string      // none is part of another
	before    time.Duration // history that the first evaluation looks back on
}

// needs reads the selectors out of the rules and of the questions that the daemon
// asks: every name that neither the daemon nor the rules themselves write.
func needs(rb *runbook.Runbook, g rules.Group) (need, error) {
	exprs, err := questions(rb)
	if err != nil {
		return need{}, err
	}
	for _, r := range g.Rules {
		exprs = append(exprs, r.Expr)
	}
	var found [][]*labels.Matcher
	var n need
	for _, e := range exprs {
		if e.IsZero() {
			continue
		}
		tree, err := parser.NewParser(parser.Options{}).ParseExpr(e.String())
		if err != nil {
			return need{}, fmt.Errorf("parse PromQL %q: %w", e, err)
		}
		eachSelector(tree, func(s *parser.VectorSelector, back time.Duration) {
			if !ours(s) {
				found = append(found, wanted(s.LabelMatchers))
				n.before = max(n.before, back)
			}
		})
	}
	measures, err := rules.Measures(rb)
	if err != nil {
		return need{}, err
	}
	for _, m := range measures {
		for _, matchers := range [][]*labels.Matcher{m.All, m.More, m.Bad, m.Squares, m.Histogram} {
			if matchers != nil {
				found = append(found, matchers)
			}
		}
	}
	n.before = max(n.before, monitor.LooksBack)
	n.selectors = widest(found)
	return n, nil
}

// questions are those of the daemon's confirmation, for a release of any two versions.
func questions(rb *runbook.Runbook) ([]rules.Expr, error) {
	q, err := rules.Ask(rb)
	if err != nil {
		return nil, err
	}
	rel := record.Release{ID: anySide, Service: rb.Service,
		Stable: record.Side{Version: anySide}, Candidate: record.Side{Version: anySide}}
	out := []rules.Expr{q.Age(rel), q.Age(record.Release{}), q.StableUnhealthy(rel)}
	for _, side := range []runbook.Role{runbook.Stable, runbook.Candidate} {
		out = append(out, q.Pods(rel, side), q.Rate(rel, side))
	}
	for _, t := range rb.Triggers {
		e, err := q.Effect(t.Name, rel)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// eachSelector visits the selectors of an expression, with the time each looks back.
func eachSelector(tree parser.Node, visit func(*parser.VectorSelector, time.Duration)) {
	parser.Inspect(tree, func(node parser.Node, path []parser.Node) error {
		s, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		back, ranged := s.OriginalOffset, false
		for _, above := range path {
			switch a := above.(type) {
			case *parser.MatrixSelector:
				back, ranged = back+a.Range, true
			case *parser.SubqueryExpr:
				back += a.Range + a.OriginalOffset
			}
		}
		if !ranged {
			back += lookback
		}
		visit(s, back)
		return nil
	})
}

// ours is a series that the daemon, the rules or the rule engine write.
func ours(s *parser.VectorSelector) bool {
	for _, m := range s.LabelMatchers {
		if m.Name == labels.MetricName && m.Type == labels.MatchEqual {
			return strings.HasPrefix(m.Value, "autorollback") || m.Value == "ALERTS" || m.Value == "ALERTS_FOR_STATE"
		}
	}
	return false
}

// wanted drops the matchers that only tell the sides apart.
func wanted(all []*labels.Matcher) []*labels.Matcher {
	return slices.DeleteFunc(slices.Clone(all), func(m *labels.Matcher) bool { return m.Value == anySide })
}

// widest writes the selectors anew, without those whose series another one has too.
func widest(all [][]*labels.Matcher) []string {
	var out []string
	for i, one := range all {
		part := slices.ContainsFunc(all[:i], func(o []*labels.Matcher) bool { return within(one, o) }) ||
			slices.ContainsFunc(all[i+1:], func(o []*labels.Matcher) bool { return within(one, o) && !within(o, one) })
		if !part {
			out = append(out, selectorOf(one))
		}
	}
	slices.Sort(out)
	return out
}

// within reports whether every matcher of wide is one of narrow too.
func within(narrow, wide []*labels.Matcher) bool {
	for _, w := range wide {
		if !slices.ContainsFunc(narrow, func(n *labels.Matcher) bool { return n.String() == w.String() }) {
			return false
		}
	}
	return true
}

func selectorOf(matchers []*labels.Matcher) string {
	texts := make([]string, len(matchers))
	for i, m := range matchers {
		texts[i] = m.String()
	}
	return "{" + strings.Join(texts, ",") + "}"
}
