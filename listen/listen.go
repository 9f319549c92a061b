// Package listen bounds the connections of an HTTP server, so that whoever opens many and says
// nothing keeps nobody else out. It never closes one whose request is under way, and never looks at
// what a request says.
package listen

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// What every listener allows one connection.
const (
	MaxHeader  = 16 << 10 // bytes of a request's header
	MaxStreams = 8        // requests at the same time, of HTTP/2
	HeaderTime = 5 * time.Second
)

// Limits are on the connections of one listener.
type Limits struct {
	Total      int
	PerAddress int                // of one IPv4 address, or one IPv6 network of 64 bits
	Dropped    prometheus.Counter // connections closed to keep to the limits; nil: not counted
}

// Bound returns the listener that the server is to serve on, and sets of the server what the
// limits stand on: its handler has to be in place, its ConnContext is taken. A request counts as
// under way once it was read to its end. At a limit, the connection that has waited longest for
// one is closed for the new one: of the address that holds the most, or of the new one's own. If
// every one has a request under way, the new one is closed.
func Bound(server *http.Server, l net.Listener, limits Limits) net.Listener {
	p := &pool{Listener: l, limits: limits, held: map[netip.Prefix]int{}, open: map[*conn]bool{}}
	server.MaxHeaderBytes, server.ReadHeaderTimeout = MaxHeader, HeaderTime
	server.HTTP2 = &http.HTTP2Config{MaxConcurrentStreams: MaxStreams}
	server.Handler = p.follow(server.Handler)
	server.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if secure, ok := c.(*tls.Conn); ok {
			c = secure.NetConn()
		}
		return context.WithValue(ctx, key{}, c)
	}
	return p
}

type key struct{}

// A pool is the open connections of a listener.
type pool struct {
	net.Listener
	limits Limits

	mu   sync.Mutex
	open map[*conn]bool
	held map[netip.Prefix]int // how many are open, by address
	turn uint64               // counts what happens, as a clock
}

// A conn is one connection; its fields are the pool's.
type conn struct {
	net.Conn
	pool    *pool
	from    netip.Prefix
	serving int    // requests that are under way
	waiting uint64 // since which turn no request is under way
}

// Accept returns the next connection that the limits allow.
func (p *pool) Accept() (net.Conn, error) {
	for {
		accepted, err := p.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &conn{Conn: accepted, pool: p, from: address(accepted.RemoteAddr())}
		drop := p.admit(c)
		if drop != nil {
			_ = drop.Conn.Close() // nobody waits for what it says
			if p.limits.Dropped != nil {
				p.limits.Dropped.Inc()
			}
		}
		if drop != c {
			return c, nil
		}
	}
}

// admit takes the connection in and returns the one to close for it: none, another, or itself.
func (p *pool) admit(c *conn) (drop *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	own := p.held[c.from] >= p.limits.PerAddress
	if own || len(p.open) >= p.limits.Total {
		if drop = p.longest(c.from, own); drop == nil {
			return c
		}
		p.remove(drop)
	}
	p.turn++
	c.waiting = p.turn
	p.open[c] = true
	p.held[c.from]++
	return drop
}

// longest is the connection that waits longest, of that address or of the one that holds most.
func (p *pool) longest(from netip.Prefix, own bool) (found *conn) {
	for c := range p.open {
		switch {
		case c.serving > 0, own && c.from != from:
		case found == nil, p.held[c.from] > p.held[found.from],
			p.held[c.from] == p.held[found.from] && c.waiting < found.waiting:
			found = c
		}
	}
	return found
}

func (p *pool) remove(c *conn) {
	if !p.open[c] {
		return
	}
	delete(p.open, c)
	if p.held[c.from]--; p.held[c.from] == 0 {
		delete(p.held, c.from)
	}
}

// Close closes the connection and makes room.
func (c *conn) Close() error {
	c.pool.mu.Lock()
	c.pool.remove(c)
	c.pool.mu.Unlock()
	return c.Conn.Close()
}

// address is what counts as one sender.
func address(a net.Addr) netip.Prefix {
	to, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Prefix{} // no TCP: all are one
	}
	ip, bits := to.Addr().Unmap(), 32
	if ip.Is6() {
		bits = 64
	}
	one, _ := ip.WithZone("").Prefix(bits) // the bits fit the address
	return one
}
