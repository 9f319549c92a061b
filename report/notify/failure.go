package notify

import (
	"errors"
	"time"
)

// ErrDisabled means that the other side answered 410 Gone: it wants no more
// messages, and none is sent to it until the program starts again.
var ErrDisabled = errors.New("the webhook's owner has turned it off (410 Gone)")

// A failure is an answer that is no acceptance.
type failure struct {
	text    string
	refused bool          // this message is never taken
	await   time.Duration // as the other side asks for; 0: it does not
}

func (f failure) Error() string { return f.text }

// Refused reports whether an error of a sink means that it never takes this message: it is too long for
// it, or it wants no more. Another one may be taken.
func Refused(err error) bool {
	f, ok := errors.AsType[failure](err)
	return ok && f.refused || errors.Is(err, ErrDisabled)
}

// Await is how long a sink asks to be left alone; 0: it does not ask.
func Await(err error) time.Duration {
	f, _ := errors.AsType[failure](err)
	return f.await
}
