package notify

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"html/template"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"strings"
	"time"

	"github.com/autorollback/autorollback/record"
)

const mostSubject = 150 // characters

// text is the whole mail. It depends on the message alone: sent again it is the same one.
func (s *Mail) text(m record.Message, c card) ([]byte, error) {
	var b bytes.Buffer
	head := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, value) }
	head("From", s.from.String())
	var to []string
	for _, a := range s.to {
		to = append(to, a.String())
	}
	head("To", strings.Join(to, ",\r\n "))
	head("Subject", subject(m))
	head("Date", m.CreatedAt.UTC().Format(time.RFC1123Z))
	head("Message-ID", s.id(m.ID))
	if m.Thread.ID != "" {
		head("In-Reply-To", s.id(m.Thread.ID))
		head("References", s.id(m.Thread.ID))
	}
	head("Auto-Submitted", "auto-generated")
	if c.Page {
		head("Importance", "high")
		head("X-Priority", "1")
	}
	head("MIME-Version", "1.0")
	parts := multipart.NewWriter(&b)
	if err := parts.SetBoundary(fmt.Sprintf("%x", sha256.Sum256([]byte(m.ID)))[:32]); err != nil {
		return nil, fmt.Errorf("write mail: %w", err)
	}
	head("Content-Type", "multipart/alternative; boundary="+parts.Boundary())
	b.WriteString("\r\n")
	var page bytes.Buffer
	if err := mailPage.Execute(&page, c); err != nil {
		return nil, fmt.Errorf("write mail: %w", err)
	}
	if err := errors.Join(part(parts, "text/plain", plainMail(c)), part(parts, "text/html", page.String()), parts.Close()); err != nil {
		return nil, fmt.Errorf("write mail: %w", err)
	}
	return b.Bytes(), nil
}

func part(parts *multipart.Writer, kind, text string) error {
	w, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {kind + "; charset=utf-8"}, "Content-Transfer-Encoding": {"quoted-printable"}})
	if err != nil {
		return err
	}
	q := quotedprintable.NewWriter(w)
	_, err = q.Write([]byte(text))
	return errors.Join(err, q.Close())
}

// id is a Message-ID in the domain that the mail is from.
func (s *Mail) id(message string) string {
	_, domain, _ := strings.Cut(s.from.Address, "@")
	return "<" + strings.Map(idRune, message) + "@" + domain + ">"
}

// idRune keeps what a Message-ID may have; ids of messages are made of names that have little else.
func idRune(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
		return r
	}
	return '+'
}

// subject is one line. That of an answer is the thread's: several readers look at nothing else.
func subject(m record.Message) string {
	title := m.Title
	if m.Thread.ID != "" {
		title = "Re: " + m.Thread.Title
	}
	title = clip(oneLine(title), mostSubject, asItIs)
	return strings.ReplaceAll(mime.QEncoding.Encode("utf-8", cmp.Or(title, "autorollback")), "?= =?", "?=\r\n =?")
}

// plainMail is a mail for readers without HTML. Its first line is what a phone shows beside the subject.
func plainMail(c card) string {
	lines := append([]string{c.Title, ""}, c.Lines...)
	lines = append(lines, "")
	for _, l := range c.Links {
		lines = append(lines, l.Label+": "+l.URL)
	}
	return strings.Join(append(lines, "", "-- ", c.Thread, c.Foot, ""), "\n")
}

var mailPage = template.Must(template.New("mail").Parse(`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>{{.Title}}</title></head>
<body>
<h2>{{.Title}}</h2>
{{range .Lines}}<p>{{.}}</p>
{{end}}{{range .Links}}<p><a href="{{.URL}}">{{.Label}}</a></p>
{{end}}<hr>
<p><small>{{.Thread}}<br>{{.Foot}}</small></p>
</body>
</html>
`))
