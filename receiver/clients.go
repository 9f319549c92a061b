package receiver

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"

	"go.uber.org/zap"
)

// TLS names the files of the listener. All empty: plain HTTP. They are read again at
// every connection, so that certificates can be rotated.
type TLS struct {
	Cert, Key string   // the server's certificate chain and key, PEM
	ClientCA  string   // demand a client certificate signed by one of these CAs
	Allowed   []string // and with one of these subject alternative names; empty: any
}

// clients knows who may connect. A nil *clients serves plain HTTP and demands nothing.
type clients struct {
	files TLS
	log   *zap.Logger

	mu   sync.Mutex
	last *tls.Config
}

func openClients(files TLS, log *zap.Logger) (*clients, error) {
	if files.Cert == "" && files.Key == "" {
		if files.ClientCA != "" || len(files.Allowed) > 0 {
			return nil, errors.New("client certificates need a server certificate and key as well")
		}
		return nil, nil
	}
	if len(files.Allowed) > 0 && files.ClientCA == "" {
		return nil, errors.New("allowed names of client certificates need a client CA file as well")
	}
	c := &clients{files: files, log: log}
	var err error
	c.last, err = files.load()
	return c, err
}

// load reads the files. A client without a certificate gets as far as a 401 that
// says so; one with a certificate of somebody else ends in the handshake.
func (f TLS) load() (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, fmt.Errorf("read receiver certificate: %w", err)
	}
	cfg := &tls.Config{
		MinVersion:             tls.VersionTLS12,
		Certificates:           []tls.Certificate{cert},
		SessionTicketsDisabled: true, // a resumed session would outlive a changed CA
		NextProtos:             []string{"http/1.1"},
	}
	if f.ClientCA == "" {
		return cfg, nil
	}
	pem, err := os.ReadFile(f.ClientCA)
	if err != nil {
		return nil, fmt.Errorf("read client CA: %w", err)
	}
	cfg.ClientCAs = x509.NewCertPool()
	if !cfg.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read client CA: %s: no certificate in it", f.ClientCA)
	}
	cfg.ClientAuth = tls.VerifyClientCertIfGiven
	return cfg, nil
}

// config is the listener's. Files that cannot be used leave things as they were.
func (c *clients) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			c.mu.Lock()
			defer c.mu.Unlock()
			cfg, err := c.files.load()
			if err != nil {
				c.log.Error("certificates not read again; the ones before stay in use", zap.Error(err))
				return c.last, nil
			}
			c.last = cfg
			return cfg, nil
		},
	}
}

// allow judges a finished handshake. Only a certificate that was verified counts.
func (c *clients) allow(state *tls.ConnectionState) bool {
	if c == nil || c.files.ClientCA == "" {
		return true
	}
	if state == nil || len(state.VerifiedChains) == 0 {
		return false
	}
	if len(c.files.Allowed) == 0 {
		return true
	}
	return slices.ContainsFunc(namesOf(state.PeerCertificates[0]), func(name string) bool {
		return slices.Contains(c.files.Allowed, name)
	})
}

func namesOf(cert *x509.Certificate) []string {
	names := slices.Concat(cert.DNSNames, cert.EmailAddresses)
	for _, ip := range cert.IPAddresses {
		names = append(names, ip.String())
	}
	for _, uri := range cert.URIs {
		names = append(names, uri.String())
	}
	return names
}
