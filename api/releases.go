package api

import (
	"context"
	"net/http"
	"net/url"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/view"
)

// Releases returns the newest release of each service and region.
func (c Client) Releases(ctx context.Context) (all []record.Release, err error) {
	err = c.get(ctx, &all, "releases")
	return all, err
}

// Release returns the newest release of a service in a region.
func (c Client) Release(ctx context.Context, service, region string) (rel record.Release, err error) {
	err = c.get(ctx, &rel, "releases", service, region)
	return rel, err
}

// Start starts a release with the text of a release file, in YAML or JSON.
func (c Client) Start(ctx context.Context, file []byte) (record.Release, error) {
	return c.StartWith(ctx, file, StartOptions{})
}

// StartWith is Start with options.
func (c Client) StartWith(ctx context.Context, file []byte, o StartOptions) (rel record.Release, err error) {
	query := url.Values{}
	if o.NotProved != "" {
		query.Set("stable_not_proved", "true")
		query.Set("reason", o.NotProved)
	}
	if o.Safer {
		query.Set("safer", "true")
	}
	if o.Region != "" {
		query.Set("region", o.Region)
	}
	err = c.send(ctx, http.MethodPost, "application/yaml", file, &rel, address("releases")+"?"+query.Encode())
	return rel, err
}

// RampPlan returns what the ramp of a service will take in a region, and where its release stands on it.
func (c Client) RampPlan(ctx context.Context, service, region string) (p view.RampPlan, err error) {
	err = c.get(ctx, &p, "releases", service, region, "plan")
	return p, err
}

// Promote takes the next step of a release's ramp.
func (c Client) Promote(ctx context.Context, service, region string) (rel record.Release, err error) {
	err = c.post(ctx, Step{}, &rel, "releases", service, region, "promote")
	return rel, err
}

// Flip takes the first step of a blue and green release.
func (c Client) Flip(ctx context.Context, service, region string) (rel record.Release, err error) {
	err = c.post(ctx, Step{}, &rel, "releases", service, region, "flip")
	return rel, err
}

// Hold stops a ramp where it is. A breach still rolls back.
func (c Client) Hold(ctx context.Context, service, region, reason string) (rel record.Release, err error) {
	err = c.post(ctx, Reason{reason}, &rel, "releases", service, region, "hold")
	return rel, err
}

// Resume lets a ramp continue that was stopped, frozen or held.
func (c Client) Resume(ctx context.Context, service, region, reason string) (rel record.Release, err error) {
	err = c.post(ctx, Reason{reason}, &rel, "releases", service, region, "resume")
	return rel, err
}

// Rollback rolls back the open release of a service in a region.
func (c Client) Rollback(ctx context.Context, service, region, reason string) (inc record.Incident, err error) {
	err = c.post(ctx, Reason{reason}, &inc, "releases", service, region, "rollback")
	return inc, err
}

// RollbackAll rolls back a service in all of its regions. What came of it stands in each outcome; a region
// that does not answer is no error.
func (c Client) RollbackAll(ctx context.Context, service, reason string) (all []view.RegionOutcome, err error) {
	err = c.post(ctx, Reason{reason}, &all, "releases", service, "rollback")
	return all, err
}

// AcceptSplit lets a held release continue with the split that was found.
func (c Client) AcceptSplit(ctx context.Context, service, region, reason string) (rel record.Release, err error) {
	err = c.post(ctx, Reason{reason}, &rel, "releases", service, region, "release-hold")
	return rel, err
}

// Recovery returns what is missing of a target whose store went back in time. [runbook.ErrNotFound]: nothing.
func (c Client) Recovery(ctx context.Context, service, region string) (r view.Recovery, err error) {
	err = c.get(ctx, &r, "releases", service, region, "recovery")
	return r, err
}

// Recover says yes to a recovery as it was read.
func (c Client) Recover(ctx context.Context, service, region string, o Recover) (r view.Recovery, err error) {
	err = c.post(ctx, o, &r, "releases", service, region, "recovery")
	return r, err
}
