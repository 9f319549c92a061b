package outbound

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"

	promconfig "github.com/prometheus/common/config"

	"github.com/autorollback/autorollback/secret"
)

// A Login is a name with a password in a file, in place of what an HTTP client's file says.
type Login struct{ User, PasswordFile string }

// Open makes a client as a file in Prometheus' form says: authentication, TLS, headers such as a tenant's, and
// a proxy, by proxy_url or proxy_from_environment and not otherwise. Redirects follow the [Options]. The files of
// secrets must be what [secret.Check] allows, and so must the file if a secret stands in it. No file is no
// authentication. The name is whom the client calls.
func Open(name, file string, login Login, o Options) (*http.Client, error) {
	if file == "" && login.User == "" {
		return New(o), nil
	}
	hc := promconfig.DefaultHTTPClientConfig
	if file != "" {
		loaded, _, err := promconfig.LoadHTTPConfigFile(file)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		hc = *loaded
	}
	if login.User != "" {
		hc.BasicAuth = &promconfig.BasicAuth{Username: login.User, PasswordFile: login.PasswordFile}
	}
	if err := checkSecrets(file, hc); err != nil {
		return nil, fmt.Errorf("read %s: %w", file, err)
	}
	rt, err := roundTripper(name, hc, o)
	if err != nil {
		return nil, fmt.Errorf("set up HTTP client of %s: %w", name, err)
	}
	return o.client(rt), nil
}

func roundTripper(name string, hc promconfig.HTTPClientConfig, o Options) (http.RoundTripper, error) {
	dial := dialer{o.Allow, o.Resolver}.dial
	var tokens *tokenClient
	if hc.OAuth2 != nil {
		var err error
		if tokens, err = newTokenClient(hc, o); err != nil {
			return nil, err
		}
		dial = tokens.dial
	}
	rt, err := promconfig.NewRoundTripperFromConfig(hc, name, promconfig.WithDialContextFunc(dial), promconfig.WithNewTLSConfigFunc(tlsOf))
	if err == nil && tokens != nil {
		tokens.next, rt = rt, tokens
	}
	return rt, err
}

func tlsOf(ctx context.Context, c *promconfig.TLSConfig, options ...promconfig.TLSConfigOption) (*tls.Config, error) {
	made, err := promconfig.NewTLSConfigWithContext(ctx, c, options...)
	if err == nil && c.MinVersion != 0 && c.MinVersion < tls.VersionTLS12 {
		err = fmt.Errorf("min_version: must be TLS 1.2 or later")
	}
	if err != nil {
		return nil, err
	}
	return atLeast12(made), nil
}

// checkSecrets looks at the file itself, if it has a secret in it, and at those that it names.
func checkSecrets(file string, hc promconfig.HTTPClientConfig) error {
	files := []string{hc.BearerTokenFile, hc.TLSConfig.KeyFile}
	if strings.Contains(hc.String(), "<secret>") { // as each is printed
		files = append(files, file)
	}
	if hc.BasicAuth != nil {
		files = append(files, hc.BasicAuth.PasswordFile)
	}
	if hc.Authorization != nil {
		files = append(files, hc.Authorization.CredentialsFile)
	}
	if hc.OAuth2 != nil {
		files = append(files, hc.OAuth2.ClientSecretFile, hc.OAuth2.ClientCertificateKeyFile, hc.OAuth2.TLSConfig.KeyFile)
	}
	if hc.HTTPHeaders != nil {
		for _, h := range hc.HTTPHeaders.Headers {
			files = append(files, h.Files...)
		}
	}
	for _, f := range files {
		if f == "" {
			continue
		}
		if err := secret.Check(f, secret.Group); err != nil {
			return err
		}
	}
	return nil
}
