package outbound

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"syscall"
	"testing"
)

// Whoever has typed the command reads a reason, and not how Go dials; the error stays what it is.
func TestNoAnswer(t *testing.T) {
	dial := func(err error) error {
		return &url.Error{Op: "Get", URL: "http://a:9095", Err: &net.OpError{Op: "dial", Net: "tcp", Err: err}}
	}
	tls := errors.New("tls: first record does not look like a TLS handshake")
	for want, err := range map[string]error{
		"connection refused": dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)),
		"there is no host a": dial(&net.DNSError{Err: "no such host", Name: "a", Server: "127.0.0.53:53", IsNotFound: true}),
		"no answer in time":  dial(&net.DNSError{Err: "i/o timeout", Name: "a", IsTimeout: true}),
		"context canceled":   &url.Error{Op: "Get", URL: "http://a:9095", Err: context.Canceled},
		tls.Error():          &url.Error{Op: "Get", URL: "https://a:9095", Err: tls},
	} {
		got := NoAnswer(err)
		if got.Error() != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
		if !errors.Is(got, errors.Unwrap(err)) {
			t.Errorf("%v: its cause is lost", err)
		}
		if _, dialled := errors.AsType[*net.OpError](err); Unreached(err) != dialled {
			t.Errorf("%v: unreached is %v", err, !dialled)
		}
	}
}
