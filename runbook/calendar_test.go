package runbook_test

import (
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// Berlin goes from 02:00 to 03:00 on 2025-03-30 (01:00Z), and from 03:00 back to 02:00 on
// 2025-10-26 (01:00Z). New York goes from 02:00 to 03:00 on 2025-03-09 (07:00Z), and from
// 02:00 back to 01:00 on 2025-11-02 (06:00Z). Lord Howe moves by half an hour; Samoa
// skipped 2011-12-30; São Paulo skipped midnight of 2018-11-04.
func TestCalendarNext(t *testing.T) {
	const berlin, newYork = "Europe/Berlin", "America/New_York"
	for _, c := range []struct {
		name, cron, zone, after string
		want                    []string // one after the other
	}{
		{"fixed, in the hour that is not there", "30 2 * * *", berlin, "2025-03-29T12:00:00Z", []string{"2025-03-30T01:00:00Z", "2025-03-31T00:30:00Z"}},
		{"fixed, asked in the last moment before it", "30 2 * * *", berlin, "2025-03-30T00:59:59.5Z", []string{"2025-03-30T01:00:00Z", "2025-03-31T00:30:00Z"}},
		{"fixed, begins with that hour", "0 2 * * *", berlin, "2025-03-29T12:00:00Z", []string{"2025-03-30T01:00:00Z", "2025-03-31T00:00:00Z"}},
		{"fixed, begins after that hour", "0 3 * * *", berlin, "2025-03-29T12:00:00Z", []string{"2025-03-30T01:00:00Z", "2025-03-31T01:00:00Z"}},
		{"many of that hour are made up for once", "*/10 2 * * *", berlin, "2025-03-30T00:00:00Z", []string{"2025-03-30T01:00:00Z", "2025-03-31T00:00:00Z"}},
		{"once, on that very day", "30 2 30 3 *", berlin, "2025-01-01T00:00:00Z", []string{"2025-03-30T01:00:00Z", "2026-03-30T00:30:00Z"}},
		{"Sundays", "30 2 * * 0", berlin, "2025-03-24T00:00:00Z", []string{"2025-03-30T01:00:00Z", "2025-04-06T00:30:00Z"}},
		{"every minute, into summer", "* * * * *", berlin, "2025-03-30T00:58:00Z", []string{"2025-03-30T00:59:00Z", "2025-03-30T01:00:00Z", "2025-03-30T01:01:00Z"}},
		{"every half past, into summer", "30 * * * *", berlin, "2025-03-30T00:00:00Z", []string{"2025-03-30T00:30:00Z", "2025-03-30T01:30:00Z"}},
		{"fixed, in the hour that comes twice", "30 2 * * *", berlin, "2025-10-25T12:00:00Z", []string{"2025-10-26T00:30:00Z", "2025-10-27T01:30:00Z"}},
		{"fixed, asked in the second of them", "30 2 * * *", berlin, "2025-10-26T01:10:00Z", []string{"2025-10-27T01:30:00Z"}},
		{"fixed, asked as the second begins", "0 2 * * *", berlin, "2025-10-26T01:00:00Z", []string{"2025-10-27T01:00:00Z"}},
		{"fixed, after the hour that comes twice", "0 3 * * *", berlin, "2025-10-26T01:10:00Z", []string{"2025-10-26T02:00:00Z", "2025-10-27T02:00:00Z"}},
		{"many of that hour", "*/30 2 * * *", berlin, "2025-10-25T22:00:00Z", []string{"2025-10-26T00:00:00Z", "2025-10-26T00:30:00Z", "2025-10-27T01:00:00Z"}},
		{"every minute, into winter", "* * * * *", berlin, "2025-10-26T00:58:00Z", []string{"2025-10-26T00:59:00Z", "2025-10-26T01:00:00Z", "2025-10-26T01:01:00Z"}},
		{"every half past, into winter", "30 * * * *", berlin, "2025-10-26T00:00:00Z", []string{"2025-10-26T00:30:00Z", "2025-10-26T01:30:00Z", "2025-10-26T02:30:00Z"}},
		{"New York, not there", "30 2 * * *", newYork, "2025-03-08T12:00:00Z", []string{"2025-03-09T07:00:00Z", "2025-03-10T06:30:00Z"}},
		{"New York, every minute into summer", "* * * * *", newYork, "2025-03-09T06:58:00Z", []string{"2025-03-09T06:59:00Z", "2025-03-09T07:00:00Z"}},
		{"New York, twice", "30 1 * * *", newYork, "2025-11-01T12:00:00Z", []string{"2025-11-02T05:30:00Z", "2025-11-03T06:30:00Z"}},
		{"New York, every minute into winter", "* * * * *", newYork, "2025-11-02T05:58:00Z", []string{"2025-11-02T05:59:00Z", "2025-11-02T06:00:00Z", "2025-11-02T06:01:00Z"}},
		{"half an hour that is not there", "15 2 * * *", "Australia/Lord_Howe", "2025-10-04T12:00:00Z", []string{"2025-10-04T15:30:00Z", "2025-10-05T15:15:00Z"}},
		{"half an hour that comes twice", "45 1 * * *", "Australia/Lord_Howe", "2025-04-05T12:00:00Z", []string{"2025-04-05T14:45:00Z", "2025-04-06T15:15:00Z"}},
		{"a day that was not there", "0 12 * * *", "Pacific/Apia", "2011-12-29T22:30:00Z", []string{"2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"}},
		{"midnight that was not there", "0 0 * * *", "America/Sao_Paulo", "2018-11-03T12:00:00Z", []string{"2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"}},
		{"UTC by default", "30 2 * * *", "", "2025-03-29T12:00:00Z", []string{"2025-03-30T02:30:00Z", "2025-03-31T02:30:00Z"}},
		{"29 February", "0 0 29 2 *", berlin, "2025-03-01T00:00:00Z", []string{"2028-02-28T23:00:00Z"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			calendar, err := runbook.ParseCalendar(c.cron, c.zone)
			if err != nil {
				t.Fatal(err)
			}
			now, err := time.Parse(time.RFC3339Nano, c.after)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range c.want {
				now = calendar.Next(now)
				if got := now.UTC().Format(time.RFC3339); got != want {
					t.Fatalf("starts at %s, want %s", got, want)
				}
			}
		})
	}
}

func TestParseCalendarRefuses(t *testing.T) {
	for _, c := range []struct{ name, cron, zone, says string }{
		{"a zone that ends the text", "CRON_TZ=UTC", "", "write it in the field timezone"},
		{"a zone that is none", "TZ=0", "", "write it in the field timezone"},
		{"a zone before the fields", "CRON_TZ=Asia/Tokyo 0 9 * * *", "", "write it in the field timezone"},
		{"a zone with one field too few", "TZ=UTC 0 9 * *", "", "write it in the field timezone"},
		{"a zone after a space", " TZ=UTC 0 9 * *", "", "write it in the field timezone"},
		{"nothing", "", "", "write five fields"},
		{"a descriptor", "@daily", "", "write five fields"},
		{"six fields", "0 0 9 * * *", "", "write five fields"},
		{"a minute that is none", "60 9 * * *", "", "write five fields"},
		{"never", "0 9 31 2 *", "", "never comes"},
		{"no such zone", "0 9 * * *", "Mars/Olympus", "Europe/Berlin"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := runbook.ParseCalendar(c.cron, c.zone); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("says %v, want %q", err, c.says)
			}
		})
	}
}

// ParseCalendar never panics, and what it accepts goes on: each start is later than the
// one before, and at a minute that the wall clock shows, or where that clock was moved.
func FuzzSchedule(f *testing.F) {
	for _, text := range []string{"CRON_TZ=UTC", "TZ=0", "TZ=", "CRON_TZ=Europe/Berlin 0 4 * * 1", "@daily", "@every 1h", "30 2 * * *", "* * * * *", "*/7 1-3/2 29 2 mon-fri", "0 0 31 2 *", "? ? ? ? ?", "1-2-3 * * * *", "*/0 * * * *"} {
		for _, zone := range []string{"", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "nowhere"} {
			f.Add(text, zone, uint32(1743292800))
			f.Add(text, zone, uint32(1761433200))
		}
	}
	f.Fuzz(func(t *testing.T, text, zone string, seconds uint32) {
		c, err := runbook.ParseCalendar(text, zone)
		if err != nil {
			return
		}
		now := time.Unix(int64(seconds), 0)
		for range 4 {
			next := c.Next(now)
			if next.IsZero() {
				return
			}
			moved, _ := next.ZoneBounds()
			wall := c.Wall(next)
			if !next.After(now) || !next.Equal(moved) && !c.NextWall(wall.Add(-time.Second)).Equal(wall) {
				t.Fatalf("%q in %q after %s starts at %s", text, zone, now, next)
			}
			now = next
		}
	})
}
