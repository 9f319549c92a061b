package web_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/web"
)

// serve runs the site behind the real exporter-toolkit, as the daemon does.
func serve(t *testing.T, s *site, configFile string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- web.Serve(ctx, []net.Listener{l}, configFile, s, nil, zap.NewNop()) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

func TestServeWithPasswords(t *testing.T) {
	auth := signIn(t)
	s := newSite(t, auth)
	url := "http://" + serve(t, s, auth.ConfigFile)
	if _, err := (api.Client{URL: url}).Status(t.Context()); err == nil {
		t.Error("a stranger can read")
	}
	alice := api.Client{URL: url, HTTP: &http.Client{Transport: signer("alice")}}
	if _, err := alice.Rollback(t.Context(), "ranker", "default", "slow"); err != nil {
		t.Error(err)
	}
	resp, err := get(t.Context(), http.DefaultClient, url+"/api/v1/status", nothing)
	if err != nil || resp.StatusCode != 401 || resp.Header.Get("WWW-Authenticate") == "" || resp.Header.Get("X-Frame-Options") != "DENY" || resp.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("the sign-in's own answer: %v, %v", resp, err)
	}
	// The file loses its people while the daemon runs: a name in a header is worth nothing.
	if err := os.WriteFile(auth.ConfigFile, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := alice.Rollback(t.Context(), "ranker", "default", "slow"); err == nil || !strings.Contains(err.Error(), "nobody can sign in here") {
		t.Errorf("an unverified name is believed: %v", err)
	}
	if want := []string{"rollback ranker/default by alice: slow"}; !slices.Equal(s.done(), want) {
		t.Errorf("did %v", s.done())
	}
}

func TestServeWithClientCertificates(t *testing.T) {
	dir := t.TempDir()
	ca, caKey := certify(t, dir, "ca", nil, nil)
	certify(t, dir, "server", ca, caKey)
	certify(t, dir, "alice", ca, caKey)
	file := filepath.Join(dir, "web.yml")
	text := "tls_server_config: {cert_file: server.pem, key_file: server.key, client_auth_type: RequireAndVerifyClientCert, client_ca_file: ca.pem}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, web.Auth{ConfigFile: file})
	addr := serve(t, s, file)
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "alice.pem"), filepath.Join(dir, "alice.key"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}}
	defer transport.CloseIdleConnections()
	alice := api.Client{URL: "https://" + addr, HTTP: &http.Client{Transport: transport}}
	if a, err := alice.Answer(t.Context(), "ap-1", api.Decision{Decision: "approve", Service: "ranker"}); err != nil || a.How != record.ClientCertificate || a.By != "alice" {
		t.Errorf("%+v, %v", a, err)
	}
	stranger := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	if _, err := (api.Client{URL: "https://" + addr, HTTP: &http.Client{Transport: stranger}}).Status(t.Context()); err == nil {
		t.Error("a stranger can read")
	}
}

// HTTP/2 is spoken as exporter-toolkit's file says: unless it says no.
func TestServeSpeaksTheFilesHTTP(t *testing.T) {
	dir := t.TempDir()
	ca, caKey := certify(t, dir, "ca", nil, nil)
	certify(t, dir, "server", ca, caKey)
	file := filepath.Join(dir, "web.yml")
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	for more, want := range map[string]int{"": 2, "http_server_config: {http2: false}\n": 1} {
		text := "tls_server_config: {cert_file: server.pem, key_file: server.key}\n" + more
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		addr := serve(t, newSite(t, web.Auth{ConfigFile: file}), file)
		transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots}}
		resp, err := (&http.Client{Transport: transport}).Get("https://" + addr + "/-/healthy")
		transport.CloseIdleConnections()
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.ProtoMajor != want {
			t.Errorf("%q: HTTP/%d, want HTTP/%d", more, resp.ProtoMajor, want)
		}
	}
}

// certify writes NAME.pem and NAME.key, signed by the authority, or by itself.
func certify(t *testing.T, dir, name string, ca *x509.Certificate, caKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		NotBefore:   time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: ca == nil, BasicConstraintsValid: true,
	}
	if ca == nil {
		c.KeyUsage = x509.KeyUsageCertSign
		ca, caKey = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, ca, &key.PublicKey, caKey)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for suffix, block := range map[string]*pem.Block{"pem": {Type: "CERTIFICATE", Bytes: der}, "key": {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s.%s", name, suffix)), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return parsed, key
}

// What the file asks for is done where it makes ours no weaker.
func TestServeWithTheFilesHeaders(t *testing.T) {
	auth := signIn(t)
	text, err := os.ReadFile(auth.ConfigFile)
	if err != nil {
		t.Fatal(err)
	}
	const more = "http_server_config: {headers: {Strict-Transport-Security: max-age=60, X-Frame-Options: sameorigin}}\n"
	if err := os.WriteFile(auth.ConfigFile, append(text, more...), 0o600); err != nil {
		t.Fatal(err)
	}
	resp, err := get(t.Context(), http.DefaultClient, "http://"+serve(t, newSite(t, auth), auth.ConfigFile)+"/", as("alice"))
	if err != nil || resp.StatusCode != 200 || resp.Header.Get("Strict-Transport-Security") != "max-age=60" || resp.Header.Get("X-Frame-Options") != "DENY" {
		t.Errorf("%v, %v", resp, err)
	}
}

// A file that cannot be meant is refused before anything is served.
func TestServeRefusesAFileWithMistakes(t *testing.T) {
	for _, text := range []string{"basic_auth_userz: {}\n", "basic_auth_users: {alice: secret}\n", "tls_server_config: {cert_file: none.pem, key_file: none.key}\n", "http_server_config: {headers: {Cookie: x}}\n"} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := web.Serve(t.Context(), []net.Listener{l}, write(t, text), http.NotFoundHandler(), nil, zap.NewNop()); err == nil {
			t.Errorf("%s is served", text)
		}
		l.Close()
	}
}
