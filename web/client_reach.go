package web

import (
	"context"
	"errors"
	"net"
	"syscall"

	"github.com/autorollback/autorollback/outbound"
)

// A noAnswer is why nobody answered, in words for whoever typed the command.
type noAnswer struct {
	text  string
	cause error
}

func (n noAnswer) Error() string { return n.text }
func (n noAnswer) Unwrap() error { return n.cause }

// whyNoAnswer leaves out how the connection was made: the address is in the sentence already.
func whyNoAnswer(err error) error {
	cause := outbound.Cause(err)
	dns, unknown := errors.AsType[*net.DNSError](err)
	errno, system := errors.AsType[syscall.Errno](err)
	timeout, slow := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, context.Canceled):
		return cause
	case unknown && dns.IsNotFound:
		return noAnswer{"there is no host " + outbound.Excerpt(dns.Name), cause}
	case system:
		return noAnswer{errno.Error(), cause}
	case slow && timeout.Timeout():
		return noAnswer{"no answer in time", cause}
	}
	return cause
}
