package receiver_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/receiver"
)

// An authority signs certificates for a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // PEM of the certificate
}

func newAuthority(t *testing.T, name string) authority {
	t.Helper()
	a := authority{file: filepath.Join(t.TempDir(), "ca.pem")}
	a.key = newKey(t)
	der := sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}, nil, a.key, a.key)
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	writePEM(t, a.file, "CERTIFICATE", der)
	return a
}

// issue writes a certificate and its key, good for one name on both sides.
func (a authority) issue(t *testing.T, name string) (cert, key string) {
	t.Helper()
	dir, k := t.TempDir(), newKey(t)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	der := sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		NotBefore:   time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}, a.cert, k, a.key)
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, cert, "CERTIFICATE", der)
	writePEM(t, key, "PRIVATE KEY", raw)
	return cert, key
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sign(t *testing.T, c, parent *x509.Certificate, key, by *ecdsa.PrivateKey) []byte {
	t.Helper()
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

// client trusts the authority and shows the certificate, if there is one.
func (a authority) client(t *testing.T, cert, key string) *http.Client {
	t.Helper()
	cfg := &tls.Config{RootCAs: x509.NewCertPool()}
	cfg.RootCAs.AddCert(a.cert)
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			t.Fatal(err)
		}
		// Shown even if the server's list of authorities does not name its issuer.
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: cfg, DisableKeepAlives: true}}
}

// listen runs the receiver on a port of this machine until the test ends.
func listen(t *testing.T, d endpoint, scheme string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return scheme + "://" + l.Addr().String() + receiver.Path
}

func post(t *testing.T, client *http.Client, url, token string) (int, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(firing))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	resp.Body.Close()
	return resp.StatusCode, nil
}

func TestClientCertificates(t *testing.T) {
	ours, theirs := newAuthority(t, "ours"), newAuthority(t, "theirs")
	cert, key := ours.issue(t, "autorollback")
	for _, c := range []struct {
		name   string
		signer *authority
		san    string
		token  string
		want   int // 0: the handshake ends it
	}{
		{"allowed", &ours, "alertmanager", token, 200},
		{"allowed, without the token", &ours, "alertmanager", "", 401},
		{"ours, another name", &ours, "grafana", token, 401},
		{"none", nil, "", token, 401},
		{"of another authority", &theirs, "alertmanager", token, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := listen(t, open(t, accept, receiver.Config{
				TokenFile: write(t, "token", token),
				TLS:       receiver.TLS{Cert: cert, Key: key, ClientCA: ours.file, Allowed: []string{"alertmanager"}},
			}), "https")
			var shown, shownKey string
			if c.signer != nil {
				shown, shownKey = c.signer.issue(t, c.san)
			}
			got, err := post(t, ours.client(t, shown, shownKey), url, c.token)
			if got != c.want || (err != nil) != (c.want == 0) {
				t.Errorf("got %d, %v; want %d", got, err, c.want)
			}
		})
	}
}

func TestCertificatesRotate(t *testing.T) {
	first, second := newAuthority(t, "first"), newAuthority(t, "second")
	cert, key := first.issue(t, "autorollback")
	url := listen(t, open(t, accept, receiver.Config{
		TLS: receiver.TLS{Cert: cert, Key: key, ClientCA: first.file},
	}), "https")
	clientCert, clientKey := first.issue(t, "alertmanager")
	if code, err := post(t, first.client(t, clientCert, clientKey), url, ""); code != 200 {
		t.Fatal(code, err)
	}
	replace(t, cert, "half a cert")
	if code, err := post(t, first.client(t, clientCert, clientKey), url, ""); code != 200 {
		t.Error("a half written certificate ends the service:", code, err)
	}
	newCert, newKey := second.issue(t, "autorollback")
	replace(t, cert, read(t, newCert))
	replace(t, key, read(t, newKey))
	replace(t, first.file, read(t, second.file))
	if code, err := post(t, first.client(t, clientCert, clientKey), url, ""); err == nil {
		t.Error("the old authority still counts:", code)
	}
	clientCert, clientKey = second.issue(t, "alertmanager")
	if code, err := post(t, second.client(t, clientCert, clientKey), url, ""); code != 200 {
		t.Error("the new authority does not count:", code, err)
	}
}

func replace(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
