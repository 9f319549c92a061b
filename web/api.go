package web

import (
	"context"
	"net/http"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// API is where the JSON API lives.
const API = "/api/v1"

const (
	readWithin   = 10 * time.Second
	changeWithin = 20 * time.Second
)

func (s *server) api(mux *http.ServeMux) {
	for route, read := range map[string]func(context.Context, *http.Request) (any, error){
		"/status":                           s.part(func(st record.Status) any { return st }),
		"/releases":                         s.part(func(st record.Status) any { return st.Releases }),
		"/releases/{service}/{region}":      s.release,
		"/releases/{service}/{region}/plan": s.rampPlan,
		"/incidents":                        s.part(func(st record.Status) any { return st.Incidents }),
		"/incidents/{id}":                   s.incident,
		"/approvals/{id}":                   s.approval,
		"/why/{id}":                         s.why,
		"/flags/{service}/{region}":         s.exportFlags,
		"/orders":                           s.orders,
		"/control":                          s.part(func(st record.Status) any { return st.Control }),
		"/shadow":                           s.part(func(st record.Status) any { return st.Shadow }),
		"/mirrors":                          s.part(func(st record.Status) any { return st.Mirrors }),
	} {
		mux.HandleFunc("GET "+API+route, s.reads(read))
	}
	for route, do := range map[string]change{
		"POST " + API + "/releases":                                 s.start,
		"POST " + API + "/releases/{service}/rollback":              s.rollbackAll,
		"POST " + API + "/releases/{service}/{region}/rollback":     withReason(s.Engine.Rollback),
		"POST " + API + "/releases/{service}/{region}/release-hold": withReason(s.Engine.AcceptSplit),
		"POST " + API + "/releases/{service}/{region}/promote":      step(s.Engine.Promote),
		"POST " + API + "/releases/{service}/{region}/flip":         step(s.Engine.Flip),
		"POST " + API + "/releases/{service}/{region}/hold":         withReason(s.Engine.Stop),
		"POST " + API + "/releases/{service}/{region}/resume":       withReason(s.Engine.Resume),
		"POST " + API + "/approvals/{id}":                           s.answer,
		"PUT " + API + "/control":                                   s.setControl,
		"POST " + API + "/quarantine/{digest}/lift":                 s.lift,
		"POST " + API + "/doctor/fire":                              s.fire,
		"POST " + API + "/shadow":                                   s.recordShadow,
		"POST " + API + "/mirrors/{service}/{region}/start":         s.startMirror,
		"POST " + API + "/mirrors/{service}/{region}/stop":          withReason(s.Engine.StopMirror),
	} {
		mux.HandleFunc(route, s.changes(do))
	}
	mux.HandleFunc("GET "+API+"/doctor", s.examine)
	mux.HandleFunc("GET "+API+"/incidents/{id}/page", s.page)
	mux.HandleFunc("GET "+API+"/incidents/{id}/markdown", s.markdown)
	mux.HandleFunc(API+"/", func(w http.ResponseWriter, _ *http.Request) {
		fail(w, problem{http.StatusNotFound, "not_found", "there is no such path in the API"})
	})
}

// reads answers a question; it has no way to change anything.
func (s *server) reads(read func(context.Context, *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readWithin)
		defer cancel()
		if !wellNamed(r) {
			fail(w, s.problemOf(notFound("thing")))
			return
		}
		data, err := read(ctx, r)
		if bad, ok := badOrder(err); ok {
			fail(w, bad)
			return
		}
		if err != nil {
			fail(w, s.problemOf(err))
			return
		}
		succeed(w, data)
	}
}

// changes carries out an order of somebody we know. Hanging up does not call off
// what has begun.
func (s *server) changes(do change) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, refused := s.Auth.who(r)
		if refused != nil {
			fail(w, *refused)
			return
		}
		if !wellNamed(r) {
			fail(w, s.problemOf(notFound("thing")))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxOrder)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), changeWithin)
		defer cancel()
		data, err := do(ctx, r, who)
		if bad, ok := badOrder(err); ok {
			fail(w, bad)
			return
		}
		if err != nil {
			fail(w, s.problemOf(err))
			return
		}
		succeed(w, data)
	}
}

// part answers with one part of how things stand.
func (s *server) part(of func(record.Status) any) func(context.Context, *http.Request) (any, error) {
	return func(ctx context.Context, _ *http.Request) (any, error) {
		st, err := s.status(ctx)
		return of(st), err
	}
}

// status has no list that is null in JSON.
func (s *server) status(ctx context.Context) (record.Status, error) {
	st, err := s.Engine.Status(ctx)
	st.Releases, st.Incidents = orEmpty(st.Releases), orEmpty(st.Incidents)
	st.Approvals, st.Quarantine = orEmpty(st.Approvals), orEmpty(st.Quarantine)
	st.Shadow, st.Mirrors = orEmpty(st.Shadow), orEmpty(st.Mirrors)
	st.Anchors = orEmpty(st.Anchors)
	st.Rules, st.Alerts = orEmpty(st.Rules), orEmpty(st.Alerts)
	st.Budget.Recent = orEmpty(st.Budget.Recent)
	return st, err
}

func (s *server) release(ctx context.Context, r *http.Request) (any, error) {
	st, err := s.Engine.Status(ctx)
	if err != nil {
		return nil, err
	}
	for _, rel := range st.Releases {
		if rel.Service == r.PathValue("service") && rel.Region == r.PathValue("region") {
			return rel, nil
		}
	}
	return nil, notFound("release")
}

func (s *server) incident(ctx context.Context, r *http.Request) (any, error) {
	return s.Engine.Incident(ctx, r.PathValue("id"))
}

func (s *server) approval(ctx context.Context, r *http.Request) (any, error) {
	return s.Engine.Approval(ctx, r.PathValue("id"))
}

func (s *server) page(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readWithin)
	defer cancel()
	html, err := s.pageOf(ctx, r, s.Page)
	if err != nil {
		p := s.problemOf(err)
		s.explain(w, notice{p.code, "This page cannot be shown", p.text})
		return
	}
	w.Header().Set("Content-Security-Policy", pagePolicy())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(html)
}

// markdown serves the same page for terminals.
func (s *server) markdown(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), readWithin)
	defer cancel()
	text, err := s.pageOf(ctx, r, s.Markdown)
	if err != nil {
		fail(w, s.problemOf(err))
		return
	}
	w.Header().Set("Content-Type", "text/markdown; charset=utf-8")
	_, _ = w.Write(text) // the reader may be gone
}

func (s *server) pageOf(ctx context.Context, r *http.Request, render func(context.Context, record.Incident) ([]byte, error)) ([]byte, error) {
	if render == nil || !wellNamed(r) {
		return nil, notFound("page")
	}
	inc, err := s.Engine.Incident(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return render(ctx, inc)
}

// examine answers with what the doctor finds, which takes longer than other reads.
func (s *server) examine(w http.ResponseWriter, r *http.Request) {
	e, err := s.Doctor.Examine(r.Context())
	if err != nil {
		fail(w, s.problemOf(err))
		return
	}
	succeed(w, e)
}

// fire has a time of its own: in a cluster of Alertmanagers an alert waits for others.
func (s *server) fire(ctx context.Context, r *http.Request, who Identity) (any, error) {
	if err := s.Engine.Ordered(ctx, record.Order{Caller: callerOf(r, who), Action: record.OrderDoctorFire}); err != nil {
		return nil, err
	}
	return s.Doctor.Fire(context.WithoutCancel(ctx))
}

// orEmpty is for JSON: an empty list is [], not null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func notFound(what string) error { return missing(what) }

type missing string

func (m missing) Error() string      { return "there is no such " + string(m) }
func (missing) Is(target error) bool { return target == runbook.ErrNotFound }
