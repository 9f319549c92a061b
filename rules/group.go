package rules

import "github.com/autorollback/autorollback/runbook"

// A Group is all rules of one runbook. They are evaluated in order, so that a rule
// sees what the rules before it recorded at the same moment.
type Group struct {
	Name     string
	Interval runbook.Duration
	Rules    []Rule
}

// A Rule is a recording rule or an alert: exactly one of Record and Alert is set.
type Rule struct {
	Record, Alert       string
	Expr                Expr
	For, KeepFiringFor  runbook.Duration
	Labels, Annotations map[string]string
	Comment             string // lines for the reader, without "#"
}
