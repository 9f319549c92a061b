package cli

import (
	"errors"
	"fmt"

	"github.com/autorollback/autorollback/daemon"
	"github.com/autorollback/autorollback/runbook"
)

// Exit codes.
const (
	ExitOK      = 0
	ExitError   = 1
	ExitUsage   = 2
	ExitWanting = 3
	ExitRefused = 4
	ExitUnclear = 5
)

// Exits says what each exit code means.
var Exits = []struct {
	Code  int
	Means string
}{
	{ExitOK, "It worked, and what was checked is as it should be."},
	{ExitError, "It did not work: a file, the network, the daemon or Prometheus."},
	{ExitUsage, "The command line is wrong, and nothing was done."},
	{ExitWanting, "It worked, and the check found something."},
	{ExitRefused, "A rule forbids it, or it changed meanwhile; the sentence says which."},
	{ExitUnclear, "It worked, but there is no answer: neither good nor bad."},
}

// usage is an error of the command line.
type usage struct{ error }

// Usage says that the command line is wrong.
func Usage(err error) error { return usage{err} }

func (u usage) Error() string { return u.error.Error() + "; try --help" }

// Wanting means that the command worked and found something to fix.
type Wanting string

func (w Wanting) Error() string { return string(w) }

// Unclear means that the command worked and could find neither good nor bad.
type Unclear string

func (u Unclear) Error() string { return string(u) }

// Found says how many things are to be fixed; none is no error.
func Found(n int, one, many string) error {
	switch n {
	case 0:
		return nil
	case 1:
		return Wanting("1 " + one + " to fix")
	}
	return Wanting(fmt.Sprintf("%d %s to fix", n, many))
}

// ErrSilent ends with a code and without a word: everything was said already.
var ErrSilent = errors.New("")

// ExitCode is what the process exits with.
func ExitCode(err error) int {
	var u usage
	var o daemon.OptionError
	var w Wanting
	var un Unclear
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &u), errors.As(err, &o):
		return ExitUsage
	case errors.As(err, &w):
		return ExitWanting
	case errors.As(err, &un):
		return ExitUnclear
	case errors.Is(err, runbook.ErrRefused), errors.Is(err, runbook.ErrConflict):
		return ExitRefused
	}
	return ExitError
}
