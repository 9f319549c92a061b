package demo

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/autorollback/autorollback/outbound"
	"golang.org/x/sync/errgroup"
)

// inFlight bounds the requests that wait at once: traffic slows down when nobody
// answers, as users do.
const inFlight = 200

// users send requests and count them.
type users struct {
	sent, failed atomic.Int64
	mu           sync.Mutex
	last         map[string]time.Time // by version: when the last request was sent that it answered
}

// LastSent is when the last request was sent that the version answered; zero if there is none.
func (u *users) LastSent(version string) time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.last[version]
}

func (u *users) answered(version string, sent time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.last == nil {
		u.last = map[string]time.Time{}
	}
	if sent.After(u.last[version]) {
		u.last[version] = sent
	}
}

// Counts are the requests sent so far, and those without a good answer.
func (u *users) Counts() (sent, failed int64) { return u.sent.Load(), u.failed.Load() }

func newClient() *http.Client {
	return outbound.New(outbound.Options{Within: 5 * time.Second, Conns: inFlight})
}

// post sends one request; one that we stop has not failed.
func (u *users) post(ctx context.Context, client *http.Client, url string, body []byte, header http.Header) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return
	}
	if header != nil {
		req.Header = header
	}
	sent := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		if ctx.Err() == nil {
			u.failed.Add(1)
		}
		return
	}
	defer resp.Body.Close()
	u.answered(resp.Header.Get(versionHeader), sent)
	_, _ = io.Copy(io.Discard, resp.Body) // only the status counts
	if resp.StatusCode != http.StatusOK {
		u.failed.Add(1)
	}
}

// Traffic sends a steady stream of requests to an address.
type Traffic struct {
	URL  string
	Rate int // requests per second
	users
}

// Run sends until ctx ends, and waits for the requests that are under way.
func (t *Traffic) Run(ctx context.Context) error {
	client := newClient()
	defer client.CloseIdleConnections()
	tick := time.NewTicker(time.Second / time.Duration(t.Rate))
	defer tick.Stop()
	var under errgroup.Group
	under.SetLimit(inFlight)
	for {
		select {
		case <-ctx.Done():
			return under.Wait()
		case <-tick.C:
		}
		under.TryGo(func() error {
			t.sent.Add(1)
			t.post(ctx, client, t.URL, nil, nil)
			return nil
		})
	}
}
