package main

import (
	"errors"
	"fmt"

	"github.com/autorollback/autorollback/runbook"
)

// usage is an error of the command line.
type usage struct{ error }

func (u usage) Error() string { return u.error.Error() + "; try --help" }

// wanting means that the command worked and found something to mend.
type wanting string

func (w wanting) Error() string { return string(w) }

// unclear means that the command worked and could find neither good nor bad.
type unclear string

func (u unclear) Error() string { return string(u) }

// found says how many things are to be mended; none is no error.
func found(n int, one, many string) error {
	switch n {
	case 0:
		return nil
	case 1:
		return wanting("1 " + one + " to mend")
	}
	return wanting(fmt.Sprintf("%d %s to mend", n, many))
}

// errSilent ends with a code and without a word: everything was said already.
var errSilent = errors.New("")

func exitCode(err error) int {
	var u usage
	var w wanting
	var un unclear
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &u):
		return exitUsage
	case errors.As(err, &w):
		return exitWanting
	case errors.As(err, &un):
		return exitUnclear
	case errors.Is(err, runbook.ErrRefused), errors.Is(err, runbook.ErrConflict):
		return exitRefused
	}
	return exitError
}
