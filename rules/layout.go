package rules

import (
	"fmt"
	"strings"
)

// lineWidth is where an expression is broken into lines.
const lineWidth = 100

// A node is a piece of an expression as it stands on the page: a chain of operands of
// one precedence, or a single term with brackets in it. It knows no types: whether
// the text is PromQL is the parser's business.
type node struct {
	operands []*node  // a chain, if there are any
	joints   []string // the operators between them, with their modifiers
	head     string   // of a term: up to its opening bracket
	args     []*node
	tail     string // from its closing bracket on
	bracket  bool
	width    int // on one line
}

// layout writes the tokens of an expression in its readable form: one line if it fits, otherwise
// one operand or argument on each line. Only white space differs from the text, so
// that the same tokens always give the same form.
func layout(tokens []string) (string, error) {
	l := &layer{tokens: tokens}
	tree := l.chain(0)
	if l.at < len(l.tokens) {
		return "", fmt.Errorf("lay out: %q is left over", l.tokens[l.at])
	}
	w := &writer{}
	w.node(tree, 0)
	return w.out.String(), nil
}

// layer reads tokens into nodes.
type layer struct {
	tokens []string
	at     int
}

func (l *layer) peek() string {
	if l.at < len(l.tokens) {
		return l.tokens[l.at]
	}
	return ""
}

func (l *layer) next() string {
	t := l.peek()
	l.at++
	return t
}

// binding is the precedence of a binary operator, 0 for anything else.
func binding(token string) int {
	switch token {
	case "or":
		return 1
	case "and", "unless":
		return 2
	case "==", "!=", "<=", "<", ">=", ">":
		return 3
	case "+", "-":
		return 4
	case "*", "/", "%", "atan2":
		return 5
	case "^":
		return 6
	}
	return 0
}

// chain reads operands joined by operators that bind tighter than the level.
func (l *layer) chain(level int) *node {
	left := l.term()
	for {
		power := binding(l.peek())
		if power <= level {
			return left
		}
		c := &node{operands: []*node{left}, width: left.width}
		for binding(l.peek()) == power {
			joint := l.joint()
			right := l.chain(power)
			c.joints, c.operands = append(c.joints, joint), append(c.operands, right)
			c.width += 2 + len(joint) + right.width
		}
		left = c
	}
}

// joint is an operator with what belongs to it: bool, on (…), group_left (…).
func (l *layer) joint() string {
	out := l.next()
	for {
		switch l.peek() {
		case "bool":
			out += " " + l.next()
		case "on", "ignoring", "group_left", "group_right":
			out += " " + l.next()
			if l.peek() == "(" {
				out += " " + l.list()
			}
		default:
			return out
		}
	}
}

// list reads a bracketed list of labels.
func (l *layer) list() string {
	out := l.next()
	for l.at < len(l.tokens) {
		t := l.next()
		if t == "," {
			t = ", "
		}
		out += t
		if t == ")" {
			break
		}
	}
	return out
}

// term reads what stands between two operators.
func (l *layer) term() *node {
	n := &node{}
	add := func(text string) {
		if n.bracket {
			n.tail += text
		} else {
			n.head += text
		}
	}
	for first := true; l.at < len(l.tokens); first = false {
		t := l.peek()
		switch {
		case t == ")" || t == ",":
			return n.measured()
		case (t == "-" || t == "+") && first:
			add(l.next())
			first = true
		case binding(t) > 0:
			return n.measured()
		case t == "(" && !n.bracket:
			l.brackets(n)
		case t == "(":
			add(l.list())
		case t == "by" || t == "without":
			add(" " + l.next() + " " + l.list())
			if !n.bracket && l.peek() == "(" {
				add(" ")
			}
		case t == "offset" || t == "@" || t == "anchored" || t == "smoothed":
			add(" " + l.next() + " ")
			if s := l.peek(); s == "-" || s == "+" {
				add(l.next())
			}
		default:
			add(l.next())
		}
	}
	return n.measured()
}

func (l *layer) brackets(n *node) {
	l.next()
	n.bracket = true
	for l.at < len(l.tokens) && l.peek() != ")" {
		n.args = append(n.args, l.chain(0))
		if l.peek() != "," {
			break
		}
		l.next()
	}
	n.tail = l.next()
}

func (n *node) measured() *node {
	n.width = len(n.head) + len(n.tail)
	if n.bracket {
		n.width++
	}
	for i, a := range n.args {
		if i > 0 {
			n.width += 2
		}
		n.width += a.width
	}
	return n
}

// writer puts nodes on lines.
type writer struct {
	out    strings.Builder
	column int
}

func (w *writer) text(s string) {
	w.out.WriteString(s)
	w.column += len(s)
}

func (w *writer) line(indent int) {
	w.out.WriteByte('\n')
	for range indent {
		w.out.WriteByte(' ')
	}
	w.column = indent
}

// node writes n from the current column on; further lines begin at the indent.
func (w *writer) node(n *node, indent int) {
	broken := w.column+n.width > lineWidth
	if len(n.operands) > 0 {
		w.chain(n, indent, broken)
		return
	}
	w.text(n.head)
	if !n.bracket {
		return
	}
	w.text("(")
	for i, a := range n.args {
		switch {
		case broken && i > 0:
			w.text(",")
		case i > 0:
			w.text(", ")
		}
		if broken {
			w.line(indent + 2)
		}
		w.node(a, indent+2)
	}
	if broken {
		w.line(indent)
	}
	w.text(n.tail)
}

func (w *writer) chain(n *node, indent int, broken bool) {
	for i, o := range n.operands {
		if i > 0 {
			if broken {
				w.line(indent)
			} else {
				w.text(" ")
			}
			w.text(n.joints[i-1] + " ")
		}
		inner := indent
		if len(o.operands) > 0 {
			inner += 2
		} else if broken && i > 0 && !o.bracket && w.column+o.width > lineWidth {
			w.line(indent + 2)
		}
		w.node(o, inner)
	}
}
