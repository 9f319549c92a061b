// Package receiver is the webhook listener: Alertmanager's webhook (version 4) in,
// alerts out, on a listener of its own with its own authentication. It answers 200
// only once the outcome of every alert is committed, 503 for "later", and 400, 401,
// 404, 405, 413 or 415 for "never".
//
// It never decides anything, never answers 429 or 3xx (Alertmanager would not send
// again), never reads an unauthenticated body, and believes nothing that a body says
// beyond "look here".
package receiver

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/bearer"
	"github.com/autorollback/autorollback/record"
)

// Path is the only path that is served.
const Path = "/v1/alertmanager"

// An Intake takes alerts. Alerts returns nil once the outcome of every alert is
// committed, and an error if they should be sent again later. It honours ctx.
type Intake interface {
	Alerts(ctx context.Context, alerts []record.Alert) error
	// LeftOut is told of alerts that are not for us, or that cannot be ones, so that they
	// have an outcome as well: [record.NotOurs] or [record.Malformed].
	LeftOut(alerts []record.Alert, o record.AlertOutcome)
}

// Config says who may send. At least one of TokenFile and TLS.ClientCA is needed;
// with both, both are demanded.
type Config struct {
	// TokenFile holds the valid bearer tokens, one per line, each of at least 32
	// bytes. It is read at every request, so that tokens can be rotated.
	TokenFile string
	TLS       TLS
	// Known reports whether a runbook has that trigger; nil knows them all. Unknown
	// ones are counted and passed on anyway: the engine has the last word.
	Known func(service, trigger string) bool
	// Dropped counts the connections that were closed to keep to their limits.
	Dropped prometheus.Counter
}

// A Receiver is Alertmanager's webhook as an [http.Handler], and its server.
type Receiver struct {
	intake   Intake
	known    func(service, trigger string) bool
	tokens   *bearer.Tokens
	clients  *clients
	dropped  prometheus.Counter
	log      *zap.Logger
	metrics  metrics
	gate     *gate
	draining atomic.Bool
	accepted atomic.Pointer[Call]
	refused  atomic.Pointer[Call]
}

// New returns a receiver. It refuses a configuration that lets anybody in, and
// files that it cannot use.
func New(intake Intake, cfg Config, log *zap.Logger, reg prometheus.Registerer) (*Receiver, error) {
	if cfg.TokenFile == "" && cfg.TLS.ClientCA == "" {
		return nil, fmt.Errorf("receiver lets anybody in: name a bearer token file, a client CA file, or both")
	}
	r := &Receiver{intake: intake, known: cfg.Known, dropped: cfg.Dropped, log: log, gate: newGate()}
	if r.known == nil {
		r.known = func(string, string) bool { return true }
	}
	var err error
	if r.tokens, err = bearer.Open(cfg.TokenFile, log); err != nil {
		return nil, err
	}
	if r.clients, err = openClients(cfg.TLS, log); err != nil {
		return nil, err
	}
	r.metrics = newMetrics(reg)
	return r, nil
}

// budget is the time for the intake; Alertmanager itself waits longer.
const budget = 3 * time.Second

// ServeHTTP answers one webhook call.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	began := time.Now()
	a := r.answer(w, req)
	a.write(w)
	r.metrics.request(a.code, time.Since(began))
	r.remember(a, req, began)
}

// A Call is one webhook call and its answer.
type Call struct {
	At   time.Time
	From string // host of the peer
	Code int
	Text string
}

// remember keeps the newest call of each kind; 503 is neither, since the sender comes again.
func (r *Receiver) remember(a answer, req *http.Request, at time.Time) {
	host := hostOf(req)
	call := &Call{At: at, From: host, Code: a.code, Text: a.text}
	switch a.code {
	case http.StatusOK:
		r.accepted.Store(call)
		if before := r.refused.Load(); before != nil && before.From == host {
			r.refused.CompareAndSwap(before, nil) // what was wrong there is put right
		}
	case http.StatusServiceUnavailable:
	default:
		r.refused.Store(call)
	}
}

func hostOf(req *http.Request) string {
	host, _, _ := net.SplitHostPort(req.RemoteAddr)
	return host
}

// Newest returns the newest call that was accepted, and the newest that was refused for good
// and from whose host none was accepted since; a zero one is none.
func (r *Receiver) Newest() (accepted, refused Call) {
	if c := r.accepted.Load(); c != nil {
		accepted = *c
	}
	if c := r.refused.Load(); c != nil {
		refused = *c
	}
	return accepted, refused
}

func (r *Receiver) answer(w http.ResponseWriter, req *http.Request) answer {
	if a := r.admit(req); a.code != 0 {
		return a
	}
	leave := r.gate.enter(hostOf(req))
	if leave == nil {
		return unavailable("too many requests under way; send again")
	}
	defer leave()
	if leave = r.gate.turn(req); leave == nil {
		return unavailable("too many large bodies under way; send again")
	}
	defer leave()
	by, now := sorting{}, time.Now()
	got, err := decode(http.MaxBytesReader(w, req.Body, maxBody), func(a entry) { by.take(a, now) })
	if err != nil {
		return r.undecodable(err)
	}
	return r.take(req.Context(), r.account(got, by))
}

// admit looks at everything but the body; its answer is zero if the request may go on.
func (r *Receiver) admit(req *http.Request) answer {
	switch {
	case r.draining.Load():
		return unavailable("stopping; send again")
	case req.URL.Path != Path:
		return refused(http.StatusNotFound, "only "+Path+" is served here")
	case !r.clients.allow(req.TLS):
		return refused(http.StatusUnauthorized, "a client certificate that the receiver accepts is needed")
	case !r.tokens.Allow(req.Header.Values("Authorization")):
		return refused(http.StatusUnauthorized, "a valid bearer token is needed")
	case req.Method != http.MethodPost:
		return refused(http.StatusMethodNotAllowed, "only POST is served here")
	}
	return admitBody(req)
}

// take hands the alerts over. The sender hanging up does not call off a rollback
// that has begun, but the budget bounds it.
func (r *Receiver) take(ctx context.Context, alerts []record.Alert) answer {
	if len(alerts) == 0 {
		return done()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), budget)
	defer cancel()
	if err := r.intake.Alerts(ctx, alerts); err != nil {
		r.log.Warn("alerts not committed; Alertmanager will send them again",
			zap.Int("alerts", len(alerts)), zap.Error(err))
		return unavailable("not committed; send again")
	}
	return done()
}

// An answer is a status code with a sentence, which Alertmanager writes to its log.
type answer struct {
	code int
	text string
}

func done() answer                         { return answer{http.StatusOK, "committed"} }
func unavailable(text string) answer       { return answer{http.StatusServiceUnavailable, text} }
func refused(code int, text string) answer { return answer{code, text} }

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
	// The sender may be gone; the outcome is committed anyway.
	_, _ = w.Write([]byte(strings.TrimSpace(a.text) + "\n"))
}
