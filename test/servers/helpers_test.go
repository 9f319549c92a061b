package servers

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
)

func check[T comparable](t *testing.T, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func get(t *testing.T, url string) string {
	t.Helper()
	text, err := request(t.Context(), http.MethodGet, url)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func put(t *testing.T, url, body string) string {
	t.Helper()
	text, err := send(t.Context(), http.MethodPut, url, body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func send(ctx context.Context, method, url, body string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, text)
	}
	return strings.TrimSpace(string(text)), err
}

func eventually(t *testing.T, url, want string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), readyTimeout)
	defer cancel()
	err := until(ctx, func(ctx context.Context) error {
		text, err := request(ctx, http.MethodGet, url)
		if err == nil && !strings.Contains(text, want) {
			err = fmt.Errorf("it gives %s", text)
		}
		return err
	})
	if err != nil {
		t.Fatalf("wait for %q at %s: %v", want, url, err)
	}
}

func alert(t *testing.T, url, name string) {
	t.Helper()
	body := fmt.Sprintf(`[{"labels":{"alertname":%q}}]`, name)
	if _, err := send(t.Context(), http.MethodPost, url+"/api/v2/alerts", body); err != nil {
		t.Fatal(err)
	}
}

// A hook is a webhook receiver that keeps what it gets.
type hook struct {
	*httptest.Server

	bodies chan string
}

func newHook(t *testing.T) *hook {
	h := &hook{bodies: make(chan string, 10)}
	h.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		select {
		case h.bodies <- string(body):
		default: // more than any test looks at
		}
	}))
	t.Cleanup(h.Close)
	return h
}

// A recorder stands in for a test that is expected to fail.
type recorder struct {
	testing.TB

	said string
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.said = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (r *recorder) run(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}
