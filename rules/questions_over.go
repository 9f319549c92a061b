package rules

import (
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// Interval is the scrape and rule evaluation interval of the service.
func (q Questions) Interval() time.Duration { return q.b.Metrics.Interval.Std() }

// Window is the range that Rate and Recovery look back.
func (q Questions) Window() time.Duration { return q.b.look().Std() }

// Over returns the same questions with Rate and Recovery looking back over window
// instead of the runbook's verification window. It is rounded up to whole milliseconds.
func (q Questions) Over(window time.Duration) Questions {
	b, rb := *q.b, *q.b.Runbook
	rb.Verification.Window = runbook.Duration((window + time.Millisecond - 1).Truncate(time.Millisecond))
	b.Runbook = &rb
	return Questions{&b}
}
