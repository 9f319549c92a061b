package runbook

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Problem is one mistake in a file: where it is, which field, what is wrong and
// how to mend it.
type Problem struct {
	File  string
	Line  int // 1-based; 0 if the value came from no file
	Field string
	What  string
	Mend  string
}

// Error returns "FILE:LINE: FIELD: what; mend", without the parts that are empty.
func (p Problem) Error() string {
	var b strings.Builder
	if p.File != "" {
		fmt.Fprintf(&b, "%s:%d: ", p.File, p.Line)
	}
	if p.Field != "" {
		fmt.Fprintf(&b, "%s: ", p.Field)
	}
	b.WriteString(p.What)
	if p.Mend != "" {
		b.WriteString("; " + p.Mend)
	}
	return b.String()
}

// Problems is every mistake found in one file, sorted by line. It is never returned
// empty as an error.
type Problems []Problem

// Error returns one problem per line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// err returns the problems sorted by line, or nil if there are none.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	slices.SortStableFunc(p, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return p
}

// wrong is a value's mistake before anybody knows where it stands.
type wrong struct{ what, mend string }

func (w wrong) Error() string { return w.what + "; " + w.mend }
