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
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

const (
	// Parallel is how many queries one caller runs at once; Prometheus runs 20 by default.
	Parallel = 16
	// maxBody is the longest answer that is read, in bytes. Evidence of a day at 15 s for
	// some hundred series stays below.
	maxBody = 32 << 20
)

// An API answers PromQL, with warnings if a part of the answer is missing. A [Client] is one.
type API interface {
	Query(ctx context.Context, query string, at time.Time, opts ...v1.Option) (model.Value, v1.Warnings, error)
	QueryRange(ctx context.Context, query string, r v1.Range, opts ...v1.Option) (model.Value, v1.Warnings, error)
}

// A Client asks the Prometheus at one address. It is safe for concurrent use.
type Client struct {
	api    v1.API
	client api.Client
	stream *http.Client // for answers that are decoded as they come
}

// New makes a client of an address such as "http://localhost:9090". A nil transport is a
// plain one that keeps a connection for each of [Parallel] queries; one made by
// prometheus/common's config.NewRoundTripperFromConfig does so as well.
func New(address string, transport http.RoundTripper) (*Client, error) {
	if transport == nil {
		plain := http.DefaultTransport.(*http.Transport).Clone()
		plain.MaxIdleConnsPerHost = Parallel
		transport = plain
	}
	client, err := api.NewClient(api.Config{Address: address, RoundTripper: maxBytesTransport{transport}})
	if err != nil {
		return nil, fmt.Errorf("parse Prometheus address: %w", err)
	}
	return &Client{v1.NewAPI(client), client, &http.Client{Transport: transport}}, nil
}

// Query implements [API]. Prometheus' remarks on a query (infos) take nothing away from its
// answer, and are left out.
func (c *Client) Query(ctx context.Context, query string, at time.Time, opts ...v1.Option) (model.Value, v1.Warnings, error) {
	value, warnings, _, err := c.api.Query(ctx, query, at, opts...)
	return value, warnings, something(value, err)
}

// QueryRange implements [API].
func (c *Client) QueryRange(ctx context.Context, query string, r v1.Range, opts ...v1.Option) (model.Value, v1.Warnings, error) {
	value, warnings, _, err := c.api.QueryRange(ctx, query, r, opts...)
	return value, warnings, something(value, err)
}

// something is err, or an error if the answer has no value.
func something(value model.Value, err error) error {
	if err == nil && value == nil {
		err = errors.New("an answer without data")
	}
	return err
}

// Targets tells what Prometheus scrapes.
func (c *Client) Targets(ctx context.Context) (v1.TargetsResult, error) { return c.api.Targets(ctx) }

// Complete is err, or an error if the warnings tell that a part of the answer is missing:
// what is missing would count as nothing having happened.
func Complete(warnings v1.Warnings, err error) error {
	if err == nil && len(warnings) > 0 {
		err = errors.New("partial answer: " + strings.Join(warnings, "; "))
	}
	return err
}

// Refused reports whether Prometheus cannot answer the question (400, 422), rather than
// that it, or something in front of it, does not answer.
func Refused(err error) bool {
	e, ok := errors.AsType[*v1.Error](err)
	return ok && (e.Type == v1.ErrBadData || e.Type == v1.ErrExec)
}

// maxBytesTransport refuses answers longer than maxBody: the client reads them into memory
// whole.
type maxBytesTransport struct{ http.RoundTripper }

func (t maxBytesTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := t.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = &maxBytesBody{resp.Body, maxBody}
	}
	return resp, err
}

type maxBytesBody struct {
	io.ReadCloser
	left int64
}

func (b *maxBytesBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("answer is longer than %d MiB", maxBody>>20)
	}
	return n, err
}
