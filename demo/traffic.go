package demo

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Traffic sends a steady stream of requests to an address.
type Traffic struct {
	URL  string
	Rate int // requests per second

	sent, failed atomic.Int64
}

// inFlight bounds the requests that wait at once: traffic slows down when nobody
// answers, as users do.
const inFlight = 200

// Run sends until ctx ends, and waits for the requests that are under way.
func (t *Traffic) Run(ctx context.Context) error {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = inFlight
	client := &http.Client{Transport: transport, Timeout: 5 * time.Second}
	defer transport.CloseIdleConnections()
	tick := time.NewTicker(time.Second / time.Duration(t.Rate))
	defer tick.Stop()
	var under sync.WaitGroup
	defer under.Wait()
	room := make(chan struct{}, inFlight)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		select {
		case room <- struct{}{}:
			under.Go(func() { defer func() { <-room }(); t.one(ctx, client) })
		default:
		}
	}
}

func (t *Traffic) one(ctx context.Context, client *http.Client) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.URL, nil)
	if err != nil {
		return
	}
	t.sent.Add(1)
	resp, err := client.Do(req)
	if err != nil {
		if ctx.Err() == nil {
			t.failed.Add(1)
		}
		return
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // only the status counts
	if resp.StatusCode != http.StatusOK {
		t.failed.Add(1)
	}
}

// Counts are the requests sent so far and those that failed users.
func (t *Traffic) Counts() (sent, failed int64) { return t.sent.Load(), t.failed.Load() }
