// Package verify asks Prometheus: is the breach true now, has the candidate lost its
// traffic, what do users get. An answer that is missing, stale, partial, too late or
// not a number is never good and never a breach. Stored predictions are asked of the
// service itself.
//
// It never writes anything, never remembers an answer, never asks twice what got no
// answer, and decides nothing about traffic.
package verify

import (
	"time"

	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/rules"
)

// DefaultTimeout bounds one call of Firing, Confirm, Drained or Recovery as a whole.
const DefaultTimeout = 2 * time.Second

// Prometheus is asked all questions of one installation. It has no state and is safe
// for use by several goroutines.
type Prometheus struct {
	api      promapi.API
	timeout  time.Duration
	verifier *rules.Verifier
}

// New asks through api. A timeout of 0 is [DefaultTimeout].
func New(api promapi.API, timeout time.Duration) *Prometheus {
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	return &Prometheus{api, timeout, &rules.Verifier{}}
}
