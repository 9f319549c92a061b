package web

import (
	"context"
	"net/http"
	"time"

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
	return endpoint{serve, func(w http.ResponseWriter, p problem) {
		p.headers(w)
		sentence(w, p.code, p.text)
	}}
}

// inJSON answers in the API's envelope.
func inJSON(serve func(http.ResponseWriter, *http.Request, visitor)) endpoint {
	return endpoint{serve, fail}
}

// reads answers a question; it has no way to change anything.
func (s *server) reads(read func(context.Context, *http.Request) (any, error)) endpoint {
	return inJSON(func(w http.ResponseWriter, r *http.Request, _ visitor) {
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
	})
}

// changes carries out an order of somebody who may give it. Hanging up does not call off
// what has begun.
func (s *server) changes(do change) endpoint {
	return inJSON(func(w http.ResponseWriter, r *http.Request, who visitor) {
		if !wellNamed(r) {
			fail(w, s.problemOf(notFound("thing")))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxOrder)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), changeWithin)
		defer cancel()
		data, err := do(ctx, r, who)
		s.refused(r, who, err)
		if bad, ok := badOrder(err); ok {
			fail(w, bad)
			return
		}
		if err != nil {
			fail(w, s.problemOf(err))
			return
		}
		succeed(w, data)
	})
}

func noPath(w http.ResponseWriter, _ *http.Request, _ visitor) {
	fail(w, problem{code: http.StatusNotFound, kind: "not_found", text: "there is no such path in the API"})
}

// part answers with one part of how things stand.
func (s *server) part(of func(view.Status) any) func(context.Context, *http.Request) (any, error) {
	return func(ctx context.Context, _ *http.Request) (any, error) {
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
