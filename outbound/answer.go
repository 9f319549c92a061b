package outbound

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"unicode"

	"github.com/autorollback/autorollback/secret"
)

// ErrTooLong is what reading an answer ends with that is longer than it may be.
var ErrTooLong = errors.New("the answer is too long")

// bounded refuses addresses that are written out before a proxy could call them for us, and cuts
// every answer short.
type bounded struct {
	next  http.RoundTripper
	most  int64
	allow []netip.Prefix
}

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if a, err := netip.ParseAddr(r.URL.Hostname()); err == nil {
		if err := refuse(a, b.allow); err != nil {
			return nil, err
		}
	}
	resp, err := b.next.RoundTrip(r)
	if err == nil {
		resp.Body = &body{resp.Body, b.most, b.most}
	}
	return resp, err
}

// CloseIdleConnections is what [http.Client.CloseIdleConnections] looks for.
func (b bounded) CloseIdleConnections() {
	if c, ok := b.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// A body is one that ends with an error where it is too long.
type body struct {
	io.ReadCloser
	left, most int64
}

func (b *body) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n - 1, fmt.Errorf("%w: more than %s", ErrTooLong, size(b.most))
	}
	return n, err
}

func size(bytes int64) string {
	if bytes >= 1<<20 {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%d bytes", bytes)
}

// Status is an answer's status in our own words: those of the answer are its own.
func Status(code int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", code, http.StatusText(code)))
}

// Cause is a client's error without the address, which may be long, or a stranger's by a redirect, or
// hold a secret; and no more than an [Excerpt] of what it quotes: an answer that is no HTTP is in it.
func Cause(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if err == nil || Excerpt(err.Error()) == err.Error() {
		return err
	}
	return brief{err}
}

// A brief error says less than the one that it is.
type brief struct{ cause error }

func (b brief) Error() string { return Excerpt(b.cause.Error()) }
func (b brief) Unwrap() error { return b.cause }

// Log is where the standard library's log may write what happens to connections. It says there what
// somebody sent who was not asked, which is left out.
func Log(to io.Writer) io.Writer { return logWriter{to} }

type logWriter struct{ to io.Writer }

func (l logWriter) Write(line []byte) (int, error) {
	text, _, _ := strings.Cut(string(line), " starting with ")
	_, err := io.WriteString(l.to, Excerpt(text)+"\n")
	return len(line), err
}

const (
	mostExcerpt = 200     // characters
	mostLooked  = 4 << 10 // bytes
)

// Excerpt is the beginning of a text from outside as it may stand in an error or a log: at most 200
// characters on one line. What does not print is left out, and what looks like a secret: some servers
// repeat a request's headers where they refuse it.
func Excerpt(text string) string {
	text = strings.Join(strings.Fields(string(secret.Redact([]byte(text[:min(len(text), mostLooked)])))), " ")
	var b strings.Builder
	n := 0
	for _, r := range text { // an invalid byte arrives as U+FFFD
		switch {
		case n == mostExcerpt:
			return strings.TrimSpace(b.String()) + "…"
		case !unicode.IsPrint(r):
			continue
		}
		b.WriteRune(r)
		n++
	}
	return strings.TrimSpace(b.String())
}
