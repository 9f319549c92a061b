package outbound

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
)

// A dialer connects to addresses that may be called.
type dialer struct {
	allow    []netip.Prefix // none: all but the forbidden
	resolver *net.Resolver
}

func (d dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	n := net.Dialer{Timeout: dialWithin, Control: d.control, Resolver: d.resolver}
	return n.DialContext(ctx, network, address)
}

// control is asked with the address after the name was resolved, for every address tried, so a
// name cannot change its mind in between.
func (d dialer) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	return refuse(at.Addr(), d.allow)
}

// refuse is an error for an address that may not be called.
func refuse(a netip.Addr, allow []netip.Prefix) error {
	if forbidden(a) {
		return fmt.Errorf("refuse to connect to %s: a link-local, multicast, unspecified or cloud metadata address", a)
	}
	a = a.Unmap().WithZone("")
	if len(allow) > 0 && !slices.ContainsFunc(allow, func(p netip.Prefix) bool { return p.Contains(a) }) {
		return fmt.Errorf("refuse to connect to %s: --outbound.allow does not have it", a)
	}
	return nil
}

// forbidden reports link-local, multicast and unspecified addresses, and the
// metadata services of clouds that live elsewhere. Loopback and private addresses
// are allowed: whom we call usually is inside.
func forbidden(a netip.Addr) bool {
	a = embedded(a.Unmap().WithZone(""))
	if a.IsLinkLocalUnicast() || a.IsMulticast() || a.IsUnspecified() {
		return true
	}
	switch a.String() {
	case "255.255.255.255",
		"168.63.129.16",   // Azure
		"100.100.100.200", // Alibaba
		"192.0.0.192",     // Oracle
		"fd00:ec2::254",   // AWS
		"fd20:ce::254":    // Google
		return true
	}
	return false
}

// embedded returns the IPv4 address inside NAT64 (64:ff9b::/96), 6to4 (2002::/16)
// and IPv4-compatible (::/96) addresses, and any other address unchanged.
func embedded(a netip.Addr) netip.Addr {
	if !a.Is6() || a.IsLoopback() {
		return a
	}
	b := a.As16()
	switch {
	case netip.MustParsePrefix("64:ff9b::/96").Contains(a), netip.MustParsePrefix("::/96").Contains(a):
		return netip.AddrFrom4([4]byte(b[12:16]))
	case netip.MustParsePrefix("2002::/16").Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return a
}
