package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/secret"
)

const (
	endpointTimeout = 15 * time.Second
	mostSaid        = 512 // bytes of an answer that are looked at
)

// An endpoint is an address that messages are posted to. It is a secret as a whole: many chats put the key
// into its path. No error has it.
type endpoint struct {
	address secret.Value
	host    string
	client  *http.Client
}

// newEndpoint takes an address, and the client that calls it; that one is to follow no redirect and use no
// proxy, which would resolve the name, not we.
func newEndpoint(address secret.Value, client *http.Client) (endpoint, error) {
	u, err := url.Parse(address.Reveal())
	switch {
	case err != nil:
		return endpoint{}, errors.New("not a URL")
	case u.Scheme != "https" && u.Scheme != "http", u.Host == "":
		return endpoint{}, errors.New("want https://HOST/… or http://HOST/…")
	case u.User != nil:
		return endpoint{}, errors.New("no user or password in it, please; the signature or the path is the proof")
	}
	return endpoint{address, u.Host, client}, nil
}

// An answer is what came back of a post.
type answer struct {
	status int
	header http.Header
	said   string // the beginning of it
}

// post sends a body of JSON with these headers.
func (e endpoint) post(ctx context.Context, header http.Header, body []byte) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, endpointTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.address.Reveal(), bytes.NewReader(body))
	if err != nil {
		return answer{}, outbound.Cause(err)
	}
	if header != nil {
		req.Header = header
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "autorollback")
	resp, err := e.client.Do(req)
	if err != nil {
		return answer{}, outbound.Cause(err)
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(resp.Body, mostSaid))
	_, _ = io.CopyN(io.Discard, resp.Body, 16<<10) // so that the connection can be used again
	return answer{resp.StatusCode, resp.Header, string(said)}, nil
}

// chat posts a message to a chat's incoming webhook. Only 2xx is success; refused says which other answers
// are about this message alone.
func (e endpoint) chat(ctx context.Context, name string, body []byte, refused func(answer) bool) error {
	a, err := e.post(ctx, nil, body)
	switch {
	case err != nil:
		return fmt.Errorf("post to %s at %s: %w", name, e.host, err)
	case a.status/100 == 2:
		return nil
	}
	text := fmt.Sprintf("post to %s at %s: %s", name, e.host, outbound.Status(a.status))
	if code.MatchString(a.said) {
		text += ": " + a.said
	}
	return failure{text: text, refused: refused(a), await: retryAfter(a, time.Now())}
}

// code is an answer as Slack's are, e.g. no_service. No other is repeated: many servers say the path that they were
// asked for, and that is the key.
var code = regexp.MustCompile(`^[a-z_]{1,40}$`)

// retryAfter is how long the other side asks to be left alone: seconds, or until a date.
func retryAfter(a answer, now time.Time) time.Duration {
	if a.status != http.StatusTooManyRequests && a.status != http.StatusServiceUnavailable {
		return 0
	}
	text := a.header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(max(seconds, 0), 24*60*60)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}
