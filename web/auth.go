package web

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"

	"github.com/autorollback/autorollback/record"
	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/bcrypt"
)

// How somebody was identified, as it is written into records.
const (
	BasicAuth       = "basic_auth"
	ClientCert      = "client_certificate"
	LinkOnly        = record.LinkOnly   // holds the link; nobody knows who
	Unauthenticated = "unauthenticated" // asked for by a flag, and called by its name
)

// Auth says how people sign in: by what the web configuration file demands.
type Auth struct {
	// ConfigFile is the file of --web.config.file; empty: nobody can sign in. It is
	// read at every question, as exporter-toolkit does.
	ConfigFile string
	// InsecureNoAuth lets everybody do everything while the file lets nobody sign
	// in. Each action is then recorded as unauthenticated, or as link_only.
	InsecureNoAuth bool
	// External is the address people use; its host is the only name a browser may
	// use for an unauthenticated daemon (beside IP addresses and localhost).
	External *url.URL
}

// Modes are the ways to sign in that a web configuration enforces.
type Modes struct {
	BasicAuth  bool
	ClientCert bool
}

// Any reports whether anybody can sign in.
func (m Modes) Any() bool { return m.BasicAuth || m.ClientCert }

// An Identity is somebody whom we know.
type Identity struct {
	Name string
	How  string // one of the constants
}

// Known reports whether there is a person behind it.
func (i Identity) Known() bool { return i.How == BasicAuth || i.How == ClientCert }

// webConfig is what matters here of exporter-toolkit's file.
type webConfig struct {
	TLS struct {
		ClientAuth   string `yaml:"client_auth_type"`
		ClientCA     string `yaml:"client_ca"`
		ClientCAFile string `yaml:"client_ca_file"`
	} `yaml:"tls_server_config"`
	Users map[string]string `yaml:"basic_auth_users"`
}

// modes: a client certificate counts only if it was verified against CAs that the
// file names; without them Go would take any public CA's word.
func (c webConfig) modes() Modes {
	verified := c.TLS.ClientAuth == "RequireAndVerifyClientCert" || c.TLS.ClientAuth == "VerifyClientCertIfGiven"
	return Modes{
		BasicAuth:  len(c.Users) > 0,
		ClientCert: verified && (c.TLS.ClientCA != "" || c.TLS.ClientCAFile != ""),
	}
}

func (a Auth) config() (webConfig, error) {
	var c webConfig
	if a.ConfigFile == "" {
		return c, nil
	}
	text, err := os.ReadFile(a.ConfigFile)
	if err != nil {
		return c, fmt.Errorf("read web configuration: %w", err)
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("read web configuration: %w", err)
	}
	return c, nil
}

// Modes reads the web configuration file.
func (a Auth) Modes() (Modes, error) {
	c, err := a.config()
	return c.modes(), err
}

// Identity says who signed in. The password is compared again here, so that a name
// is never believed because some other moment's file would have checked it.
func (a Auth) Identity(r *http.Request) (Identity, bool) {
	c, err := a.config()
	if err != nil {
		return Identity{}, false
	}
	m := c.modes()
	if name, password, ok := r.BasicAuth(); ok && m.BasicAuth {
		hash, known := c.Users[name]
		if known && bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil {
			return Identity{Name: name, How: BasicAuth}, true
		}
		return Identity{}, false
	}
	if m.ClientCert && r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		if name := nameOf(r.TLS.PeerCertificates[0]); name != "" {
			return Identity{Name: name, How: ClientCert}, true
		}
	}
	return Identity{}, false
}

// nameOf is the common name, or else the first e-mail address, URI or DNS name.
func nameOf(cert *x509.Certificate) string {
	switch {
	case cert.Subject.CommonName != "":
		return cert.Subject.CommonName
	case len(cert.EmailAddresses) > 0:
		return cert.EmailAddresses[0]
	case len(cert.URIs) > 0:
		return cert.URIs[0].String()
	case len(cert.DNSNames) > 0:
		return cert.DNSNames[0]
	}
	return ""
}

// problem is an answer that ends a request.
type problem struct {
	code int
	kind string
	text string
}

// who returns the one who asks for a change, or why it is refused.
func (a Auth) who(r *http.Request) (Identity, *problem) {
	if who, ok := a.Identity(r); ok {
		return who, nil
	}
	m, err := a.Modes()
	switch {
	case err != nil:
		return Identity{}, &problem{http.StatusServiceUnavailable, "later", "the web configuration cannot be read"}
	case m.Any():
		return Identity{}, &problem{http.StatusUnauthorized, "unauthorized", "sign in first: this daemon knows people by basic authentication or a client certificate"}
	case !a.InsecureNoAuth:
		return Identity{}, &problem{http.StatusForbidden, "forbidden", "nobody can sign in here, so nothing can be changed: configure basic_auth_users or client certificates in --web.config.file"}
	case !a.hostAllowed(r):
		return Identity{}, &problem{http.StatusForbidden, "forbidden", "this name is not the daemon's: use the address of --web.external-url"}
	}
	return Identity{Name: Unauthenticated, How: Unauthenticated}, nil
}

// hostAllowed keeps a browser that a foreign site's name was re-pointed to us (DNS
// rebinding) from using an unauthenticated daemon. Programs are not concerned.
func (a Auth) hostAllowed(r *http.Request) bool {
	if r.Header.Get("Origin") == "" && r.Header.Get("Sec-Fetch-Site") == "" {
		return true
	}
	host := (&url.URL{Host: r.Host}).Hostname()
	return net.ParseIP(host) != nil || host == "localhost" || a.External != nil && host == a.External.Hostname()
}
