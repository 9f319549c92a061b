package web

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// maxError bounds what is said of an order, in bytes: it may repeat what the order says.
const maxError = 16 << 10

func succeed(w http.ResponseWriter, data any) {
	writeJSON(w, http.StatusOK, api.Envelope{Status: "success", Data: data})
}

func fail(w http.ResponseWriter, p problem) {
	p.headers(w)
	writeJSON(w, p.code, api.Envelope{Status: "error", ErrorType: p.kind, Error: record.Truncate(p.text, maxError)})
}

// headers say when to try again, and how to sign in.
func (p problem) headers(w http.ResponseWriter) {
	if p.code == http.StatusServiceUnavailable || p.retry > 0 {
		seconds := max(1, math.Ceil(p.retry.Seconds()))
		w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
	}
	if p.code == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="autorollback"`)
	}
}

func writeJSON(w http.ResponseWriter, code int, e api.Envelope) {
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
		return problem{code: http.StatusNotFound, kind: api.NotFound, text: err.Error()}
	case errors.Is(err, runbook.ErrConflict):
		return problem{code: http.StatusConflict, kind: api.Conflict, text: err.Error()}
	case errors.Is(err, runbook.ErrSecond):
		return problem{code: http.StatusConflict, kind: api.SecondPerson, text: err.Error()}
	case errors.Is(err, runbook.ErrForbidden):
		return problem{code: http.StatusForbidden, kind: api.Forbidden, text: err.Error()}
	case errors.Is(err, runbook.ErrRefused):
		return problem{code: http.StatusConflict, kind: api.Refused, text: err.Error()}
	case errors.Is(err, runbook.ErrLater), errors.Is(err, context.DeadlineExceeded):
		return problem{code: http.StatusServiceUnavailable, kind: api.Later, text: err.Error()}
	}
	s.Log.Error("request not answered", zap.Error(err))
	return problem{code: http.StatusInternalServerError, kind: api.Internal, text: err.Error()}
}
