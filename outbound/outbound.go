// Package outbound makes every HTTP client of the programs: which addresses may be called, where a
// redirect may lead, how long an answer may take and be, TLS, and when there is a proxy.
//
// It never takes an address from an answer: a redirect is followed within one host or not at all. It
// never calls a link-local, multicast or metadata address, whatever name that hides behind, and never
// says more of an answer than a short, printable excerpt.
package outbound

import (
	"cmp"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"time"
)

const (
	dialWithin   = 5 * time.Second
	answerWithin = time.Minute
	mostAnswer   = 32 << 20 // bytes
	mostHeader   = 64 << 10 // bytes
	mostIdle     = 16       // connections to one host
	idleFor      = 90 * time.Second
)

// Options are how somebody is called. The zero Options are good for most: no redirects, no proxy, an answer
// of 32 MiB in a minute.
type Options struct {
	// Allow are the networks that may be called; none: every address, but those that nobody may call.
	Allow []netip.Prefix
	// Redirects lets a redirect be followed three times to the same scheme, host and port; to another one
	// it is an error. Without it a redirect is the answer.
	Redirects bool
	// Within is the time from the call to the last byte of the answer; 0: a minute.
	Within time.Duration
	// Most is how long the body of an answer may be, in bytes; 0: 32 MiB. Reading on is [ErrTooLong].
	Most int64
	// Conns is how many connections to one host there are at most, and are kept; 0: any number, and 16.
	Conns int
	// Resolver finds addresses of names; nil: the system's.
	Resolver *net.Resolver
	// Transport carries the requests in place of the network; TLS and addresses are then its own.
	Transport http.RoundTripper
	// TLS is used in place of the system's certificates; at least TLS 1.2 is spoken anyway.
	TLS *tls.Config
}

// New makes a client.
func New(o Options) *http.Client {
	if o.Transport != nil {
		return o.client(o.Transport)
	}
	t := &http.Transport{
		DialContext:            dialer{o.Allow, o.Resolver}.dial,
		TLSClientConfig:        atLeast12(o.TLS),
		TLSHandshakeTimeout:    dialWithin,
		MaxIdleConnsPerHost:    cmp.Or(o.Conns, mostIdle),
		MaxConnsPerHost:        o.Conns,
		IdleConnTimeout:        idleFor,
		MaxResponseHeaderBytes: mostHeader,
		ForceAttemptHTTP2:      true,
	}
	return o.client(t)
}

func (o Options) client(next http.RoundTripper) *http.Client {
	c := &http.Client{
		Transport:     bounded{next, cmp.Or(o.Most, mostAnswer), o.Allow},
		Timeout:       o.within(),
		CheckRedirect: asAnswer,
	}
	if o.Redirects {
		c.CheckRedirect = withinHost
	}
	return c
}

func (o Options) within() time.Duration { return cmp.Or(o.Within, answerWithin) }

func atLeast12(c *tls.Config) *tls.Config {
	if c == nil {
		c = &tls.Config{}
	}
	c = c.Clone()
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	return c
}
