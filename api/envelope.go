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
	Status    string `json:"status"`              // success or error
	Data      any    `json:"data,omitempty"`      // of a success
	ErrorType string `json:"errorType,omitempty"` // of an error, one of [ErrorTypes]
	Error     string `json:"error,omitempty"`     // of an error: a sentence
}

// An Error is an answer other than success.
type Error struct {
	Code int    // HTTP status
	Type string // one of [ErrorTypes]; empty: what answered is no daemon
	Text string // a sentence
}

func (e *Error) Error() string { return e.Text }

// Is makes the daemon's refusals the same errors here as there.
func (e *Error) Is(target error) bool {
	switch e.Type {
	case "not_found":
		return target == runbook.ErrNotFound
	case "conflict":
		return target == runbook.ErrConflict
	case "second_person":
		return target == runbook.ErrSecond || target == runbook.ErrRefused
	case "forbidden":
		return target == runbook.ErrForbidden || target == runbook.ErrRefused
	case "refused":
		return target == runbook.ErrRefused
	case "later":
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
