// Package promapi is the one client of Prometheus' HTTP API: instant and range queries,
// rules and targets, with a limit on how long an answer may be. An answer that misses a
// part is an error, and so is a refusal, told apart from a Prometheus that does not answer.
//
// It never asks a second time, never keeps an answer, and knows no trigger and no release.
package promapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/secret"
	"github.com/prometheus/common/model"
)

const (
	// Parallel is how many queries one caller runs at once; Prometheus runs 20 by default.
	Parallel = 16
	// Most is the longest answer that is read, in bytes. Evidence of a day at 15 s for
	// some hundred series stays below.
	Most = 32 << 20
	// Within is how long one answer may take: longer than Prometheus' own limit of a query, 2 min.
	Within = 3 * time.Minute
)

// An API answers PromQL. Warnings tell that a part of the answer is missing; Prometheus' other
// remarks (infos) take nothing away from it and are left out. A query ends at the context's
// deadline in Prometheus as well. A [Client] is one.
type API interface {
	// Query asks for one moment; of a zero one Prometheus takes its own clock.
	Query(ctx context.Context, query string, at time.Time) (model.Value, Warnings, error)
	QueryRange(ctx context.Context, query string, r Range) (model.Value, Warnings, error)
}

// Warnings tell what is missing in an answer.
type Warnings []string

// Vector asks for the series of one moment. An answer that misses a part is an error.
func Vector(ctx context.Context, api API, query string, at time.Time) (model.Vector, error) {
	value, warnings, err := api.Query(ctx, query, at)
	if err = Complete(warnings, err); err != nil {
		return nil, err
	}
	v, is := value.(model.Vector)
	if !is {
		return nil, fmt.Errorf("the answer is a %s and should be a vector", value.Type())
	}
	return v, nil
}

// A Range is the moments of a range query, both ends among them.
type Range struct {
	Start, End time.Time
	Step       time.Duration
}

// A Client asks the Prometheus at one address. It is safe for concurrent use.
type Client struct {
	address *url.URL
	http    *http.Client
	large   chan struct{} // held while a large answer is read
}

var _ API = (*Client)(nil)

// New makes a client of an address such as "http://localhost:9090". A nil client is a plain one.
func New(address string, client *http.Client) (*Client, error) {
	u, err := secret.URL(address, "write it into the HTTP client's file, under basic_auth or authorization")
	if err != nil {
		return nil, err
	}
	if client == nil {
		client = outbound.New(outbound.Options{Redirects: true, Most: Most, Within: Within})
	}
	return &Client{u, client, make(chan struct{}, 1)}, nil
}

// Query implements [API].
func (c *Client) Query(ctx context.Context, query string, at time.Time) (model.Value, Warnings, error) {
	form := url.Values{}
	if !at.IsZero() {
		form.Set("time", moment(at))
	}
	return c.query(ctx, "query", query, form)
}

// QueryRange implements [API].
func (c *Client) QueryRange(ctx context.Context, query string, r Range) (model.Value, Warnings, error) {
	step := strconv.FormatFloat(r.Step.Seconds(), 'f', -1, 64)
	form := url.Values{"start": {moment(r.Start)}, "end": {moment(r.End)}, "step": {step}}
	return c.query(ctx, "query_range", query, form)
}

func moment(t time.Time) string {
	return strconv.FormatFloat(float64(t.Unix())+float64(t.Nanosecond())/1e9, 'f', -1, 64)
}

func (c *Client) query(ctx context.Context, endpoint, query string, form url.Values) (model.Value, Warnings, error) {
	form.Set("query", query)
	if deadline, ok := ctx.Deadline(); ok {
		form.Set("timeout", strconv.FormatFloat(max(time.Until(deadline).Seconds(), 0.001), 'f', 3, 64))
	}
	var value model.Value
	var warnings Warnings
	err := c.post(ctx, endpoint, form, func(body []byte) (err error) {
		value, warnings, err = decode(body)
		return err
	})
	return value, warnings, err
}

// post sends a form, which may be longer than an address; where only GET is allowed, by GET.
func (c *Client) post(ctx context.Context, endpoint string, form url.Values, decode func([]byte) error) error {
	text := form.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url(endpoint, "").String(), strings.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header["Idempotency-Key"] = nil // the transport may send it again on a connection that broke
	resp, err := c.http.Do(req)
	err = c.read(ctx, resp, err, decode)
	if e, ok := errors.AsType[*Error](err); ok && (e.Code == http.StatusForbidden ||
		e.Code == http.StatusMethodNotAllowed || e.Code == http.StatusNotImplemented) {
		resp, err = c.get(ctx, endpoint, text)
		return c.read(ctx, resp, err, decode)
	}
	return err
}

func (c *Client) get(ctx context.Context, endpoint, query string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url(endpoint, query).String(), nil)
	if err != nil {
		return nil, err
	}
	return c.http.Do(req)
}

func (c *Client) url(endpoint, query string) *url.URL {
	u := c.address.JoinPath("api/v1", endpoint)
	if query != "" {
		u.RawQuery = query
	}
	return u
}
