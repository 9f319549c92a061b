package policy

import (
	"fmt"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// Open reports whether automation may act at the moment now, and if not, when it may
// next (zero: never within five years). No schedule at all means always. A schedule
// is read off a clock on the wall of its timezone: a span that begins in the hour
// which summer time skips is open from the first moment after it (not at all that
// day if it ends in it too), and the hour that comes twice is open twice. A schedule that cannot be read is never open.
func Open(schedules []runbook.Schedule, now time.Time) (open bool, next time.Time) {
	if len(schedules) == 0 {
		return true, time.Time{}
	}
	for _, s := range schedules {
		sp, err := ParseSpan(s)
		if err != nil {
			continue
		}
		if sp.open(now) {
			return true, time.Time{}
		}
		if at := sp.next(now); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return false, next
}

// Span is a schedule that has been read. Only [ParseSpan] makes one.
type Span struct {
	starts runbook.Calendar
	lasts  time.Duration
}

// ParseSpan reads a schedule: a calendar (see [runbook.ParseCalendar]), and a duration > 0.
func ParseSpan(s runbook.Schedule) (Span, error) {
	starts, err := runbook.ParseCalendar(s.Cron, s.Timezone)
	if err != nil {
		return Span{}, fmt.Errorf("read schedule: %w", err)
	}
	if s.For <= 0 {
		return Span{}, fmt.Errorf("read schedule %q: for must be longer than 0", s.Cron)
	}
	return Span{starts, s.For.Std()}, nil
}

func (s Span) open(now time.Time) bool {
	wall := s.starts.Wall(now)
	began := s.starts.NextWall(wall.Add(-s.lasts))
	return !began.IsZero() && !began.After(wall)
}

// next walks from one change of the zone's offset to the next: between two of them
// the wall clock runs evenly.
func (s Span) next(now time.Time) time.Time {
	for range 16 {
		wall := s.starts.Wall(now)
		start := s.starts.NextWall(wall)
		_, change := now.In(s.starts.Zone()).ZoneBounds()
		if !start.IsZero() {
			at := now.Add(start.Sub(wall))
			if change.IsZero() || at.Before(change) {
				return at.In(s.starts.Zone())
			}
		}
		if change.IsZero() {
			return time.Time{}
		}
		if s.open(change) {
			return change.In(s.starts.Zone())
		}
		now = change
	}
	return time.Time{}
}
