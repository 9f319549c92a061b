package web

import (
	"context"
	"net/http"
	"time"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

const (
	readWithin   = 10 * time.Second
	changeWithin = 20 * time.Second
)

// plain answers in words, as the Prometheus family does at its operations endpoints.
func plainly(serve func(http.ResponseWriter, *http.Request, visitor)) endpoint {
	return endpoint{serve: serve, refuse: func(w http.ResponseWriter, p problem) {
		p.headers(w)
		sentence(w, p.code, p.text)
	}}
}

// inJSON answers in the API's envelope.
func inJSON(serve func(http.ResponseWriter, *http.Request, visitor)) endpoint {
	return endpoint{serve: serve, refuse: fail}
}

func noPath(w http.ResponseWriter, _ *http.Request, _ visitor) {
	fail(w, problem{code: http.StatusNotFound, kind: api.NotFound, text: "there is no such path in the API"})
}

// partOf answers with one part of how things stand.
func partOf[T any](s *server, of func(view.Status) T) func(context.Context, *http.Request) (T, error) {
	return func(ctx context.Context, _ *http.Request) (T, error) {
		st, err := s.status(ctx)
		return of(st), err
	}
}

// status has no list that is null in JSON.
func (s *server) status(ctx context.Context) (view.Status, error) {
	st, err := s.Engine.Status(ctx)
	st.Releases, st.Incidents = orEmpty(st.Releases), orEmpty(st.Incidents)
	st.Approvals, st.Quarantine = orEmpty(st.Approvals), orEmpty(st.Quarantine)
	st.Waiting = orEmpty(st.Waiting)
	st.Shadow, st.Mirrors = orEmpty(st.Shadow), orEmpty(st.Mirrors)
	st.Anchors = orEmpty(st.Anchors)
	st.Rules, st.Alerts = orEmpty(st.Rules), orEmpty(st.Alerts)
	st.Budget.Recent = orEmpty(st.Budget.Recent)
	return st, err
}

func (s *server) release(ctx context.Context, r *http.Request) (record.Release, error) {
	st, err := s.Engine.Status(ctx)
	if err != nil {
		return record.Release{}, err
	}
	for _, rel := range st.Releases {
		if rel.Service == r.PathValue("service") && rel.Region == r.PathValue("region") {
			return rel, nil
		}
	}
	return record.Release{}, notFound("release")
}

func (s *server) incident(ctx context.Context, r *http.Request) (record.Incident, error) {
	return s.Engine.Incident(ctx, r.PathValue("id"))
}

func (s *server) approval(ctx context.Context, r *http.Request) (record.Approval, error) {
	return s.Engine.Approval(ctx, r.PathValue("id"))
}

func (s *server) incidentPage(w http.ResponseWriter, r *http.Request, _ visitor) {
	ctx, cancel := context.WithTimeout(r.Context(), readWithin)
	defer cancel()
	html, err := s.pageOf(ctx, r, s.Page)
	if err != nil {
		p := s.problemOf(err)
		s.explain(w, notice{code: p.code, Title: "This page cannot be shown", Text: p.text})
		return
	}
	w.Header().Set("Content-Security-Policy", pagePolicy())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(html)
}

// markdown serves the same page for terminals.
func (s *server) markdown(w http.ResponseWriter, r *http.Request, _ visitor) {
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

// exported serves the page as a file that somebody keeps.
func (s *server) exported(w http.ResponseWriter, r *http.Request, _ visitor) {
	ctx, cancel := context.WithTimeout(r.Context(), readWithin)
	defer cancel()
	html, err := s.pageOf(ctx, r, s.Export)
	if err != nil {
		fail(w, s.problemOf(err))
		return
	}
	w.Header().Set("Content-Security-Policy", pagePolicy())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(html) // the reader may be gone
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
func (s *server) examine(w http.ResponseWriter, r *http.Request, _ visitor) {
	e, err := s.Doctor.Examine(r.Context())
	if err != nil {
		fail(w, s.problemOf(err))
		return
	}
	succeed(w, e)
}

// fire has a time of its own: in a cluster of Alertmanagers an alert waits for others.
func (s *server) fire(ctx context.Context, _ *http.Request, who visitor) (any, error) {
	if err := s.Engine.Ordered(ctx, record.Order{Caller: who.Caller, Action: record.OrderDoctorFire}); err != nil {
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
