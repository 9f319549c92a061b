package replay

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/autorollback/autorollback/shadow"
)

// maxAnswer is the longest answer that is kept, in bytes. Three of them must fit into
// one line of [maxRecord], even in base64.
const maxAnswer = 3 << 20

// target is one version's address.
type target struct {
	base    *url.URL
	client  *http.Client
	timeout time.Duration
	keep    []string // headers sent on although they are secrets
}

func parseTarget(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.User != nil {
		return nil, fmt.Errorf("%q is no address; write e.g. http://127.0.0.1:8080, without query or password", text)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	return u, nil
}

// ask sends the request once. What goes wrong is part of the answer.
func (t target) send(ctx context.Context, r shadow.Request) shadow.Answer {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	req, err := t.request(ctx, r)
	if err != nil {
		return shadow.Answer{Error: "request: " + shadow.Clip(err.Error(), 200)}
	}
	began := time.Now()
	resp, err := t.client.Do(req)
	if err != nil {
		return shadow.Answer{Error: reason(err), LatencyMS: since(began)}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	a := shadow.Answer{Status: resp.StatusCode, LatencyMS: since(began), Body: body}
	switch {
	case err != nil:
		a.Error, a.Body = reason(err), nil
	case len(body) > maxAnswer:
		a.Error, a.Body = "too long", nil
	}
	return a
}

func since(began time.Time) float64 { return float64(time.Since(began).Microseconds()) / 1000 }

func (t target) request(ctx context.Context, r shadow.Request) (*http.Request, error) {
	path, err := url.ParseRequestURI(r.Path)
	if err != nil {
		return nil, err
	}
	u := *t.base
	u.Path, u.RawPath, u.RawQuery = t.base.Path+path.Path, "", path.RawQuery
	req, err := http.NewRequestWithContext(ctx, r.Method, u.String(), bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	for name, value := range r.Headers {
		if t.sends(name) {
			req.Header.Set(name, value)
		}
	}
	if len(r.Body) > 0 && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set(shadow.ShadowHeader, "1")
	return req, nil
}

// The headers that belong to one connection or one message are made anew, and those
// with secrets stay out unless they are asked for.
var (
	ownHeaders = []string{
		"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
		"Host", "Content-Length", "Accept-Encoding", "Expect", shadow.ShadowHeader,
	}
	secretHeaders = []string{"Authorization", "Cookie", "X-Api-Key", "X-Auth-Token"}
)

func (t target) sends(name string) bool {
	name = http.CanonicalHeaderKey(name)
	if slices.Contains(ownHeaders, name) {
		return false
	}
	return !slices.Contains(secretHeaders, name) || slices.ContainsFunc(t.keep, func(k string) bool { return http.CanonicalHeaderKey(k) == name })
}

// reason names what went wrong, in few words that can be counted.
func reason(err error) string {
	var dns *net.DNSError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, context.Canceled):
		return "stopped"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.As(err, &dns):
		return "unknown host"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "closed"
	}
	return "transport"
}
