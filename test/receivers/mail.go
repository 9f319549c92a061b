package receivers

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// The only one who may hand mail to a [MailServer].
const (
	MailUser     = "autorollback"
	MailPassword = "CANARY-mail-4711"
)

// A MailServer is a real one, which asks for a name and a password over TLS.
type MailServer struct {
	Address string
	CAFile  string // who vouches for it

	tb        testing.TB
	mechanism string

	mu      sync.Mutex
	refuse  func(to string) error
	atEnd   error
	letters []Letter
}

// A Letter is a mail as it came, with its envelope.
type Letter struct {
	From string
	To   []string
	Raw  string
	*mail.Message
}

// Mail starts a server. The way is its TLS, "starttls", "implicit" or "none"; the mechanism is how it asks for a password, PLAIN,
// LOGIN or, if empty, not at all.
func Mail(tb testing.TB, way, mechanism string) *MailServer {
	tb.Helper()
	s := &MailServer{tb: tb, mechanism: mechanism}
	cert, ca := certificate(tb)
	s.CAFile = ca
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{server: s, conn: c}, nil }))
	server.Domain, server.ErrorLog = "localhost", log.New(io.Discard, "", 0)
	if way != "none" {
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s.Address = l.Addr().String()
	if way == "implicit" {
		l = tls.NewListener(l, server.TLSConfig)
	}
	over := make(chan error)
	go func() { over <- server.Serve(l) }()
	tb.Cleanup(func() { server.Close(); <-over })
	return s
}

// Refuse has addresses refused, and what is handed over at its end.
func (s *MailServer) Refuse(to func(string) error, atEnd error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse, s.atEnd = to, atEnd
}

// Letters are what was taken, in order.
func (s *MailServer) Letters() []Letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.letters)
}

type session struct {
	server *MailServer
	conn   *smtp.Conn
	known  bool
	letter Letter
}

func (s *session) AuthMechanisms() []string {
	if s.server.mechanism == "" {
		return nil
	}
	return []string{s.server.mechanism}
}

func (s *session) Auth(mechanism string) (sasl.Server, error) {
	check := func(user, password string) error {
		if s.known = user == MailUser && password == MailPassword; !s.known {
			return &smtp.SMTPError{Code: 535, Message: "no, " + user + " with " + password} // some servers say it
		}
		return nil
	}
	if _, secure := s.conn.TLSConnectionState(); !secure {
		s.server.tb.Error("a password came in the clear")
	}
	if mechanism == "LOGIN" {
		return &loginServer{check: check}, nil
	}
	return sasl.NewPlainServer(func(_, user, password string) error { return check(user, password) }), nil
}

// A loginServer asks for the name, and then for the password.
type loginServer struct {
	check func(user, password string) error
	step  int
	user  string
}

func (l *loginServer) Next(response []byte) (challenge []byte, done bool, err error) {
	switch l.step++; l.step {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.user = string(response)
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(l.user, string(response))
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.server.mechanism != "" && !s.known {
		return smtp.ErrAuthRequired
	}
	s.letter = Letter{From: from}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.server.refuse != nil {
		if err := s.server.refuse(to); err != nil {
			return err
		}
	}
	s.letter.To = append(s.letter.To, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.server.atEnd != nil {
		return s.server.atEnd
	}
	s.letter.Raw = string(text)
	if s.letter.Message, err = mail.ReadMessage(bytes.NewReader(text)); err != nil {
		s.server.tb.Errorf("no mail: %v\n%s", err, text)
		return &smtp.SMTPError{Code: 554, Message: "no mail"}
	}
	for line := range strings.SplitSeq(strings.ReplaceAll(s.letter.Raw, "\r\n", ""), "\r") {
		if strings.Contains(line, "\n") {
			s.server.tb.Errorf("a line ends with a bare line feed: %q", line)
		}
	}
	s.server.letters = append(s.server.letters, s.letter)
	return nil
}

func (s *session) Reset()        { s.letter = Letter{} }
func (s *session) Logout() error { return nil }

// certificate is for 127.0.0.1 and vouches for itself.
func certificate(tb testing.TB) (tls.Certificate, string) {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	file := filepath.Join(tb.TempDir(), "ca.pem")
	if err = errors.Join(err, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)); err != nil {
		tb.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}
