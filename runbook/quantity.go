package runbook

import "time"

// Duration is a time.Duration that reads and writes Prometheus' form: 90s, 5m, 1h30m.
type Duration time.Duration

// Std returns the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// Ratio is a share or a relative change: 0.3 is written 30% (or 0.3).
type Ratio float64
