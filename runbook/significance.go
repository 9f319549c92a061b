package runbook

import "time"

// Lag is how long after an interval's end it is counted: scrapes that carry its timestamps
// must have arrived.
func Lag(interval Duration) Duration { return min(interval/5, Duration(2*time.Second)) }
