package attack

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// patience is far beyond the two seconds that are aimed at: the machine may be busy.
const patience = time.Minute

// An honest caller asks again and again, and again where its connection is closed or it is asked to.
type honest struct {
	name string
	make func(context.Context) (*http.Request, error)

	calls int
	worst time.Duration
}

// honest are the three that must be answered whatever else is sent. Who signs in has not done so
// before.
func (d *daemon) honest() []*honest {
	get := func(path, who string) func(context.Context) (*http.Request, error) {
		return func(ctx context.Context) (*http.Request, error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.web+path, nil)
			if err == nil {
				req.SetBasicAuth(who, password)
			}
			return req, err
		}
	}
	return []*honest{
		{name: "scrape", make: get("/metrics", "scrape")},
		{name: "sign-in", make: get("/api/v1/status", "late")},
		{name: "webhook", make: func(ctx context.Context) (*http.Request, error) { return d.webhook(ctx, authentic) }},
	}
}

const authentic = `{"version":"4","status":"firing","alerts":[{"status":"firing","labels":{"autorollback":"true",` +
	`"service":"ranker","trigger":"errors","severity":"severe"},"startsAt":"2026-01-02T03:04:05Z"}]}`

func (d *daemon) webhook(ctx context.Context, body string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+d.hooks+"/v1/alertmanager", strings.NewReader(body))
	if err == nil {
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
	}
	return req, err
}

// once asks until there is an answer, and returns how long that took.
func (h *honest) once(ctx context.Context, client *http.Client) (time.Duration, error) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	pause := time.NewTicker(50 * time.Millisecond)
	defer pause.Stop()
	for {
		req, err := h.make(ctx)
		if err != nil {
			return 0, err
		}
		code := 0
		if resp, err := client.Do(req); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			code = resp.StatusCode
		}
		if code == http.StatusOK {
			return time.Since(began), nil
		}
		select {
		case <-ctx.Done():
			return 0, fmt.Errorf("%s: no answer within %s, the last was %d", h.name, time.Since(began).Round(time.Second), code)
		case <-pause.C:
		}
	}
}

// during runs the attack, and the honest callers until it is over and for one call each at least.
func (d *daemon) during(ctx context.Context, attack func() error) ([]*honest, error) {
	all := d.honest()
	over := make(chan struct{})
	var g errgroup.Group
	var begun sync.WaitGroup
	begun.Add(1)
	g.Go(func() error {
		defer close(over)
		begun.Done()
		return attack()
	})
	begun.Wait()
	for _, h := range all {
		g.Go(func() error {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for {
				took, err := h.once(ctx, client)
				if err != nil {
					return err
				}
				h.calls++
				h.worst = max(h.worst, took)
				select {
				case <-over:
					return nil
				default:
				}
			}
		})
	}
	return all, g.Wait()
}
