//go:build !faultpoint

package daemon

import "time"

// faultPoint is nothing in a normal build. See fault_on.go.
var faultPoint func(string)

// now is the clock that is compared with that of Prometheus.
var now = time.Now
