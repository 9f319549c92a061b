package actuators

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/record"
)

const (
	observeWithin = 2 * time.Second
	observeAnswer = 4 << 20 // bytes
)

// A fetch gets a path below the address of one instance's own API, and returns the body
// of its answer.
type fetch func(path string) ([]byte, error)

// Observe asks one instance of the router what it serves, at the address of that
// instance's own API, in 2 s at most. An error says what the
// instance does instead, in words that stay the same as long as that does. The backends
// are those of the release: fabio knows tags, and not which of them are backends.
func (r Router) Observe(ctx context.Context, client *http.Client, instance string, backends ...string) (record.Split, error) {
	ctx, cancel := context.WithTimeout(ctx, observeWithin)
	defer cancel()
	return r.codec.observe(func(path string) ([]byte, error) { return get(ctx, client, instance+path) }, backends)
}

// errNotFound means that the instance answered 404.
var errNotFound = errors.New("it answers 404 Not Found")

func get(ctx context.Context, client *http.Client, at string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, unanswered(ctx, err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return nil, errNotFound
	default:
		return nil, fmt.Errorf("it answers %s", outbound.Status(resp.StatusCode))
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, observeAnswer+1))
	switch {
	case err != nil:
		return nil, unanswered(ctx, err)
	case len(body) > observeAnswer:
		return nil, fmt.Errorf("its answer has more than %d MiB", observeAnswer>>20)
	}
	return body, nil
}

// unanswered says why there is no answer, without the address and the ports of one try.
func unanswered(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("it does not answer within %s", observeWithin)
	}
	return fmt.Errorf("it does not answer: %w", outbound.Cause(err))
}

// observe reads a weighted service as Traefik's API shows it.
func (t traefik) observe(get fetch, _ []string) (record.Split, error) {
	body, err := get("/api/http/services/" + url.PathEscape(t.service) + "@consul")
	if errors.Is(err, errNotFound) {
		return nil, fmt.Errorf("it has no service %s@consul, or does not show its API: %w", t.service, err)
	}
	if err != nil {
		return nil, err
	}
	var shown struct {
		Status   string          `json:"status"`
		Error    []string        `json:"error"`
		Weighted traefikChildren `json:"weighted"`
		Hashed   traefikChildren `json:"highestRandomWeight"`
	}
	if err := json.Unmarshal(body, &shown); err != nil {
		return nil, fmt.Errorf("its answer is not a service of Traefik's API: %w", err)
	}
	children := append(shown.Weighted.Services, shown.Hashed.Services...)
	if shown.Status == "disabled" || len(children) == 0 {
		return nil, fmt.Errorf("its service %s@consul is %q and has %d weights %q", t.service, shown.Status, len(children), shown.Error)
	}
	weights := map[string]float64{}
	for _, s := range children {
		weights[s.Name] = 1
		if s.Weight != nil {
			weights[s.Name] = float64(max(0, *s.Weight))
		}
	}
	return record.Shares(weights), nil
}

// traefikChildren are a service's backends in Traefik's API.
type traefikChildren struct {
	Services []struct {
		Name   string `json:"name"`
		Weight *int   `json:"weight"`
	} `json:"services"`
}

// observe reads the document as an instance shows it that repeats what it took from the
// store.
func (document) observe(get fetch, _ []string) (record.Split, error) {
	body, err := get("")
	if err != nil {
		return nil, err
	}
	o, err := parseObject(body)
	if err != nil {
		return nil, fmt.Errorf("its answer has no weights: %w", err)
	}
	split, bad, err := document{key: "its answer"}.readable(o)
	if err == nil && len(bad) > 0 {
		err = fmt.Errorf("its weights.%s is %s", bad[0].name, bad[0].value)
	}
	return split, err
}
