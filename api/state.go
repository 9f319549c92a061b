package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/view"
)

// Status returns how the whole installation stands.
func (c Client) Status(ctx context.Context) (st view.Status, err error) {
	err = c.get(ctx, &st, "status")
	return st, err
}

// Control returns the stop switch: active, observe or paused.
func (c Client) Control(ctx context.Context) (ctl record.Control, err error) {
	err = c.get(ctx, &ctl, "control")
	return ctl, err
}

// SetControl sets the stop switch. A pause needs a reason and an end; who did it is the daemon's to say.
func (c Client) SetControl(ctx context.Context, want record.Control) (ctl record.Control, err error) {
	err = c.order(ctx, http.MethodPut, want, &ctl, address("control"))
	return ctl, err
}

// Orders returns the order log: who ordered what, newest first.
func (c Client) Orders(ctx context.Context, q view.OrderQuery) (all []record.Order, err error) {
	in := url.Values{}
	for name, value := range map[string]string{"service": q.Service, "by": q.By} {
		if value != "" {
			in.Set(name, value)
		}
	}
	if !q.Since.IsZero() {
		in.Set("since", q.Since.UTC().Format(time.RFC3339))
	}
	if q.Limit > 0 {
		in.Set("limit", strconv.Itoa(q.Limit))
	}
	err = c.send(ctx, http.MethodGet, "", nil, &all, address("orders")+"?"+in.Encode())
	return all, err
}

// Lift ends the quarantine of a bundle, so that a release may start with it again.
func (c Client) Lift(ctx context.Context, digest, reason string) error {
	var nothing struct{}
	return c.post(ctx, Reason{reason}, &nothing, "quarantine", digest, "lift")
}

// Examine returns what the daemon's doctor finds. It takes seconds, and only one runs at a time.
func (c Client) Examine(ctx context.Context) (e view.Examination, err error) {
	err = c.get(ctx, &e, "doctor")
	return e, err
}

// Fire sends a synthetic alert the whole way, which takes up to 45 s if it gets lost.
func (c Client) Fire(ctx context.Context) (f view.Firing, err error) {
	err = c.send(ctx, http.MethodPost, "", nil, &f, address("doctor", "fire"))
	return f, err
}

// ExportFlags returns the flags of a service in a region in the form of another flag system, flagd or goff.
func (c Client) ExportFlags(ctx context.Context, service, region, format string) (e FlagExport, err error) {
	err = c.send(ctx, http.MethodGet, "", nil, &e, address("flags", service, region)+"?"+url.Values{"format": {format}}.Encode())
	return e, err
}
