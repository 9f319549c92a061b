package outbound

import (
	"context"
	"errors"
	"net"
	"syscall"
)

// A noAnswer is why nobody answered, in words for whoever typed the command.
type noAnswer struct {
	text  string
	cause error
}

func (n noAnswer) Error() string { return n.text }
func (n noAnswer) Unwrap() error { return n.cause }

// NoAnswer is the [Cause] of a client's error for a sentence that names the address: it leaves out
// how the connection was made.
func NoAnswer(err error) error {
	cause := Cause(err)
	dns, unknown := errors.AsType[*net.DNSError](err)
	errno, system := errors.AsType[syscall.Errno](err)
	timeout, slow := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, context.Canceled):
		return cause
	case unknown && dns.IsNotFound:
		return noAnswer{"there is no host " + Excerpt(dns.Name), cause}
	case system:
		return noAnswer{errno.Error(), cause}
	case slow && timeout.Timeout():
		return noAnswer{"no answer in time", cause}
	}
	return cause
}

// Unreached reports whether err is that of a connection: nobody has answered anything.
func Unreached(err error) bool {
	_, dialled := errors.AsType[*net.OpError](err)
	_, resolved := errors.AsType[*net.DNSError](err)
	return dialled || resolved
}
