package runbook

import (
	"errors"
	"fmt"
)

// What a door (web page, API, command line) must be able to tell apart. Everything
// else is an accident.
var (
	// ErrNotFound means that there is no such release, incident, approval or bundle.
	ErrNotFound = errors.New("not found")
	// ErrRefused means that a rule forbids it; asking again gives the same answer.
	// Make one with [Refuse], so that the message is only the reason.
	ErrRefused = errors.New("refused")
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

type refusal string

func (r refusal) Error() string      { return string(r) }
func (refusal) Is(target error) bool { return target == ErrRefused }
