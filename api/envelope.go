package api

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/runbook"
)

// An Envelope is what every answer of the API is in, in Prometheus' form.
type Envelope struct {
	Status    string    `json:"status"`              // success or error
	Data      any       `json:"data,omitempty"`      // of a success
	ErrorType ErrorType `json:"errorType,omitempty"` // of an error
	Error     string    `json:"error,omitempty"`     // of an error: a sentence
}

// An ErrorType is the kind of an error.
type ErrorType string

// The kinds of errors. The set is closed.
const (
	BadData      ErrorType = "bad_data"      // the order cannot be understood
	Unauthorized ErrorType = "unauthorized"  // sign in first
	Forbidden    ErrorType = "forbidden"     // you may not do this, or not from here
	NotFound     ErrorType = "not_found"     // there is no such thing
	Conflict     ErrorType = "conflict"      // it changed meanwhile: read again
	Refused      ErrorType = "refused"       // a rule forbids it; the sentence says which
	SecondPerson ErrorType = "second_person" // recorded, and not carried out: somebody else must order the same
	Later        ErrorType = "later"         // try again; with Retry-After
	Internal     ErrorType = "internal"      // nobody expected this; the daemon logs it
)

// An Error is an answer other than success.
type Error struct {
	Code int       // HTTP status
	Type ErrorType // empty: what answered is no daemon
	Text string    // a sentence
}

func (e *Error) Error() string { return e.Text }

// Is makes the daemon's refusals the same errors here as there.
func (e *Error) Is(target error) bool {
	switch e.Type {
	case NotFound:
		return target == runbook.ErrNotFound
	case Conflict:
		return target == runbook.ErrConflict
	case SecondPerson:
		return target == runbook.ErrSecond || target == runbook.ErrRefused
	case Forbidden:
		return target == runbook.ErrForbidden || target == runbook.ErrRefused
	case Refused:
		return target == runbook.ErrRefused
	case Later:
		return target == runbook.ErrLater
	}
	return false
}

func unwrap(text []byte, into any) error {
	got := Envelope{Data: into}
	if err := json.Unmarshal(text, &got); err != nil {
		return fmt.Errorf("read the daemon's answer: %w", err)
	}
	if got.Status != "success" {
		return errors.New("read the daemon's answer: it is not one of autorollback")
	}
	return nil
}

func errorOf(code int, text []byte) error {
	var e Envelope
	if err := json.Unmarshal(text, &e); err != nil || e.Error == "" {
		e.Error = fmt.Sprintf("the daemon answers %s: %q", outbound.Status(code), outbound.Excerpt(string(text)))
	}
	return &Error{Code: code, Type: e.ErrorType, Text: e.Error}
}
