package runbook

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What a listener and the command line must be able to tell apart. Everything
// else is an accident.
var (
	// ErrNotFound means that there is no such release, incident, approval or bundle.
	ErrNotFound = errors.New("not found")
	// ErrRefused means that a rule forbids it; asking again gives the same answer.
	// Make one with [Refuse], so that the message is only the reason.
	ErrRefused = errors.New("refused")
	// ErrForbidden is a refusal of this person; another one may. Make one with [Forbid].
	ErrForbidden = errors.New("forbidden")
	// ErrConflict means that the plan the question rests on is no longer the plan:
	// look again and decide again.
	ErrConflict = errors.New("the plan has changed")
	// ErrLater means that it cannot be done now (store or Prometheus unreachable,
	// overloaded, stopping): nothing is lost by asking again.
	ErrLater = errors.New("not now, try again")
)

// Refuse returns an error whose text is the sentence and which is [ErrRefused].
func Refuse(format string, args ...any) error {
	return refusal(fmt.Sprintf(format, args...))
}

// Forbid is like [Refuse], of an error that is [ErrForbidden] as well.
func Forbid(format string, args ...any) error {
	return forbidden{refusal(fmt.Sprintf(format, args...))}
}

type refusal string

func (r refusal) Error() string      { return string(r) }
func (refusal) Is(target error) bool { return target == ErrRefused }

type forbidden struct{ refusal }

func (forbidden) Is(target error) bool { return target == ErrForbidden || target == ErrRefused }

// A Problem is one mistake in a file: where it is, which field, what is wrong and
// how to fix it.
type Problem struct {
	File  string
	Line  int // 1-based; 0 if the value came from no file
	Field string
	What  string
	Fix   string
}

// Error returns "FILE:LINE: FIELD: what; fix", without the parts that are empty.
func (p Problem) Error() string {
	var b strings.Builder
	if p.File != "" {
		fmt.Fprintf(&b, "%s:%d: ", p.File, p.Line)
	}
	if p.Field != "" {
		fmt.Fprintf(&b, "%s: ", p.Field)
	}
	b.WriteString(p.What)
	if p.Fix != "" {
		b.WriteString("; " + p.Fix)
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
type wrong struct{ what, fix string }

func (w wrong) Error() string { return w.what + "; " + w.fix }
