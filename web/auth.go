package web

import (
	"cmp"
	"crypto/x509"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Auth says how people sign in, and who may do what.
type Auth struct {
	// ConfigFile is the file of --web.config.file; empty: it lets nobody sign in.
	ConfigFile string
	// RolesFile is the file of --web.roles.file; empty: whoever signs in may look, and runbooks
	// name the people of their services.
	RolesFile string
	// InsecureNoAuth lets everybody do everything while nobody can sign in and there is no roles
	// file. Each action is then recorded as unauthenticated, or as link_only.
	InsecureNoAuth bool
	// External is the address people use; its host is a name that may be used for a daemon in
	// which nobody can sign in (beside IP addresses, localhost and names without a dot).
	External *url.URL
	// AnyHost lets a daemon in which nobody can sign in be called by any name.
	AnyHost bool
}

// Modes are the ways to sign in that the files enforce.
type Modes struct {
	BasicAuth  bool
	ClientCert bool
	Proxy      bool
}

// Any reports whether anybody can sign in.
func (m Modes) Any() bool { return m.BasicAuth || m.ClientCert || m.Proxy }

// modesOf: a client certificate counts only if it was verified against CAs that the file
// names; without them Go would take any public CA's word.
func modesOf(c toolkit.Config, f rolesFile) Modes {
	verified := c.TLSConfig.ClientAuth == "RequireAndVerifyClientCert" || c.TLSConfig.ClientAuth == "VerifyClientCertIfGiven"
	return Modes{
		BasicAuth:  len(c.Users) > 0,
		ClientCert: verified && (c.TLSConfig.ClientCAs != "" || c.TLSConfig.ClientCAsText != ""),
		Proxy:      f.Proxy != nil,
	}
}

// Check reads both files as they are read later, and returns what they enforce.
func (a Auth) Check() (Modes, error) {
	in := newSignIn(a, nil, zap.NewNop())
	c, f, err := in.files()
	if err != nil {
		return Modes{}, err
	}
	m := modesOf(c, f)
	if f.Proxy != nil && f.Proxy.Certificate != "" && !m.ClientCert {
		return m, runbook.Problems{{File: a.RolesFile, Line: 1, Field: "trusted_proxy.certificate", What: "can never be shown",
			Fix: "let --web.config.file verify client certificates"}}
	}
	return m, toolkit.Validate(a.ConfigFile)
}

// A signIn finds out who sends a request.
type signIn struct {
	Auth
	config    *reread[toolkit.Config]
	roles     *reread[rolesFile]
	passwords *passwords
	results   *prometheus.CounterVec
	log       *zap.Logger
}

func newSignIn(a Auth, results *prometheus.CounterVec, log *zap.Logger) *signIn {
	return &signIn{Auth: a, passwords: newPasswords(), results: results, log: log,
		config: &reread[toolkit.Config]{path: a.ConfigFile, parse: parseConfig, log: log},
		roles:  &reread[rolesFile]{path: a.RolesFile, parse: parseRoles(log), log: log}}
}

func (s *signIn) files() (toolkit.Config, rolesFile, error) {
	c, err := s.config.get()
	if err != nil {
		return c, rolesFile{}, fmt.Errorf("read web configuration: %w", err)
	}
	f, err := s.roles.get()
	if err != nil {
		return c, f, fmt.Errorf("read roles: %w", err)
	}
	return c, f, nil
}

// A visitor is who sends a request, as far as it is known, and what the files say at that moment.
type visitor struct {
	record.Caller // without How: nobody has signed in
	modes         Modes
	file          rolesFile
}

// who returns who sends a request; a problem: it is not answered.
func (s *signIn) who(r *http.Request) (visitor, *problem) {
	c, f, err := s.files()
	if err != nil {
		return visitor{}, &problem{code: http.StatusServiceUnavailable, kind: api.Later, text: "the files that say who may sign in cannot be read"}
	}
	v := visitor{modes: modesOf(c, f), file: f}
	refused := s.identify(&v, r, c)
	f.Proxy.strip(r)
	switch {
	case refused != nil:
		return v, refused
	case v.How == "" && !v.modes.Any() && !s.AnyHost && !s.hostAllowed(r):
		return v, &problem{code: http.StatusForbidden, kind: api.Forbidden, text: "this name is not the daemon's: use the address of --web.external-url"}
	case v.How == "" && !v.modes.Any() && s.InsecureNoAuth && s.RolesFile == "":
		v.Name, v.How = record.Unauthenticated, record.Unauthenticated
	}
	return v, nil
}

// identify fills in the caller. What a trusted proxy says goes before a password, and where
// there are passwords, a certificate alone is not enough.
func (s *signIn) identify(v *visitor, r *http.Request, c toolkit.Config) *problem {
	proxy, from := v.file.Proxy, peer(r)
	byProxy := proxy.sent(r, v.modes.ClientCert)
	if byProxy {
		from = proxy.origin(r)
	}
	if v.From = r.RemoteAddr; from.IsValid() {
		v.From = from.String()
	}
	name, password, basic := r.BasicAuth()
	switch {
	case byProxy && len(r.Header.Values(proxy.UserHeader)) > 0:
		if names := r.Header.Values(proxy.UserHeader); len(names) == 1 && isName(names[0]) {
			v.Name, v.How = names[0], record.ProxyHeader
		}
	case v.modes.BasicAuth && basic:
		return s.compare(v, c, from, name, password)
	case v.modes.ClientCert && !v.modes.BasicAuth && !byProxy:
		if name := certificateName(r); name != "" {
			v.Name, v.How = name, record.ClientCertificate
		}
	}
	return nil
}

// compare takes a name whose password is right.
func (s *signIn) compare(v *visitor, c toolkit.Config, from netip.Addr, name, password string) *problem {
	hash, exists := c.Users[name]
	if !exists {
		hash = c.Users[slices.Min(slices.Collect(maps.Keys(c.Users)))]
	}
	got := s.passwords.check(from, name, password, string(hash), exists)
	s.results.WithLabelValues(got.result).Inc()
	switch got.result {
	case accepted, cached:
		v.Name, v.How = name, record.BasicAuth
	case wrong:
		s.log.Warn("wrong password", zap.String("name", name), zap.String("from", v.From))
	case noSuch: // and the name may be a password in the wrong field
	case throttled:
		return &problem{http.StatusTooManyRequests, "later", "too many wrong passwords for this name from this address; try again later", got.retry}
	default:
		return &problem{http.StatusServiceUnavailable, "later", "too many people sign in at once; try again", got.retry}
	}
	return nil
}

// known reports whether somebody has signed in.
func (v visitor) signedIn() bool {
	return v.How == record.BasicAuth || v.How == record.ClientCertificate || v.How == record.ProxyHeader
}

// person is the caller if somebody has signed in, and nobody else.
func (v visitor) person() record.Caller {
	if !v.signedIn() {
		return record.Caller{}
	}
	return v.Caller
}

// refuse says how somebody whom the policy does not let through is answered.
func (v visitor) refuse(err error) problem {
	switch {
	case v.How == "" && v.modes.Any():
		return problem{code: http.StatusUnauthorized, kind: api.Unauthorized, text: "sign in first: this daemon knows people by " + v.modes.words()}
	case v.How == "":
		return problem{code: http.StatusForbidden, kind: api.Forbidden, text: "nobody can sign in here, so nobody may do this: " +
			"configure basic_auth_users or client certificates in --web.config.file, or a trusted_proxy in --web.roles.file; to try it out, start it with --web.insecure-no-auth"}
	}
	return problem{code: http.StatusForbidden, kind: api.Forbidden, text: err.Error()}
}

// words name the ways to sign in.
func (m Modes) words() string {
	var all []string
	for way, on := range map[string]bool{"basic authentication": m.BasicAuth, "a client certificate": m.ClientCert && !m.BasicAuth, "the proxy in front of it": m.Proxy} {
		if on {
			all = append(all, way)
		}
	}
	return strings.Join(slices.Sorted(slices.Values(all)), " or ")
}

// certificateName is the name in a client certificate that was verified, "" if there is none:
// the common name, or else the first e-mail address, URI or DNS name.
func certificateName(r *http.Request) string {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return ""
	}
	name := nameOf(r.TLS.PeerCertificates[0])
	if !isName(name) {
		return ""
	}
	return name
}

func nameOf(cert *x509.Certificate) string {
	first := func(list []string) string { return strings.Join(list[:min(len(list), 1)], "") }
	uri := ""
	if len(cert.URIs) > 0 {
		uri = cert.URIs[0].String()
	}
	return cmp.Or(cert.Subject.CommonName, first(cert.EmailAddresses), uri, first(cert.DNSNames))
}

// A problem is an answer that ends a request.
type problem struct {
	code  int
	kind  api.ErrorType
	text  string
	retry time.Duration // 0: nothing is said of when
}

// hostAllowed keeps a site whose name was pointed to us (DNS rebinding) from using, through a
// visitor's browser, a daemon in which nobody signs in. Nobody can own a name without a dot.
func (a Auth) hostAllowed(r *http.Request) bool {
	host := strings.ToLower((&url.URL{Host: r.Host}).Hostname())
	return net.ParseIP(host) != nil || !strings.Contains(host, ".") || a.External != nil && host == strings.ToLower(a.External.Hostname())
}
