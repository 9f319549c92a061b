package verify

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/autorollback/autorollback/rules"
	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// DefaultTimeout bounds one call of Firing, Confirm, Drained or Recovery as a whole.
const DefaultTimeout = 2 * time.Second

// parallel is how many queries run at once where each goes alone; Prometheus runs 20
// by default.
const parallel = 16

// An API answers PromQL. The v1.API of client_golang is one.
type API interface {
	Query(ctx context.Context, query string, at time.Time, opts ...v1.Option) (model.Value, v1.Warnings, error)
	QueryRange(ctx context.Context, query string, r v1.Range, opts ...v1.Option) (model.Value, v1.Warnings, error)
}

// Prometheus is asked all questions of one installation. It has no state and is safe
// for use by several goroutines.
type Prometheus struct {
	api      API
	timeout  time.Duration
	verifier *rules.Verifier
}

// New asks through api. A timeout of 0 is [DefaultTimeout].
func New(api API, timeout time.Duration) *Prometheus {
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	return &Prometheus{api, timeout, &rules.Verifier{}}
}

// API is what the questions are asked through.
func (p *Prometheus) API() API { return p.api }

// NewPrometheus asks the Prometheus at the address, e.g. "http://localhost:9090". A
// nil transport is a plain one that keeps a connection for each parallel query; one
// made by prometheus/common's config.NewRoundTripperFromConfig does so as well. A
// timeout of 0 is [DefaultTimeout].
func NewPrometheus(address string, transport http.RoundTripper, timeout time.Duration) (*Prometheus, error) {
	if transport == nil {
		plain := http.DefaultTransport.(*http.Transport).Clone()
		plain.MaxIdleConnsPerHost = parallel
		transport = plain
	}
	client, err := api.NewClient(api.Config{Address: address, RoundTripper: capped{transport}})
	if err != nil {
		return nil, fmt.Errorf("parse Prometheus address: %w", err)
	}
	return New(server{v1.NewAPI(client), client, &http.Client{Transport: transport}}, timeout), nil
}
