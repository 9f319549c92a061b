package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/autorollback/autorollback/outbound"
)

// A Client speaks the daemon's JSON API. Its methods may be called at the same time.
//
// An answer other than success is an [*Error], which is also the sentinel of package runbook that it
// stands for: errors.Is(err, runbook.ErrNotFound), ErrConflict, ErrRefused, ErrForbidden, ErrSecond or
// ErrLater. Of these only ErrLater is worth trying again as it is. Any other error is that no daemon
// answered; an order may have been carried out then, so look before you give it again.
type Client struct {
	URL  string       // the daemon's, e.g. http://127.0.0.1:9095
	HTTP *http.Client // carries the authentication; nil: a plain one, without a time limit beside the context's
}

// MaxAnswer is the longest answer of a daemon that is worth reading, in bytes.
const MaxAnswer = 64 << 20

func (c Client) get(ctx context.Context, into any, path ...string) error {
	return c.send(ctx, http.MethodGet, "", nil, into, address(path...))
}

func (c Client) post(ctx context.Context, order, into any, path ...string) error {
	return c.order(ctx, http.MethodPost, order, into, address(path...))
}

func (c Client) order(ctx context.Context, method string, order, into any, to string) error {
	text, err := json.Marshal(order)
	if err != nil {
		return fmt.Errorf("write order: %w", err)
	}
	return c.send(ctx, method, "application/json", text, into, to)
}

func (c Client) send(ctx context.Context, method, kind string, body []byte, into any, to string) error {
	text, err := c.ask(ctx, method, kind, body, to)
	if err != nil {
		return err
	}
	return unwrap(text, into)
}

// address is a path below the API. Segments are escaped, so none can become two.
func address(path ...string) string {
	var to strings.Builder
	for _, segment := range path {
		to.WriteString("/" + url.PathEscape(segment))
	}
	return to.String()
}

// ask returns the body of a 200 of an address below the API.
func (c Client) ask(ctx context.Context, method, kind string, body []byte, to string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.URL, "/")+Path+to, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask the daemon: %w", err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	client := cmp.Or(c.HTTP, outbound.New(outbound.Options{}))
	resp, err := client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("no daemon answers at %s: %w; start it there, or name another address with --url or AUTOROLLBACK_URL", c.URL, outbound.NoAnswer(err))
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("read the daemon's answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, errorOf(resp.StatusCode, text)
	}
	return text, nil
}
