package rules

import (
	"fmt"
	"strings"
	"sync"

	"github.com/prometheus/prometheus/promql/parser"
)

// shapes knows which forms of expressions have been parsed. Two expressions have one
// shape if they differ in nothing but quoted texts, matchers, numbers, durations and
// the runbook's own metric and label names, all of which are checked on their own:
// then one parses if and only if the other does. Parsing takes nearly all the time of
// compiling, and a thousand runbooks have a few hundred shapes.
type shapes struct {
	parser parser.Parser
	mu     sync.Mutex
	known  map[string]bool
}

func newShapes() *shapes {
	return &shapes{parser: parser.NewParser(parser.Options{}), known: map[string]bool{}}
}

// parse makes an Expr in its readable form. names are words that the runbook chose.
func (s *shapes) parse(text string, names map[string]bool) (Expr, error) {
	tokens := scan(text)
	key := shapeOf(tokens, names)
	out, err := layout(tokens)
	if s.has(key) {
		return Expr{out}, err
	}
	tree, parseErr := s.parser.ParseExpr(text)
	if parseErr != nil {
		return Expr{}, fmt.Errorf("parse PromQL %q: %w", text, parseErr)
	}
	if err != nil {
		return Expr{}, err
	}
	if again, err := s.parser.ParseExpr(out); err != nil || again.String() != tree.String() {
		return Expr{}, fmt.Errorf("lay out %q: %q is another expression: %w", text, out, err)
	}
	s.add(key)
	return Expr{out}, nil
}

func (s *shapes) has(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[key]
}

func (s *shapes) add(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known[key] = true
}

// shapeOf writes tokens with everything blotted out that may differ.
func shapeOf(tokens []string, names map[string]bool) string {
	var out strings.Builder
	for _, t := range tokens {
		switch c := t[0]; {
		case c == '"':
			out.WriteString(`"`)
		case c == '{' && len(t) > 2:
			out.WriteString("{.}")
		case c == '[':
			out.WriteString(blotDigits(t))
		case digit(c):
			out.WriteString(unitOf(t))
		case names[t]:
			out.WriteString("$")
		default:
			out.WriteString(t)
		}
		out.WriteByte(' ')
	}
	return out.String()
}

// unitOf tells numbers and durations apart.
func unitOf(token string) string {
	if strings.ContainsAny(token, "smhdwy") {
		return "1s"
	}
	return "1"
}

// blotDigits leaves the form of a range: [5m] is [0s], [1h:30s] is [0s:0s].
func blotDigits(token string) string {
	from, to, sub := strings.Cut(strings.Trim(token, "[]"), ":")
	if !durationText(from) || sub && !durationText(to) {
		return token
	}
	if sub {
		return "[0s:0s]"
	}
	return "[0s]"
}

func durationText(text string) bool {
	return text != "" && digit(text[0]) && strings.Trim(text, "0123456789smhdwy") == ""
}
