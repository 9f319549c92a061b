package web

import (
	"context"
	"net/http"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/shadow"
)

// Gates keeps the verdicts of shadow reports.
type Gates interface {
	RecordShadow(ctx context.Context, g shadow.Gate, by string) (record.ShadowVerdict, error)
}

// Mirrors switches the copying of requests on and off.
type Mirrors interface {
	StartMirror(ctx context.Context, service, region string, o runbook.MirrorOrder, by string) (record.Mirror, error)
	StopMirror(ctx context.Context, service, region, by, reason string) (record.Mirror, error)
}

// recordShadow takes the gate file that `shadow report` wrote.
func (s *server) recordShadow(ctx context.Context, r *http.Request, who Identity) (any, error) {
	var g shadow.Gate
	if err := order(r, &g); err != nil {
		return nil, err
	}
	return s.Gates.RecordShadow(ctx, g, who.Name)
}

func (s *server) shadowVerdicts(ctx context.Context, _ *http.Request) (any, error) {
	st, err := s.Reader.Status(ctx)
	return orEmpty(st.Shadow), err
}

func (s *server) mirrors(ctx context.Context, _ *http.Request) (any, error) {
	st, err := s.Reader.Status(ctx)
	return orEmpty(st.Mirrors), err
}

func (s *server) startMirror(ctx context.Context, r *http.Request, who Identity) (any, error) {
	var o runbook.MirrorOrder
	if err := order(r, &o); err != nil {
		return nil, err
	}
	return s.Mirrors.StartMirror(ctx, r.PathValue("service"), r.PathValue("region"), o, who.Name)
}

func (s *server) stopMirror(ctx context.Context, r *http.Request, who Identity) (any, error) {
	reason, err := reasonOf(r)
	if err != nil {
		return nil, err
	}
	return s.Mirrors.StopMirror(ctx, r.PathValue("service"), r.PathValue("region"), who.Name, reason)
}

// StartMirror has the router copy a share of the requests to a backend for a planned time.
func (c Client) StartMirror(ctx context.Context, service, region string, o runbook.MirrorOrder) (m record.Mirror, err error) {
	err = c.order(ctx, http.MethodPost, o, &m, "mirrors", service, region, "start")
	return m, err
}

// StopMirror ends it before its time.
func (c Client) StopMirror(ctx context.Context, service, region, reason string) (m record.Mirror, err error) {
	err = c.order(ctx, http.MethodPost, Reason{reason}, &m, "mirrors", service, region, "stop")
	return m, err
}

// RecordShadow records the verdict of a shadow report.
func (c Client) RecordShadow(ctx context.Context, g shadow.Gate) (v record.ShadowVerdict, err error) {
	err = c.order(ctx, http.MethodPost, g, &v, "shadow")
	return v, err
}
