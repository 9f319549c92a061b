package receiver

import (
	"net/http"
	"strings"
)

// An answer is a status code with a sentence, which Alertmanager writes to its log.
type answer struct {
	code int
	text string
}

func done() answer                       { return answer{http.StatusOK, "committed"} }
func later(text string) answer           { return answer{http.StatusServiceUnavailable, text} }
func never(code int, text string) answer { return answer{code, text} }

func (a answer) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	switch a.code {
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "1")
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	case http.StatusMethodNotAllowed:
		h.Set("Allow", http.MethodPost)
	}
	w.WriteHeader(a.code)
	// The sender may be gone; the outcome is committed all the same.
	_, _ = w.Write([]byte(strings.TrimSpace(a.text) + "\n"))
}
