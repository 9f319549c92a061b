package api

import (
	"context"
	"net/http"
	"net/url"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/view"
)

// Incidents returns the newest incidents, at most 100, newest first.
func (c Client) Incidents(ctx context.Context) (all []record.Incident, err error) {
	err = c.get(ctx, &all, "incidents")
	return all, err
}

// Incident returns one incident.
func (c Client) Incident(ctx context.Context, id string) (inc record.Incident, err error) {
	err = c.get(ctx, &inc, "incidents", id)
	return inc, err
}

// Page returns an incident's page as one file of HTML that opens offline.
func (c Client) Page(ctx context.Context, id string) ([]byte, error) {
	return c.ask(ctx, http.MethodGet, "", nil, address("incidents", id, "page"))
}

// Markdown returns an incident's page as Markdown.
func (c Client) Markdown(ctx context.Context, id string) ([]byte, error) {
	return c.ask(ctx, http.MethodGet, "", nil, address("incidents", id, "markdown"))
}

// FollowUp returns what comes after an incident, as files. Making it takes up to a minute.
func (c Client) FollowUp(ctx context.Context, id string) (f view.FollowUp, err error) {
	err = c.get(ctx, &f, "incidents", id, "followup")
	return f, err
}

// Why returns why a service was rolled back or not, or what an incident was decided on. It takes the name
// of a service or the id of an incident, and perhaps the trigger that is asked about.
func (c Client) Why(ctx context.Context, name, trigger string) (w view.Why, err error) {
	err = c.send(ctx, http.MethodGet, "", nil, &w, address("why", name)+"?"+url.Values{"trigger": {trigger}}.Encode())
	return w, err
}

// Approval returns one question to a human.
func (c Client) Approval(ctx context.Context, id string) (a record.Approval, err error) {
	err = c.get(ctx, &a, "approvals", id)
	return a, err
}

// Answer answers a question.
func (c Client) Answer(ctx context.Context, id string, d Decision) (a record.Approval, err error) {
	err = c.post(ctx, d, &a, "approvals", id)
	return a, err
}
