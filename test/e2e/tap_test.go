package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/receiver"
)

// A tap takes Alertmanager's webhooks in the daemon's place and keeps the bodies, so
// that a test decides when they reach the daemon, how often and in which order.
type tap struct {
	addr   string
	bodies chan []byte // of firing alerts, the watchdog's left out
}

func newTap(t *testing.T) *tap {
	tp := &tap{bodies: make(chan []byte, 1000)}
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		text := string(body)
		if err == nil && strings.Contains(text, `"status":"firing"`) && !strings.Contains(text, `"trigger":"watchdog"`) {
			select {
			case tp.bodies <- body:
			default:
			}
		}
	}))
	t.Cleanup(srv.Close)
	tp.addr = srv.Listener.Addr().String()
	return tp
}

// hook posts a webhook body to a daemon as Alertmanager does, and returns the status.
func (s *stack) hook(d *daemon, body []byte) (int, error) {
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, "http://"+d.hooks+receiver.Path, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("post webhook: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, fmt.Errorf("post webhook: %w", err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // only the status counts
	return resp.StatusCode, nil
}
