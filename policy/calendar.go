package policy

import (
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

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
	starts cron.Schedule
	lasts  time.Duration
	zone   *time.Location
}

// ParseSpan reads a schedule: five cron fields (no @daily, no TZ= prefix), a
// duration > 0, and an IANA timezone, default UTC.
func ParseSpan(s runbook.Schedule) (Span, error) {
	if strings.Contains(s.Cron, "TZ=") {
		return Span{}, fmt.Errorf("read schedule %q: name the zone in timezone, not in cron", s.Cron)
	}
	starts, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(s.Cron)
	if err != nil {
		return Span{}, fmt.Errorf("read schedule %q: %w", s.Cron, err)
	}
	if s.For <= 0 {
		return Span{}, fmt.Errorf("read schedule %q: for must be longer than 0", s.Cron)
	}
	zone, err := time.LoadLocation(s.Timezone)
	if err != nil {
		return Span{}, fmt.Errorf("read schedule %q: %w", s.Cron, err)
	}
	return Span{starts: starts, lasts: s.For.Std(), zone: zone}, nil
}

func (s Span) open(now time.Time) bool {
	wall := s.wall(now)
	began := s.starts.Next(wall.Add(-s.lasts))
	return !began.IsZero() && !began.After(wall)
}

// next walks from one change of the zone's offset to the next: between two of them
// the wall clock runs evenly.
func (s Span) next(now time.Time) time.Time {
	for range 16 {
		wall := s.wall(now)
		start := s.starts.Next(wall)
		_, change := now.In(s.zone).ZoneBounds()
		if !start.IsZero() {
			at := now.Add(start.Sub(wall))
			if change.IsZero() || at.Before(change) {
				return at.In(s.zone)
			}
		}
		if change.IsZero() {
			return time.Time{}
		}
		if s.open(change) {
			return change.In(s.zone)
		}
		now = change
	}
	return time.Time{}
}

// wall is what the zone's clock shows, as a UTC time: a calendar without jumps.
func (s Span) wall(now time.Time) time.Time {
	t := now.In(s.zone)
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}
