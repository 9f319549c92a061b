package ofrep

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/autorollback/autorollback/bearer"
)

// maxBody is more than any evaluation context needs.
const maxBody = 64 << 10

// A handler answers from memory.
type handler struct {
	memory   *Memory
	requests *prometheus.CounterVec
}

// Handler serves the protocol, and the documents for flagd and go-feature-flag, to whoever has a
// token.
func Handler(m *Memory, tokens *bearer.Tokens, reg prometheus.Registerer) http.Handler {
	h := handler{memory: m, requests: promauto.With(reg).NewCounterVec(prometheus.CounterOpts{
		Name: "autorollback_ofrep_requests_total", Help: "Requests for flags, by status code.",
	}, []string{"code"})}
	for _, code := range []int{http.StatusOK, http.StatusNotModified, http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound, http.StatusInternalServerError} {
		h.requests.WithLabelValues(strconv.Itoa(code))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /ofrep/v1/evaluate/flags/{key...}", h.one)
	mux.HandleFunc("POST /ofrep/v1/evaluate/flags", h.bulk)
	for _, f := range Formats() {
		mux.HandleFunc("GET /"+f+"/{service}", func(w http.ResponseWriter, r *http.Request) { h.document(w, r, f) })
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if !tokens.Allow(r.Header.Values("Authorization")) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			h.answer(w, http.StatusUnauthorized, map[string]string{"errorDetails": "a valid bearer token is needed"})
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// one evaluates one flag.
func (h handler) one(w http.ResponseWriter, r *http.Request) {
	key := r.PathValue("key")
	a, problem := h.asked(w, r)
	if problem.ErrorCode != "" {
		problem.Key = key
		h.answer(w, http.StatusBadRequest, problem)
		return
	}
	e := a.view.Evaluate(a.version, key, a.now)
	h.answer(w, statusOf(e), e)
}

func statusOf(e Evaluation) int {
	switch e.ErrorCode {
	case "":
		return http.StatusOK
	case FlagNotFound:
		return http.StatusNotFound
	case General:
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// bulk evaluates every flag of a version.
func (h handler) bulk(w http.ResponseWriter, r *http.Request) {
	a, problem := h.asked(w, r)
	if problem.ErrorCode == "" && (a.view.ReadAt.IsZero() || a.view.Documents[a.version].Problem != "") {
		problem = a.view.Evaluate(a.version, "", a.now)
	}
	if problem.ErrorCode != "" {
		h.answer(w, statusOf(problem), problem)
		return
	}
	h.tagged(w, r, struct {
		Flags []Evaluation `json:"flags"`
	}{a.view.All(a.version, a.now)})
}

// document serves the flags of all versions of a service in another program's form.
func (h handler) document(w http.ResponseWriter, r *http.Request, format string) {
	view, why := h.find(strings.TrimSuffix(r.PathValue("service"), ".json"), r.URL.Query().Get("region"))
	if why != "" {
		h.answer(w, http.StatusNotFound, map[string]string{"errorDetails": why})
		return
	}
	now := time.Now()
	if view.ReadAt.IsZero() {
		h.answer(w, http.StatusInternalServerError, map[string]string{"errorDetails": "the store has not been read yet"})
		return
	}
	if view.Stale(now) {
		w.Header().Set("Age", strconv.Itoa(int(now.Sub(view.ReadAt).Seconds())))
		w.Header().Set("Warning", `110 - "Response is Stale"`)
	}
	doc, _, err := Export(view, format)
	if err != nil {
		h.answer(w, http.StatusInternalServerError, map[string]string{"errorDetails": err.Error()})
		return
	}
	h.tagged(w, r, doc)
}

// An asking is what a request is about.
type asking struct {
	view    View
	version string
	now     time.Time
}

// asked reads a request; the other answer is what is wrong with it.
func (h handler) asked(w http.ResponseWriter, r *http.Request) (asking, Evaluation) {
	var body struct {
		Context json.RawMessage `json:"context"`
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil && len(text) > 0 {
		err = json.Unmarshal(text, &body)
	}
	if err != nil {
		return asking{}, Evaluation{ErrorCode: ParseError, ErrorDetails: "the body is no JSON object with a context: " + err.Error()}
	}
	var context struct{ Service, Version, Region string }
	if len(body.Context) > 0 {
		err = json.Unmarshal(body.Context, &context)
	}
	if err != nil || context.Service == "" || context.Version == "" {
		return asking{}, Evaluation{ErrorCode: InvalidContext,
			ErrorDetails: "the context needs the texts service and version, those of the server that asks, and region where a service has several"}
	}
	view, why := h.find(context.Service, context.Region)
	if why != "" {
		return asking{}, Evaluation{ErrorCode: InvalidContext, ErrorDetails: why}
	}
	return asking{view, context.Version, time.Now()}, Evaluation{}
}

// find is the view of a service; region may be left out if it has one. The text says why there
// is none.
func (h handler) find(service, region string) (View, string) {
	var found []Target
	for _, t := range h.memory.Targets() {
		if t.Service == service && (region == "" || t.Region == region) {
			found = append(found, t)
		}
	}
	switch len(found) {
	case 1:
		return h.memory.View(found[0]), ""
	case 0:
		return View{}, fmt.Sprintf("no runbook here has routing.flags for service %q in region %q", service, region)
	}
	return View{}, fmt.Sprintf("service %q has %d regions: name one", service, len(found))
}

// tagged answers with an entity tag, or that nothing has changed since the caller's.
func (h handler) tagged(w http.ResponseWriter, r *http.Request, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		h.answer(w, http.StatusInternalServerError, map[string]string{"errorDetails": err.Error()})
		return
	}
	sum := sha256.Sum256(text)
	tag := `"` + hex.EncodeToString(sum[:16]) + `"`
	w.Header().Set("ETag", tag)
	for known := range strings.SplitSeq(r.Header.Get("If-None-Match"), ",") {
		if known = strings.TrimPrefix(strings.TrimSpace(known), "W/"); known == tag || known == "*" {
			h.requests.WithLabelValues(strconv.Itoa(http.StatusNotModified)).Inc()
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	h.write(w, http.StatusOK, text)
}

func (h handler) answer(w http.ResponseWriter, code int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		code, text = http.StatusInternalServerError, []byte(`{"errorDetails":"the answer cannot be written"}`)
	}
	h.write(w, code, text)
}

func (h handler) write(w http.ResponseWriter, code int, text []byte) {
	h.requests.WithLabelValues(strconv.Itoa(code)).Inc()
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(append(text, '\n')) // the caller may be gone
}
