package servers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

const pollInterval = 10 * time.Millisecond

// A final error ends a wait early.
type final struct{ error }

// until asks again and again until the answer is nil. Its error is the last
// answer.
func until(ctx context.Context, ask func(context.Context) error) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		if end, ok := errors.AsType[final](err); ok {
			return end.error
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w, the last answer was: %w", context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}

// One connection for each request, so that no test ends with an idle one.
var client = &http.Client{
	Timeout:   20 * time.Second,
	Transport: &http.Transport{DisableKeepAlives: true},
}

// request returns the body of an answer with status 200.
func request(ctx context.Context, method, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return "", err
	}
	return answer(req)
}

// answer returns the body of a 200.
func answer(req *http.Request) (string, error) {
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	method, url := req.Method, req.URL.String()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", fmt.Errorf("read answer of %s: %w", url, err)
	}
	text := strings.TrimSpace(string(body))
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s %s: %s: %s", method, url, resp.Status, text)
	}
	return text, nil
}

// answers returns a question that is answered when the address gives 200.
func answers(url string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := request(ctx, http.MethodGet, url)
		return err
	}
}
