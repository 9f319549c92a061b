package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// A Client speaks the daemon's JSON API. Errors of the daemon are [*APIError], which
// is also the sentinel of package runbook that it stands for.
type Client struct {
	URL  string       // the daemon's, e.g. http://127.0.0.1:9095
	HTTP *http.Client // carries the authentication; nil: a plain one
}

// MaxAnswer is the longest answer of a daemon that is read, in bytes.
const MaxAnswer = 64 << 20

// An APIError is an answer other than success.
type APIError struct {
	Code int    // HTTP status
	Type string // e.g. "refused"
	Text string // a sentence
}

func (e *APIError) Error() string { return e.Text }

// Is makes the daemon's refusals the same errors here as there.
func (e *APIError) Is(target error) bool {
	switch e.Type {
	case "not_found":
		return target == runbook.ErrNotFound
	case "conflict":
		return target == runbook.ErrConflict
	case "second_person":
		return target == runbook.ErrSecond || target == runbook.ErrRefused
	case "forbidden":
		return target == runbook.ErrForbidden || target == runbook.ErrRefused
	case "refused":
		return target == runbook.ErrRefused
	case "later":
		return target == runbook.ErrLater
	}
	return false
}

// Status returns how the installation stands.
func (c Client) Status(ctx context.Context) (st view.Status, err error) {
	err = c.get(ctx, &st, "status")
	return st, err
}

// Release returns the newest release of a service in a region.
func (c Client) Release(ctx context.Context, service, region string) (rel record.Release, err error) {
	err = c.get(ctx, &rel, "releases", service, region)
	return rel, err
}

// Examine returns what the daemon's doctor finds.
func (c Client) Examine(ctx context.Context) (e view.Examination, err error) {
	err = c.get(ctx, &e, "doctor")
	return e, err
}

// Fire sends a synthetic alert the whole way.
func (c Client) Fire(ctx context.Context) (f view.Firing, err error) {
	err = c.order(ctx, http.MethodPost, struct{}{}, &f, "doctor", "fire")
	return f, err
}

// Start sends the text of a release file.
func (c Client) Start(ctx context.Context, file []byte) (rel record.Release, err error) {
	err = c.send(ctx, http.MethodPost, "application/yaml", file, &rel, "releases")
	return rel, err
}

// StartOptions are what a person says beside the release file.
type StartOptions struct {
	NotProved string // why the stable side need not be the last known good; empty: it must be
	Safer     bool   // on the ramp that is drafted from the last incident
	Region    string // this region alone; empty: as the release file says
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
	text, err := c.ask(ctx, http.MethodPost, "application/yaml", file, "/releases?"+query.Encode())
	if err != nil {
		return rel, err
	}
	return rel, unwrap(text, &rel)
}

// Recovery is what is missing of a target whose store went back in time.
func (c Client) Recovery(ctx context.Context, service, region string) (r view.Recovery, err error) {
	err = c.get(ctx, &r, "releases", service, region, "recovery")
	return r, err
}

// Recover says yes to a recovery as it was read.
func (c Client) Recover(ctx context.Context, service, region string, o Recover) (r view.Recovery, err error) {
	err = c.order(ctx, http.MethodPost, o, &r, "releases", service, region, "recovery")
	return r, err
}

// Rollback asks for the rollback of an open release.
func (c Client) Rollback(ctx context.Context, service, region, reason string) (inc record.Incident, err error) {
	err = c.order(ctx, http.MethodPost, Reason{reason}, &inc, "releases", service, region, "rollback")
	return inc, err
}

// RollbackAll asks for the rollback of a service in all of its regions.
func (c Client) RollbackAll(ctx context.Context, service, reason string) (all []view.RegionOutcome, err error) {
	err = c.order(ctx, http.MethodPost, Reason{reason}, &all, "releases", service, "rollback")
	return all, err
}

// AcceptSplit lets a held release go on.
func (c Client) AcceptSplit(ctx context.Context, service, region, reason string) (rel record.Release, err error) {
	err = c.order(ctx, http.MethodPost, Reason{reason}, &rel, "releases", service, region, "release-hold")
	return rel, err
}

// Incidents returns the newest incidents.
func (c Client) Incidents(ctx context.Context) (all []record.Incident, err error) {
	err = c.get(ctx, &all, "incidents")
	return all, err
}

// Incident returns one incident.
func (c Client) Incident(ctx context.Context, id string) (inc record.Incident, err error) {
	err = c.get(ctx, &inc, "incidents", id)
	return inc, err
}

// Why returns why a service was rolled back or not, or what an incident was decided on; trigger
// may be empty.
func (c Client) Why(ctx context.Context, name, trigger string) (w view.Why, err error) {
	text, err := c.ask(ctx, http.MethodGet, "", nil, "/why/"+url.PathEscape(name)+"?"+url.Values{"trigger": {trigger}}.Encode())
	if err != nil {
		return w, err
	}
	return w, unwrap(text, &w)
}

// Page returns an incident's page as one file of HTML that opens offline.
func (c Client) Page(ctx context.Context, id string) ([]byte, error) {
	return c.do(ctx, http.MethodGet, "", nil, "incidents", id, "page")
}

// Markdown returns the page of an incident as Markdown.
func (c Client) Markdown(ctx context.Context, id string) ([]byte, error) {
	return c.do(ctx, http.MethodGet, "", nil, "incidents", id, "markdown")
}

// Approval returns one approval.
func (c Client) Approval(ctx context.Context, id string) (a record.Approval, err error) {
	err = c.get(ctx, &a, "approvals", id)
	return a, err
}

// Answer answers an approval.
func (c Client) Answer(ctx context.Context, id string, d Decision) (a record.Approval, err error) {
	err = c.order(ctx, http.MethodPost, d, &a, "approvals", id)
	return a, err
}

// Control returns the stop switch.
func (c Client) Control(ctx context.Context) (ctl record.Control, err error) {
	err = c.get(ctx, &ctl, "control")
	return ctl, err
}

// SetControl sets the stop switch; who did it is the daemon's to say.
func (c Client) SetControl(ctx context.Context, want record.Control) (ctl record.Control, err error) {
	err = c.order(ctx, http.MethodPut, want, &ctl, "control")
	return ctl, err
}

// Lift ends the quarantine of a bundle.
func (c Client) Lift(ctx context.Context, digest, reason string) error {
	var nothing struct{}
	return c.order(ctx, http.MethodPost, Reason{reason}, &nothing, "quarantine", digest, "lift")
}

func (c Client) get(ctx context.Context, into any, path ...string) error {
	return c.send(ctx, http.MethodGet, "", nil, into, path...)
}

func (c Client) order(ctx context.Context, method string, order, into any, path ...string) error {
	text, err := json.Marshal(order)
	if err != nil {
		return fmt.Errorf("write order: %w", err)
	}
	return c.send(ctx, method, "application/json", text, into, path...)
}

func (c Client) send(ctx context.Context, method, kind string, body []byte, into any, path ...string) error {
	text, err := c.do(ctx, method, kind, body, path...)
	if err != nil {
		return err
	}
	return unwrap(text, into)
}

func unwrap(text []byte, into any) error {
	got := envelope{Data: into}
	if err := json.Unmarshal(text, &got); err != nil {
		return fmt.Errorf("read the daemon's answer: %w", err)
	}
	if got.Status != "success" {
		return errors.New("read the daemon's answer: it is not one of autorollback")
	}
	return nil
}

// do returns the body of a 200. Path segments are escaped, so none can become two.
func (c Client) do(ctx context.Context, method, kind string, body []byte, path ...string) ([]byte, error) {
	for i, segment := range path {
		path[i] = url.PathEscape(segment)
	}
	return c.ask(ctx, method, kind, body, "/"+strings.Join(path, "/"))
}

// ask returns the body of a 200 of an address below the API.
func (c Client) ask(ctx context.Context, method, kind string, body []byte, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.URL, "/")+API+address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask the daemon: %w", err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	client := cmp.Or(c.HTTP, outbound.New(outbound.Options{}))
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no daemon answers at %s: %w; start it there, or name another address with --url or AUTOROLLBACK_URL", c.URL, outbound.NoAnswer(err))
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read the daemon's answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, apiError(resp.StatusCode, text)
	}
	return text, nil
}

func apiError(code int, text []byte) error {
	var e envelope
	if err := json.Unmarshal(text, &e); err != nil || e.Error == "" {
		e.Error = fmt.Sprintf("the daemon answers %s: %q", outbound.Status(code), outbound.Excerpt(string(text)))
	}
	return &APIError{Code: code, Type: e.ErrorType, Text: e.Error}
}

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
func (c Client) RampPlan(ctx context.Context, service, region string) (p view.RampPlan, err error) {
	err = c.get(ctx, &p, "releases", service, region, "plan")
	return p, err
}
