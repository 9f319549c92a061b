package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// envelope is Prometheus' form of an API answer.
type envelope struct {
	Status    string `json:"status"` // success | error
	Data      any    `json:"data,omitempty"`
	ErrorType string `json:"errorType,omitempty"`
	Error     string `json:"error,omitempty"`
}

// maxError bounds what is said of an order, in bytes: it may repeat what the order says.
const maxError = 16 << 10

func succeed(w http.ResponseWriter, data any) {
	writeJSON(w, http.StatusOK, envelope{Status: "success", Data: data})
}

func fail(w http.ResponseWriter, p problem) {
	switch p.code {
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "1")
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Basic realm="autorollback"`)
	}
	writeJSON(w, p.code, envelope{Status: "error", ErrorType: p.kind, Error: record.Truncate(p.text, maxError)})
}

func writeJSON(w http.ResponseWriter, code int, e envelope) {
	text, err := json.Marshal(e)
	if err != nil {
		code, text = http.StatusInternalServerError, []byte(`{"status":"error","errorType":"internal","error":"the answer cannot be written as JSON"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(append(text, '\n')) // the reader may be gone
}

// problemOf turns an engine's error into an answer. What nobody expected is logged
// here, where it stops.
func (s *server) problemOf(err error) problem {
	switch {
	case errors.Is(err, runbook.ErrNotFound):
		return problem{http.StatusNotFound, "not_found", err.Error()}
	case errors.Is(err, runbook.ErrConflict):
		return problem{http.StatusConflict, "conflict", err.Error()}
	case errors.Is(err, runbook.ErrForbidden):
		return problem{http.StatusForbidden, "forbidden", err.Error()}
	case errors.Is(err, runbook.ErrRefused):
		return problem{http.StatusConflict, "refused", err.Error()}
	case errors.Is(err, runbook.ErrLater), errors.Is(err, context.DeadlineExceeded):
		return problem{http.StatusServiceUnavailable, "later", err.Error()}
	}
	s.Log.Error("request not answered", zap.Error(err))
	return problem{http.StatusInternalServerError, "internal", err.Error()}
}
