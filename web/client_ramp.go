package web

import (
	"context"
	"net/http"

	"github.com/autorollback/autorollback/record"
)

// Promote takes the next step of a release's ramp.
func (c Client) Promote(ctx context.Context, service, region string) (rel record.Release, err error) {
	err = c.order(ctx, http.MethodPost, struct{}{}, &rel, "releases", service, region, "promote")
	return rel, err
}

// Flip takes the first step of a blue and green release.
func (c Client) Flip(ctx context.Context, service, region string) (rel record.Release, err error) {
	err = c.order(ctx, http.MethodPost, struct{}{}, &rel, "releases", service, region, "flip")
	return rel, err
}

// Hold stops a ramp where it is.
func (c Client) Hold(ctx context.Context, service, region, reason string) (rel record.Release, err error) {
	err = c.order(ctx, http.MethodPost, Reason{reason}, &rel, "releases", service, region, "hold")
	return rel, err
}

// Resume lets a ramp go on that was stopped, frozen or held.
func (c Client) Resume(ctx context.Context, service, region, reason string) (rel record.Release, err error) {
	err = c.order(ctx, http.MethodPost, Reason{reason}, &rel, "releases", service, region, "resume")
	return rel, err
}

// RampPlan returns what the ramp of a service will take.
func (c Client) RampPlan(ctx context.Context, service, region string) (p record.RampPlan, err error) {
	err = c.get(ctx, &p, "releases", service, region, "plan")
	return p, err
}
