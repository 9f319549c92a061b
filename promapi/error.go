package promapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/outbound"
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
			return said.refusal(code)
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

// refusal is what Prometheus itself says.
func (s status) refusal(code int) *Error {
	return &Error{code, ErrorType(outbound.Excerpt(string(s.ErrorType))), outbound.Excerpt(s.Error)}
}

// Complete is err, or an error if the warnings tell that a part of the answer is missing:
// what is missing would count as nothing having happened. [Harmless] ones tell no such thing.
func Complete(warnings Warnings, err error) error {
	missing := slices.DeleteFunc(slices.Clone(warnings), Harmless)
	if err == nil && len(missing) > 0 {
		err = errors.New("partial answer: " + outbound.Excerpt(strings.Join(missing, "; ")))
	}
	return err
}

// remarks are what Prometheus says of a query whose answer has every series that it should.
// Its other warnings tell that it dropped some: those of mixed or malformed histograms.
var remarks = []string{
	"PromQL info: ",
	"PromQL warning: quantile value should be between 0 and 1",
	"PromQL warning: ratio value should be between -1 and 1",
	"PromQL warning: this native histogram metric is not a counter",
	"PromQL warning: this native histogram metric is not a gauge",
	"PromQL warning: conflicting counter resets during histogram",
	"PromQL warning: sort is ineffective for range queries",
}

// Harmless reports whether a warning is a remark about the query that takes nothing away from
// the answer. Whatever is not known to be one is not: Thanos and Mimir say in their own words
// that a store did not answer.
func Harmless(warning string) bool {
	return slices.ContainsFunc(remarks, func(r string) bool { return strings.HasPrefix(warning, r) })
}

// Refused reports whether Prometheus cannot answer the question (400, 422), rather than
// that it, or something in front of it, does not answer.
func Refused(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Type == BadData || e.Type == Execution)
}
