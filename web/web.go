// Package web is the listener for people: approval pages, a dashboard, the JSON API, whose
// client is package api, and the operations endpoints of the Prometheus family.
//
// It never decides, never changes anything on GET or HEAD, never takes a link for a
// person, and never trusts a name that nobody verified.
package web

import (
	"context"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/policy"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/view"
)

// An Engine tells how things stand, takes orders of people whose names were verified, and
// takes each answer to an approval at most once. Errors are those of package runbook.
type Engine interface {
	Status(ctx context.Context) (view.Status, error)
	// Board is how all targets stand. It costs the store the same however many there are.
	Board(ctx context.Context) (view.Board, error)
	Incidents(ctx context.Context, q view.IncidentQuery) (view.IncidentPage, error)
	// Curves are the levels over time of an open release's triggers.
	Curves(ctx context.Context, service, region string) ([]record.Curve, error)
	Incident(ctx context.Context, id string) (record.Incident, error)
	Approval(ctx context.Context, id string) (record.Approval, error)
	// Release is the newest of a service in a region.
	Release(ctx context.Context, service, region string) (record.Release, error)
	RampPlan(ctx context.Context, service, region string) (view.RampPlan, error)
	// Why takes a service's name, and perhaps a trigger's, or an incident's id.
	Why(ctx context.Context, name, trigger string) (view.Why, error)
	Orders(ctx context.Context, q view.OrderQuery) ([]record.Order, error)

	// Preview is what an order of a release would do now, and Act gives the order. If something else would
	// be done by then than was shown, nothing is.
	Preview(ctx context.Context, service, region string, in record.Intent, by record.Caller) (view.Preview, error)
	Act(ctx context.Context, service, region string, in record.Intent, by record.Caller) (record.Release, error)

	Start(ctx context.Context, l runbook.Launch, by record.Caller) (record.Release, error)
	Rollback(ctx context.Context, service, region string, by record.Caller, reason string) (record.Incident, error)
	// RollbackAll rolls back every region of a service. One that does not answer is no error.
	RollbackAll(ctx context.Context, service string, by record.Caller, reason string) ([]view.RegionOutcome, error)
	AcceptSplit(ctx context.Context, service, region string, by record.Caller, reason string) (record.Release, error)
	Promote(ctx context.Context, service, region string, by record.Caller) (record.Release, error)
	Flip(ctx context.Context, service, region string, by record.Caller) (record.Release, error)
	Stop(ctx context.Context, service, region string, by record.Caller, reason string) (record.Release, error)
	Resume(ctx context.Context, service, region string, by record.Caller, reason string) (record.Release, error)
	Answer(ctx context.Context, id string, by record.Caller, reply record.Reply) (record.Approval, error)
	// Recovery is what is missing of a target whose store went back in time, and Recover brings it
	// in line as it was shown: plan is the digest of that.
	Recovery(ctx context.Context, service, region string) (view.Recovery, error)
	Recover(ctx context.Context, service, region string, by record.Caller, reason, plan string) (view.Recovery, error)
	SetControl(ctx context.Context, c record.Control, plan string, by record.Caller) error
	Lift(ctx context.Context, digest string, by record.Caller, reason string) error
	RecordShadow(ctx context.Context, g shadow.Gate, by record.Caller) (record.ShadowVerdict, error)
	StartMirror(ctx context.Context, service, region string, o runbook.MirrorOrder, by record.Caller) (record.Mirror, error)
	// Ordered records an order that changes nothing in the store; without it nothing may begin.
	Ordered(ctx context.Context, o record.Order) error
	// Refused notes what somebody tried and was not allowed, or was refused; of too many of one
	// caller the first are noted.
	Refused(by record.Caller, tried, why string)
	StopMirror(ctx context.Context, service, region string, by record.Caller, reason string) (record.Mirror, error)
}

// A Doctor examines the daemon, and tries the way of an alert. What it finds is no error.
type Doctor interface {
	Examine(ctx context.Context) (view.Examination, error)
	Fire(ctx context.Context) (view.Firing, error)
}

// Deps is what the pages and the API stand on. All are needed except Page,
// Markdown and Reload.
type Deps struct {
	Engine Engine
	Tokens report.Keyring // verifies approval links
	Auth   Auth

	// Runbooks are those in force: they name people for their own services.
	Runbooks func() []*runbook.Runbook
	// Live looks how things stand now for an approval, and changes nothing. Prometheus not answering
	// is a state of the breach, not an error.
	Live func(ctx context.Context, a record.Approval) (view.Live, error)
	// Page renders the incident page as HTML whose text is escaped.
	Page func(ctx context.Context, inc record.Incident) ([]byte, error)
	// Export renders it as one file that opens offline, and gives the same bytes for the same incident.
	Export func(ctx context.Context, inc record.Incident) ([]byte, error)
	// Markdown renders the same page as Markdown, escaped as well.
	Markdown func(ctx context.Context, inc record.Incident) ([]byte, error)
	// FollowUp makes what comes after an incident, or finds what was kept.
	FollowUp func(ctx context.Context, inc record.Incident) (view.FollowUp, error)
	// Flags are those of a service in a region in the form of another flag system.
	Flags func(ctx context.Context, service, region, format string) (api.FlagExport, error)
	// Ready returns nil once the daemon can do its work.
	Ready func() error
	// Reload reads runbooks and files again, all or nothing.
	Reload func(ctx context.Context) error
	Doctor Doctor

	Gatherer   prometheus.Gatherer
	Registerer prometheus.Registerer
	Log        *zap.Logger
}

// server is the handler's state.
type server struct {
	Deps
	signIn  *signIn
	scrape  http.Handler
	metrics metrics
	parsing chan struct{} // held while a release file is parsed

	boards    boardCache
	sparks    sparks
	listeners chan struct{} // held by each stream of news
}

// Handler returns the routes. Answers carry security headers, requests of other
// sites' pages are refused, and whoever asks needs the role of what they ask for.
func Handler(d Deps) http.Handler {
	s := newServer(d, "web")
	return s.metrics.count(headers(sameSite(s.mux(policy.AllRoles()...))))
}

// MetricsHandler returns the routes that need no more than the role metrics, for a listener of
// their own: nothing that people do at theirs keeps it from answering. Of d, Auth may be another.
func MetricsHandler(d Deps) http.Handler {
	s := newServer(d, "metrics")
	return s.metrics.count(headers(s.mux(policy.Metrics)))
}

func newServer(d Deps, listener string) *server {
	m := newMetrics(d.Registerer, listener)
	return &server{Deps: d, signIn: newSignIn(d.Auth, m.signIns, d.Log), metrics: m, parsing: make(chan struct{}, maxParsing), listeners: make(chan struct{}, maxListeners),
		scrape: promhttp.HandlerFor(d.Gatherer, promhttp.HandlerOpts{Registry: d.Registerer})}
}

func (s *server) telemetry(w http.ResponseWriter, r *http.Request, _ visitor) {
	s.scrape.ServeHTTP(w, r)
}

func healthy(w http.ResponseWriter, _ *http.Request, _ visitor) {
	sentence(w, http.StatusOK, "autorollback is healthy.")
}

func (s *server) ready(w http.ResponseWriter, _ *http.Request, _ visitor) {
	if err := s.Ready(); err != nil {
		sentence(w, http.StatusServiceUnavailable, "not ready: "+err.Error())
		return
	}
	sentence(w, http.StatusOK, "autorollback is ready.")
}

func (s *server) reload(w http.ResponseWriter, r *http.Request, who visitor) {
	if s.Reload == nil {
		sentence(w, http.StatusNotFound, "nothing can be read again here")
		return
	}
	if err := s.Engine.Ordered(r.Context(), record.Order{Caller: who.Caller, Action: record.OrderReload}); err != nil {
		p := s.problemOf(err)
		sentence(w, p.code, "nothing was changed: the order could not be recorded: "+p.text)
		return
	}
	if err := s.Reload(r.Context()); err != nil {
		s.Log.Error("reload asked for over HTTP", zap.String("by", who.Name), zap.Error(err))
		sentence(w, http.StatusInternalServerError, "nothing was changed: "+err.Error())
		return
	}
	sentence(w, http.StatusOK, "read again.")
}

func sentence(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write([]byte(text + "\n")) // the reader may be gone
}
