package report

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

// guardedClient makes requests to the configured host and nowhere else: no proxy
// (it would resolve the name, not we), no redirects, no forbidden addresses.
func guardedClient() *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second, Control: refuseForbidden}
	return &http.Client{
		CheckRedirect: noRedirect,
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSHandshakeTimeout:    5 * time.Second,
			MaxIdleConns:           4,
			IdleConnTimeout:        time.Minute,
			MaxResponseHeaderBytes: 16 << 10,
			ForceAttemptHTTP2:      true,
		},
	}
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// refuseForbidden is asked with the address after the name was resolved, for every
// address tried, so a name cannot change its mind in between.
func refuseForbidden(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	if forbidden(at.Addr()) {
		return fmt.Errorf("refuse to connect to %s: a link-local, multicast or cloud metadata address", at.Addr())
	}
	return nil
}

// forbidden reports link-local, multicast and unspecified addresses, and the
// metadata services of clouds that live elsewhere. Loopback and private addresses
// are allowed: a team's hook usually is inside.
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

// withoutURL drops the address from an HTTP client's error: it may hold a secret.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
