package api

import (
	"context"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/shadow"
)

// ShadowVerdicts returns the newest recorded shadow verdict of each candidate bundle.
func (c Client) ShadowVerdicts(ctx context.Context) (all []record.ShadowVerdict, err error) {
	err = c.get(ctx, &all, "shadow")
	return all, err
}

// RecordShadow records the verdict of a shadow report: the gate file that it wrote.
func (c Client) RecordShadow(ctx context.Context, g shadow.Gate) (v record.ShadowVerdict, err error) {
	err = c.post(ctx, g, &v, "shadow")
	return v, err
}

// Mirrors returns the newest mirror of each service and region.
func (c Client) Mirrors(ctx context.Context) (all []record.Mirror, err error) {
	err = c.get(ctx, &all, "mirrors")
	return all, err
}

// StartMirror has the router copy a share of the requests to a backend for a planned time.
func (c Client) StartMirror(ctx context.Context, service, region string, o runbook.MirrorOrder) (m record.Mirror, err error) {
	err = c.post(ctx, o, &m, "mirrors", service, region, "start")
	return m, err
}

// StopMirror ends a mirror before its time.
func (c Client) StopMirror(ctx context.Context, service, region, reason string) (m record.Mirror, err error) {
	err = c.post(ctx, Reason{reason}, &m, "mirrors", service, region, "stop")
	return m, err
}
