package rules

import (
	"fmt"

	"github.com/prometheus/prometheus/promql/parser"
)

// An Expr is a PromQL expression that has been parsed. Only this package makes one; the
// zero Expr is the empty question and must not be asked.
type Expr struct{ text string }

// ParseExpr parses text as standard PromQL, without experimental functions.
func ParseExpr(text string) (Expr, error) {
	if _, err := parser.NewParser(parser.Options{}).ParseExpr(text); err != nil {
		return Expr{}, fmt.Errorf("parse PromQL %q: %w", text, err)
	}
	return Expr{text}, nil
}

// String returns the expression's text.
func (e Expr) String() string { return e.text }

// IsZero reports whether e is no expression at all.
func (e Expr) IsZero() bool { return e.text == "" }

// Pretty is the expression for people, broken into lines.
func (e Expr) Pretty() string {
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(e.text)
	if err != nil {
		return e.text
	}
	return parser.Prettify(tree)
}
