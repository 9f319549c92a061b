package promapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// An ErrorType is Prometheus' word for why there is no answer, or ours for what is in front of
// it.
type ErrorType string

// The types that somebody tells apart.
const (
	BadData     ErrorType = "bad_data"  // it cannot be asked so
	Execution   ErrorType = "execution" // it cannot be computed, or is too large
	Timeout     ErrorType = "timeout"
	BadResponse ErrorType = "bad_response" // no answer of Prometheus
	ClientError ErrorType = "client_error" // 4xx, and not from Prometheus' API
	ServerError ErrorType = "server_error" // 5xx
)

// An Error is an answer that is none.
type Error struct {
	Code int // the HTTP status
	Type ErrorType
	Msg  string
}

// Error implements error.
func (e *Error) Error() string { return string(e.Type) + ": " + e.Msg }

// refusal reads an answer with another status than 2xx.
func refusal(code int, body []byte) *Error {
	if code == http.StatusBadRequest || code == http.StatusUnprocessableEntity {
		var said status
		if json.Unmarshal(body, &said) == nil && said.ErrorType != "" {
			return &Error{code, said.ErrorType, said.Error}
		}
	}
	switch code / 100 {
	case 4:
		return &Error{code, ClientError, fmt.Sprintf("client error: %d", code)}
	case 5:
		return &Error{code, ServerError, fmt.Sprintf("server error: %d", code)}
	}
	return &Error{code, BadResponse, fmt.Sprintf("bad response code %d", code)}
}

// Complete is err, or an error if the warnings tell that a part of the answer is missing:
// what is missing would count as nothing having happened.
func Complete(warnings Warnings, err error) error {
	if err == nil && len(warnings) > 0 {
		err = errors.New("partial answer: " + strings.Join(warnings, "; "))
	}
	return err
}

// Refused reports whether Prometheus cannot answer the question (400, 422), rather than
// that it, or something in front of it, does not answer.
func Refused(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Type == BadData || e.Type == Execution)
}
