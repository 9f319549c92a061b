package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/secret"
)

const mailTimeout = 18 * time.Second // less than a claim

// The ways to TLS with a mail server.
const (
	StartTLS    = "starttls" // demanded: without it nothing is sent
	ImplicitTLS = "implicit" // from the first byte, port 465
	NoTLS       = "none"     // a relay on this machine; no password is sent
)

// A MailServer is whom mail is handed to, and between whom.
type MailServer struct {
	Address  string // host:port
	TLS      string // StartTLS, ImplicitTLS or NoTLS
	User     string // none: no authentication
	Password secret.Value
	From     string
	To       []string
}

// Mail sends messages by SMTP. The mails of an incident are one thread; a mail that is sent twice has the same
// Message-ID.
type Mail struct {
	server MailServer
	host   string
	from   mail.Address
	to     []mail.Address
	calls  outbound.Options
	pages  Pages
	log    *zap.Logger
}

// NewMail checks the server and the addresses. The options say whom may be called and whose certificates
// are good.
func NewMail(server MailServer, calls outbound.Options, pages Pages, log *zap.Logger) (*Mail, error) {
	host, _, err := net.SplitHostPort(server.Address)
	switch {
	case err != nil || host == "":
		return nil, fmt.Errorf("mail server %q: want HOST:PORT", server.Address)
	case server.TLS != StartTLS && server.TLS != ImplicitTLS && server.TLS != NoTLS:
		return nil, fmt.Errorf("mail server: tls is %q, want %s, %s or %s", server.TLS, StartTLS, ImplicitTLS, NoTLS)
	case server.TLS == NoTLS && server.User != "":
		return nil, errors.New("mail server: a password is sent over TLS only")
	case len(server.To) == 0:
		return nil, errors.New("mail: it is for nobody")
	}
	m := &Mail{server: server, host: host, calls: calls, pages: pages, log: log}
	from, err := address(server.From)
	if err != nil {
		return nil, fmt.Errorf("mail from: %w", err)
	}
	m.from = from
	for _, text := range server.To {
		to, err := address(text)
		if err != nil {
			return nil, fmt.Errorf("mail to: %w", err)
		}
		m.to = append(m.to, to)
	}
	return m, nil
}

// address reads an address with or without a name.
func address(text string) (mail.Address, error) {
	a, err := mail.ParseAddress(text)
	if err != nil || strings.ContainsAny(a.Address, "\r\n <>") {
		return mail.Address{}, fmt.Errorf("%q is no mail address", text)
	}
	return *a, nil
}

// Send hands the message to the server. It succeeds if at least one of the addresses was accepted.
func (s *Mail) Send(ctx context.Context, m record.Message, link string) error {
	ctx, cancel := context.WithTimeout(ctx, mailTimeout)
	defer cancel()
	text, err := s.text(m, cardOf(m, link, s.pages))
	if err == nil {
		err = s.hand(ctx, text)
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	var f failure
	f.text = fmt.Sprintf("send mail by %s: %s", s.host, outbound.Excerpt(err.Error()))
	_, f.refused = errors.AsType[refusal](err)
	return f
}

// A refusal is the server's answer that it never takes this mail.
type refusal struct{ error }

func (s *Mail) hand(ctx context.Context, text []byte) error {
	c, closeIt, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer closeIt()
	if err := s.secure(c); err != nil {
		return err
	}
	if err := s.login(c); err != nil {
		return err
	}
	if err := c.Mail(s.from.Address); err != nil {
		return final(err)
	}
	if err := s.recipients(c); err != nil {
		return err
	}
	w, err := c.Data()
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return final(err)
	}
	_ = c.Quit() // it has the mail
	return nil
}

// connect says hello. The connection ends with ctx.
func (s *Mail) connect(ctx context.Context) (*smtp.Client, func(), error) {
	conn, err := outbound.Dial(ctx, s.server.Address, s.calls)
	if err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	closeIt := func() { stop(); conn.Close() }
	plain := conn
	if s.server.TLS == ImplicitTLS {
		plain = tls.Client(conn, outbound.TLSTo(s.host, s.calls))
	}
	c, err := smtp.NewClient(plain, s.host)
	if err == nil {
		err = c.Hello("localhost")
	}
	if err != nil {
		closeIt()
		return nil, nil, err
	}
	return c, closeIt, nil
}

func (s *Mail) secure(c *smtp.Client) error {
	if s.server.TLS != StartTLS {
		return nil
	}
	if ok, _ := c.Extension("STARTTLS"); !ok {
		return errors.New("the server offers no STARTTLS, and nothing is sent in the clear")
	}
	return c.StartTLS(outbound.TLSTo(s.host, s.calls))
}

func (s *Mail) login(c *smtp.Client) error {
	if s.server.User == "" {
		return nil
	}
	ok, offered := c.Extension("AUTH")
	mechanisms := strings.Fields(strings.ToUpper(offered))
	switch {
	case !ok:
		return errors.New("the server offers no authentication")
	case slices.Contains(mechanisms, "PLAIN"):
		return signedIn(c.Auth(smtp.PlainAuth("", s.server.User, s.server.Password.Reveal(), s.host)))
	case slices.Contains(mechanisms, "LOGIN"):
		return signedIn(c.Auth(&loginAuth{user: s.server.User, password: s.server.Password}))
	}
	return fmt.Errorf("the server offers %s, and we can do PLAIN and LOGIN", outbound.Excerpt(offered))
}

// signedIn does not repeat what the server says: that may be the password.
func signedIn(err error) error {
	if e, ok := errors.AsType[*textproto.Error](err); ok {
		return fmt.Errorf("the server refuses the name or the password (%d)", e.Code)
	}
	return err
}

// recipients names the addresses. One that the server does not know keeps nobody else from the mail.
func (s *Mail) recipients(c *smtp.Client) error {
	var failed []error
	for _, to := range s.to {
		if err := c.Rcpt(to.Address); err != nil {
			failed = append(failed, err)
		}
	}
	switch {
	case len(failed) == 0:
		return nil
	case len(failed) < len(s.to):
		s.log.Warn("the mail server refused an address", zap.Int("refused", len(failed)), zap.Int("of", len(s.to)), zap.String("answer", outbound.Excerpt(failed[0].Error())))
		return nil
	}
	return final(failed[0])
}

// final marks an answer of the kind 5xx: the same mail is refused again.
func final(err error) error {
	if e, ok := errors.AsType[*textproto.Error](err); ok && e.Code/100 == 5 {
		return refusal{err}
	}
	return err
}

// loginAuth is AUTH LOGIN, which is in no standard, and all that some servers have. It is used over TLS only,
// which [NewMail] sees to.
type loginAuth struct {
	user     string
	password secret.Value
	asked    int
}

func (a *loginAuth) Start(server *smtp.ServerInfo) (string, []byte, error) {
	if !server.TLS {
		return "", nil, errors.New("a password is sent over TLS only")
	}
	return "LOGIN", nil, nil
}

func (a *loginAuth) Next(_ []byte, more bool) ([]byte, error) {
	if !more {
		return nil, nil
	}
	switch a.asked++; a.asked {
	case 1:
		return []byte(a.user), nil
	case 2:
		return []byte(a.password.Reveal()), nil
	}
	return nil, errors.New("the server asks more than a name and a password")
}
