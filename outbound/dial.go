package outbound

import (
	"context"
	"crypto/tls"
	"net"
)

// Dial connects to a host and port for what is no HTTP, such as mail. The options' addresses hold.
func Dial(ctx context.Context, address string, o Options) (net.Conn, error) {
	return dialer{o.Allow, o.Resolver}.dial(ctx, "tcp", address)
}

// TLSTo is how TLS is spoken to a host on a connection of [Dial].
func TLSTo(host string, o Options) *tls.Config {
	c := atLeast12(o.TLS)
	c.ServerName = host
	return c
}
