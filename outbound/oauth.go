package outbound

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	promconfig "github.com/prometheus/common/config"
)

// A tokenClient keeps the client in hand that Prometheus' library makes for OAuth 2 tokens: that one follows
// redirects, with the client's secret in the body, and waits for ever. So what is dialled is whom we
// were asked to call, the proxies, and the token's server, which has a time limit.
type tokenClient struct {
	next   http.RoundTripper
	dialer dialer
	proxy  func(*http.Request) (*url.URL, error)
	server string // host:port of the token's server, or its proxy
	within time.Duration

	mu    sync.Mutex
	asked map[string]bool
}

func newTokenClient(hc promconfig.HTTPClientConfig, o Options) (*tokenClient, error) {
	server, err := url.Parse(hc.OAuth2.TokenURL)
	if err != nil {
		return nil, fmt.Errorf("oauth2: token_url is no address")
	}
	first := dialled(&http.Request{URL: server}, hc.OAuth2.Proxy())
	c := &tokenClient{dialer: dialer{o.Allow, o.Resolver}, proxy: hc.Proxy(), server: first, within: o.within()}
	c.asked = map[string]bool{c.server: true}
	return c, nil
}

// RoundTrip implements [http.RoundTripper].
func (c *tokenClient) RoundTrip(r *http.Request) (*http.Response, error) {
	first := dialled(r, c.proxy)
	c.mu.Lock()
	c.asked[first] = true
	c.mu.Unlock()
	return c.next.RoundTrip(r)
}

func (c *tokenClient) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c.mu.Lock()
	asked := c.asked[address]
	c.mu.Unlock()
	if !asked {
		return nil, fmt.Errorf("refuse to connect to %s: the token's server redirects there", Excerpt(address))
	}
	conn, err := c.dialer.dial(ctx, network, address)
	if err == nil && address == c.server {
		err = conn.SetDeadline(time.Now().Add(c.within))
	}
	return conn, err
}

// dialled is the host:port that a request is sent to: its own, or the proxy's.
func dialled(r *http.Request, proxy func(*http.Request) (*url.URL, error)) string {
	u := r.URL
	if proxy != nil {
		if p, err := proxy(r); err == nil && p != nil {
			u = p
		}
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443", "socks5": "1080", "socks5h": "1080"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}
