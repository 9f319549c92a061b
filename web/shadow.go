package web

import (
	"context"
	"net/http"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/shadow"
)

// recordShadow takes the gate file that `shadow report` wrote.
func (s *server) recordShadow(ctx context.Context, r *http.Request, who visitor) (any, error) {
	var g shadow.Gate
	if err := order(r, &g); err != nil {
		return nil, err
	}
	return s.Engine.RecordShadow(ctx, g, who.Caller)
}

func (s *server) startMirror(ctx context.Context, r *http.Request, who visitor) (any, error) {
	var o runbook.MirrorOrder
	if err := order(r, &o); err != nil {
		return nil, err
	}
	return s.Engine.StartMirror(ctx, r.PathValue("service"), r.PathValue("region"), o, who.Caller)
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
