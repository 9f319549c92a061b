package notify

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"os"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
	"go.uber.org/zap"

	"github.com/autorollback/autorollback/outbound"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/secret"
	"github.com/autorollback/autorollback/test/receivers"
)

// trusting are options that know who vouches for a server.
func trusting(t *testing.T, s *receivers.MailServer) outbound.Options {
	t.Helper()
	text, err := os.ReadFile(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	o := outbound.Options{TLS: &tls.Config{RootCAs: x509.NewCertPool()}}
	o.TLS.RootCAs.AppendCertsFromPEM(text)
	return o
}

func mailTo(t *testing.T, s *receivers.MailServer, way string, edit func(*MailServer)) *Mail {
	t.Helper()
	server := MailServer{Address: s.Address, TLS: way, User: receivers.MailUser, Password: secret.New(receivers.MailPassword),
		From: "autorollback <autorollback@example.com>", To: []string{"ranking@example.com", "Ann <ann@example.com>"}}
	if edit != nil {
		edit(&server)
	}
	m, err := NewMail(server, trusting(t, s), incidentPage, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// parts are the bodies of a mail by their type.
func parts(t *testing.T, l receivers.Letter) map[string]string {
	t.Helper()
	kind, params, err := mime.ParseMediaType(l.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%s: %v", kind, err)
	}
	all := map[string]string{}
	r := multipart.NewReader(l.Body, params["boundary"])
	for {
		p, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(quotedprintable.NewReader(p))
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		all[kind] = string(text)
	}
}

func subjectOf(t *testing.T, l receivers.Letter) string {
	t.Helper()
	text, err := new(mime.WordDecoder).DecodeHeader(l.Header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Every way to the server ends with a mail, or with nothing said in the clear.
func TestMailServers(t *testing.T) {
	m := report.Opened(incidents()["acted"], ranker(), breach)
	nobody := func(s *MailServer) { s.User, s.Password = "", secret.Value{} }
	for name, c := range map[string]struct {
		server, mechanism string // as it is
		way               string // as we are told
		edit              func(*MailServer)
		problem           string
	}{
		"starttls, PLAIN":            {"starttls", "PLAIN", StartTLS, nil, ""},
		"starttls, LOGIN":            {"starttls", "LOGIN", StartTLS, nil, ""},
		"implicit, PLAIN":            {"implicit", "PLAIN", ImplicitTLS, nil, ""},
		"implicit, LOGIN":            {"implicit", "LOGIN", ImplicitTLS, nil, ""},
		"a relay":                    {"none", "", NoTLS, nobody, ""},
		"a relay with TLS":           {"starttls", "", StartTLS, nobody, ""},
		"TLS was taken away":         {"none", "PLAIN", StartTLS, nil, "offers no STARTTLS"},
		"not with a password":        {"starttls", "", StartTLS, nil, "offers no authentication"},
		"another way to sign in":     {"starttls", "CRAM-MD5", StartTLS, nil, "we can do PLAIN and LOGIN"},
		"a wrong password":           {"starttls", "PLAIN", StartTLS, func(s *MailServer) { s.Password = secret.New("CANARY-wrong-4711") }, "refuses the name or the password (535)"},
		"a wrong password, LOGIN":    {"implicit", "LOGIN", ImplicitTLS, func(s *MailServer) { s.Password = secret.New("CANARY-wrong-4711") }, "refuses the name or the password (535)"},
		"whose certificate is that?": {"starttls", "PLAIN", StartTLS, func(s *MailServer) { s.Address = strings.Replace(s.Address, "127.0.0.1", "localhost", 1) }, "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			s := receivers.Mail(t, c.server, c.mechanism)
			err := mailTo(t, s, c.way, c.edit).Send(t.Context(), m, "")
			if (err == nil) != (c.problem == "") || err != nil && !strings.Contains(err.Error(), c.problem) {
				t.Errorf("got %v, want %q", err, c.problem)
			}
			if err != nil && strings.Contains(err.Error(), "CANARY") {
				t.Errorf("the error has the password: %v", err)
			}
			if Refused(err) {
				t.Errorf("it is never tried again: %v", err)
			}
			if sent := len(s.Letters()) == 1; sent != (c.problem == "") {
				t.Errorf("%d mails came", len(s.Letters()))
			}
		})
	}
}

// All mails of an incident are one thread, and one that is sent twice is the same mail.
func TestMailThread(t *testing.T) {
	s := receivers.Mail(t, "starttls", "PLAIN")
	sender := mailTo(t, s, StartTLS, nil)
	inc := incidents()["awaiting"]
	opened := report.Opened(inc, ranker(), breach)
	opened.ID += "-1"
	inc.Thread = record.Thread{ID: opened.ID, Title: opened.Title}
	asks := report.Asking(inc, ranker(), breach)
	asks.ID += "-2"
	asks.Title += " – prüfen"
	for _, m := range []record.Message{opened, asks, asks} {
		link := ""
		if m.Kind == report.KindApproval {
			link = approvalLink
		}
		if err := sender.Send(t.Context(), m, link); err != nil {
			t.Fatal(err)
		}
	}
	all := s.Letters()
	if len(all) != 3 || all[1].Raw != all[2].Raw {
		t.Fatal("the mail that was sent twice is not the same mail")
	}
	first, answer := all[0], all[1]
	if id := first.Header.Get("Message-Id"); id != "<inc-0123456789ab-opened-1@example.com>" || answer.Header.Get("In-Reply-To") != id || answer.Header.Get("References") != id ||
		first.Header.Get("References") != "" || answer.Header.Get("Message-Id") == id {
		t.Errorf("no thread: %v\n%v", first.Header, answer.Header)
	}
	if subjectOf(t, first) != opened.Title || subjectOf(t, answer) != "Re: "+opened.Title {
		t.Errorf("subjects: %q, %q", subjectOf(t, first), subjectOf(t, answer))
	}
	if at, err := answer.Header.Date(); err != nil || !at.Equal(breach) || answer.Header.Get("Importance") != "high" || first.Header.Get("Importance") != "" || answer.Header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("headers: %v", answer.Header)
	}
	if fmt.Sprint(answer.To) != "[ranking@example.com ann@example.com]" || answer.From != "autorollback@example.com" {
		t.Errorf("the envelope is %s %v", answer.From, answer.To)
	}
	bodies := parts(t, answer)
	if text := bodies["text/plain"]; !strings.HasPrefix(text, asks.Title+"\r\n") || !strings.Contains(text, "Approve or reject: "+approvalLink) || !strings.Contains(text, "Charts: https://autorollback.example/incidents/inc-0123456789ab#charts") {
		t.Errorf("the text is\n%s", text)
	}
	if page := bodies["text/html"]; !strings.Contains(page, `<a href="https://autorollback.example/approve/t?a=1&amp;b=2">Approve or reject</a>`) || !strings.Contains(page, `#charts">Charts</a>`) || strings.Contains(page, "style=") {
		t.Errorf("the page is\n%s", page)
	}
}

// Nothing that an attacker wrote ends a header, or is a tag.
func TestMailTakesHostileText(t *testing.T) {
	s := receivers.Mail(t, "implicit", "PLAIN")
	sender := mailTo(t, s, ImplicitTLS, nil)
	inject := "x\r\nBcc: evil@evil.example\r\n\r\n<script>alert(1)</script>\r\n.\r\nMAIL FROM:<evil@evil.example>\u2028y\x00z"
	for _, m := range []record.Message{
		{ID: inject, Title: inject, Text: inject + strings.Repeat("\n.\n"+hostile, 50), Service: inject, Region: inject, Incident: inject, CreatedAt: breach},
		{ID: "m", Title: strings.Repeat("ü💥", 400), Thread: record.Thread{ID: inject, Title: inject}, CreatedAt: breach},
		report.Asking(hostileIncident(), nil, breach),
		{ID: "", CreatedAt: breach},
	} {
		if err := sender.Send(t.Context(), m, ""); err != nil {
			t.Fatal(err)
		}
	}
	known := map[string]bool{}
	for _, name := range []string{"From", "To", "Subject", "Date", "Message-Id", "In-Reply-To", "References", "Auto-Submitted", "Importance", "X-Priority", "Mime-Version", "Content-Type"} {
		known[name] = true
	}
	for _, l := range s.Letters() {
		for name := range l.Header {
			if !known[name] {
				t.Errorf("a header %q came", name)
			}
		}
		if n := len([]rune(subjectOf(t, l))); n == 0 || n > mostSubject {
			t.Errorf("a subject of %d characters", n)
		}
		for line := range strings.SplitSeq(l.Raw, "\r\n") {
			if len(line) > 998 {
				t.Errorf("a line of %d bytes", len(line))
			}
		}
		for kind, body := range parts(t, l) {
			if kind == "text/html" && (strings.Contains(body, "<script") || strings.Contains(body, "<!channel")) {
				t.Errorf("markup came:\n%s", body)
			}
		}
	}
	if len(s.Letters()) != 4 {
		t.Errorf("%d mails came, want 4", len(s.Letters()))
	}
}

// One address that the server does not know keeps nobody else from a mail; an answer for good is not asked again.
func TestMailRefusals(t *testing.T) {
	s := receivers.Mail(t, "starttls", "PLAIN")
	sender := mailTo(t, s, StartTLS, nil)
	m := report.Opened(incidents()["acted"], ranker(), breach)
	unknown := func(which string, code int) func(string) error {
		return func(to string) error {
			if strings.Contains(to, which) {
				return &smtp.SMTPError{Code: code, Message: "no such mailbox"}
			}
			return nil
		}
	}
	for name, c := range map[string]struct {
		to          func(string) error
		end         error
		ok, refused bool
	}{
		"one of two":   {unknown("ann", 550), nil, true, false},
		"both":         {unknown("@", 550), nil, false, true},
		"both for now": {unknown("@", 450), nil, false, false},
		"too long":     {nil, &smtp.SMTPError{Code: 552, Message: "too long"}, false, true},
		"greylisted":   {nil, &smtp.SMTPError{Code: 451, Message: "later"}, false, false},
	} {
		s.Refuse(c.to, c.end)
		before := len(s.Letters())
		err := sender.Send(t.Context(), m, "")
		if (err == nil) != c.ok || Refused(err) != c.refused || len(s.Letters()) > before != c.ok {
			t.Errorf("%s: %v, refused %t", name, err, Refused(err))
		}
	}
}

func TestMailConfiguration(t *testing.T) {
	good := MailServer{Address: "mail.example:587", TLS: StartTLS, From: "a@example.com", To: []string{"b@example.com"}}
	if _, err := NewMail(good, outbound.Options{}, nil, nil); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*MailServer){
		"no port":            func(s *MailServer) { s.Address = "mail.example" },
		"no host":            func(s *MailServer) { s.Address = ":25" },
		"an unknown way":     func(s *MailServer) { s.TLS = "yes" },
		"a password, no TLS": func(s *MailServer) { s.TLS, s.User = NoTLS, "a" },
		"nobody":             func(s *MailServer) { s.To = nil },
		"no address":         func(s *MailServer) { s.To = []string{"ranking"} },
		"a header in it":     func(s *MailServer) { s.To = []string{"b@example.com\r\nBcc: c@example.com"} },
		"from nobody":        func(s *MailServer) { s.From = "" },
	} {
		server := good
		edit(&server)
		if _, err := NewMail(server, outbound.Options{}, nil, nil); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
