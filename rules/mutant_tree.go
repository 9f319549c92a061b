package rules

import (
	"fmt"
	"slices"
	"time"

	"github.com/autorollback/autorollback/runbook"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// MutantKind is what a mutant changes.
type MutantKind string

const (
	MutantNumber     MutantKind = "number"     // times or divided by 1.5; 0 becomes 1
	MutantComparison MutantKind = "comparison" // the sign is turned round
	MutantSide       MutantKind = "side"       // candidate for stable, stable for candidate
	MutantWindow     MutantKind = "window"     // twice or half as long
	MutantGuard      MutantKind = "guard"      // an operand of and, unless or or, or a clamp, is gone
)

// mutantKinds in the order of reports.
func mutantKinds() []MutantKind {
	return []MutantKind{MutantNumber, MutantComparison, MutantSide, MutantWindow, MutantGuard}
}

// A cutting is one changed expression.
type cutting struct {
	kind MutantKind
	text string
}

// cuttings are all expressions that differ from the text in one thing. None of them
// says the same as the text, word for word.
func cuttings(text string) ([]cutting, error) {
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		return nil, fmt.Errorf("parse %q: %w", text, err)
	}
	c := &cutter{root: tree, plain: tree.String()}
	c.visit(&c.root)
	return c.out, nil
}

// A cutter changes a tree in place, writes it down, and puts it back.
type cutter struct {
	root  parser.Expr
	plain string
	out   []cutting
}

func (c *cutter) note(kind MutantKind) {
	if text := c.root.String(); text != c.plain && !slices.ContainsFunc(c.out, func(o cutting) bool { return o.text == text }) {
		c.out = append(c.out, cutting{kind, text})
	}
}

// swap notes the tree with another expression at a place.
func (c *cutter) swap(kind MutantKind, at *parser.Expr, with parser.Expr) {
	old := *at
	*at = with
	c.note(kind)
	*at = old
}

func (c *cutter) visit(at *parser.Expr) {
	switch e := (*at).(type) {
	case *parser.NumberLiteral:
		c.number(e)
	case *parser.BinaryExpr:
		c.binary(at, e)
		c.visit(&e.LHS)
		c.visit(&e.RHS)
	case *parser.ParenExpr:
		c.visit(&e.Expr)
	case *parser.UnaryExpr:
		c.visit(&e.Expr)
	case *parser.AggregateExpr:
		c.visit(&e.Expr)
	case *parser.SubqueryExpr:
		c.span(&e.Range)
		c.visit(&e.Expr)
	case *parser.MatrixSelector:
		c.span(&e.Range)
		c.visit(&e.VectorSelector)
	case *parser.VectorSelector:
		c.span(&e.OriginalOffset)
		c.sides(e)
	case *parser.Call:
		if n := e.Func.Name; n == "clamp_min" || n == "clamp_max" || n == "clamp" {
			c.swap(MutantGuard, at, &parser.ParenExpr{Expr: e.Args[0]})
		}
		for i := range e.Args {
			c.visit(&e.Args[i])
		}
	}
}

func (c *cutter) number(e *parser.NumberLiteral) {
	old := e.Val
	for _, v := range []float64{old * 1.5, old / 1.5} {
		if old == 0 {
			v = 1
		}
		e.Val = v
		c.note(MutantNumber)
	}
	e.Val = old
}

func (c *cutter) span(d *time.Duration) {
	old := *d
	for _, v := range []time.Duration{old * 2, old / 2} {
		*d = v.Truncate(time.Millisecond)
		c.note(MutantWindow)
	}
	*d = old
}

func (c *cutter) binary(at *parser.Expr, e *parser.BinaryExpr) {
	turned := map[parser.ItemType]parser.ItemType{parser.GTR: parser.LSS, parser.LSS: parser.GTR, parser.GTE: parser.LTE, parser.LTE: parser.GTE, parser.EQLC: parser.NEQ, parser.NEQ: parser.EQLC}
	switch e.Op {
	case parser.LAND, parser.LUNLESS:
		c.swap(MutantGuard, at, &parser.ParenExpr{Expr: e.LHS})
	case parser.LOR:
		c.swap(MutantGuard, at, &parser.ParenExpr{Expr: e.LHS})
		c.swap(MutantGuard, at, &parser.ParenExpr{Expr: e.RHS})
	default:
		if to, is := turned[e.Op]; is {
			old := e.Op
			e.Op = to
			c.note(MutantComparison)
			e.Op = old
		}
	}
}

// sides swaps the role that a selector asks for.
func (c *cutter) sides(e *parser.VectorSelector) {
	for i, m := range e.LabelMatchers {
		if m.Name != "role" || m.Type != labels.MatchEqual {
			continue
		}
		e.LabelMatchers[i] = labels.MustNewMatcher(labels.MatchEqual, "role", string(other(runbook.Role(m.Value))))
		c.note(MutantSide)
		e.LabelMatchers[i] = m
	}
}

func other(r runbook.Role) runbook.Role {
	if r == runbook.Candidate {
		return runbook.Stable
	}
	return runbook.Candidate
}
