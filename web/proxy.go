package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/bearer"
)

// proxyAuthorization is the header in which a trusted proxy shows its own token; Authorization
// may be the caller's.
const proxyAuthorization = "X-Autorollback-Proxy-Authorization"

var headerForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,99}$`)

// isHeader reports whether a header can say who somebody is.
func isHeader(name string) bool {
	taken := []string{"Authorization", "Cookie", "Host", "X-Forwarded-For", proxyAuthorization}
	return headerForm.MatchString(name) && !slices.Contains(taken, http.CanonicalHeaderKey(name))
}

// open reads the proxy's tokens; paths are seen from the folder.
func (p *trustedProxy) open(folder string, log *zap.Logger) (err error) {
	if p == nil || p.TokenFile == "" {
		return nil
	}
	if !filepath.IsAbs(p.TokenFile) {
		p.TokenFile = filepath.Join(folder, p.TokenFile)
	}
	if p.tokens, err = bearer.Open(p.TokenFile, log); err != nil {
		return fmt.Errorf("trusted_proxy.token_file: %w", err)
	}
	return nil
}

// sent reports whether a request comes from the proxy: by its address, and by each of token and
// certificate that the file names.
func (p *trustedProxy) sent(r *http.Request, certificates bool) bool {
	if p == nil || !p.has(peer(r)) || !p.tokens.Allow(r.Header.Values(proxyAuthorization)) {
		return false
	}
	return p.Certificate == "" || certificates && certificateName(r) == p.Certificate
}

func (p *trustedProxy) has(addr netip.Addr) bool {
	return slices.ContainsFunc(p.networks, func(n netip.Prefix) bool { return n.Contains(addr) })
}

// strip takes what only the proxy may say out of a request.
func (p *trustedProxy) strip(r *http.Request) {
	r.Header.Del(proxyAuthorization)
	if p != nil {
		r.Header.Del(p.UserHeader)
	}
}

// origin is where a request of the proxy came from: the last address of X-Forwarded-For that
// is none of the proxy's, since whoever calls can write those before it.
func (p *trustedProxy) origin(r *http.Request) netip.Addr {
	list := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, text := range slices.Backward(list) {
		addr, err := netip.ParseAddr(strings.TrimSpace(text))
		if err != nil {
			break
		}
		if addr = addr.Unmap(); !p.has(addr) {
			return addr
		}
	}
	return peer(r)
}

// peer is the address of the other end of the connection.
func peer(r *http.Request) netip.Addr {
	at, _ := netip.ParseAddrPort(r.RemoteAddr) // none: no network has it
	return at.Addr().Unmap().WithZone("")
}
