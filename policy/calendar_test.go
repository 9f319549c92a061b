package policy

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/autorollback/autorollback/runbook"
)

func day(cron, lasts, zone string) []runbook.Schedule {
	d, err := time.ParseDuration(lasts)
	if err != nil {
		panic(err)
	}
	return []runbook.Schedule{{Cron: cron, For: runbook.Duration(d), Timezone: zone}}
}

func at(t testing.TB, s string) time.Time {
	t.Helper()
	got, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// Berlin skips 02:00-03:00 on 2025-03-30 (01:00Z) and has 02:00-03:00 twice on
// 2025-10-26 (00:00Z-02:00Z). Lord Howe moves by half an hour; Samoa skipped
// 2011-12-30; São Paulo skipped midnight of 2018-11-04.
func TestOpen(t *testing.T) {
	work := day("0 9 * * 1-5", "8h", "Europe/Berlin")
	night := day("30 2 * * *", "1h", "Europe/Berlin")
	across := day("0 22 * * *", "8h", "Europe/Berlin")
	for _, tt := range []struct {
		name     string
		schedule []runbook.Schedule
		now      string
		open     bool
		next     string
	}{
		{"no schedule", nil, "2025-01-01T00:00:00Z", true, ""},
		{"office hours, before", work, "2025-01-06T07:59:59Z", false, "2025-01-06T08:00:00Z"},
		{"office hours, first moment", work, "2025-01-06T08:00:00Z", true, ""},
		{"office hours, last moment", work, "2025-01-06T15:59:59.999Z", true, ""},
		{"office hours, after", work, "2025-01-06T16:00:00Z", false, "2025-01-07T08:00:00Z"},
		{"office hours, Friday evening", work, "2025-01-10T20:00:00Z", false, "2025-01-13T08:00:00Z"},
		{"office hours in summer", work, "2025-07-07T07:00:00Z", true, ""},
		{"over the weekend into summer", work, "2025-03-28T20:00:00Z", false, "2025-03-31T07:00:00Z"},
		{"over the weekend into winter", work, "2025-10-24T20:00:00Z", false, "2025-10-27T08:00:00Z"},
		{"begins in the skipped hour: before", night, "2025-03-30T00:59:59Z", false, "2025-03-30T01:00:00Z"},
		{"begins in the skipped hour: open from 03:00", night, "2025-03-30T01:00:00Z", true, ""},
		{"begins in the skipped hour: until 03:30", night, "2025-03-30T01:30:00Z", false, "2025-03-31T00:30:00Z"},
		{"the hour that comes twice: first", night, "2025-10-26T00:30:00Z", true, ""},
		{"the hour that comes twice: closed between", night, "2025-10-26T01:00:00Z", false, "2025-10-26T01:30:00Z"},
		{"the hour that comes twice: second", night, "2025-10-26T01:30:00Z", true, ""},
		{"the hour that comes twice: end", night, "2025-10-26T02:30:00Z", false, "2025-10-27T01:30:00Z"},
		{"across midnight into summer, ends at 06:00", across, "2025-03-30T03:59:59Z", true, ""},
		{"across midnight into summer, after", across, "2025-03-30T04:00:00Z", false, "2025-03-30T20:00:00Z"},
		{"across midnight into winter, ends at 06:00", across, "2025-10-26T04:59:59Z", true, ""},
		{"across midnight into winter, after", across, "2025-10-26T05:00:00Z", false, "2025-10-26T21:00:00Z"},
		{"the clock falls back into the middle of a span", day("0 1 26 10 *", "90m", "Europe/Berlin"), "2025-10-26T00:45:00Z", false, "2025-10-26T01:00:00Z"},
		{"all day of 25 hours", day("0 0 * * *", "24h", "Europe/Berlin"), "2025-10-26T22:59:59Z", true, ""},
		{"half an hour of summer", day("15 2 5 10 *", "1h", "Australia/Lord_Howe"), "2025-10-04T15:00:00Z", false, "2025-10-04T15:30:00Z"},
		{"a day that was not there", day("0 12 30 12 *", "13h", "Pacific/Apia"), "2011-12-30T09:00:00Z", false, "2011-12-30T10:00:00Z"},
		{"midnight that was not there", day("0 0 * * *", "30m", "America/Sao_Paulo"), "2018-11-04T02:00:00Z", false, "2018-11-05T02:00:00Z"},
		{"UTC by default", day("0 9 * * *", "1h", ""), "2025-07-01T09:30:00Z", true, ""},
		{"two spans, the sooner next", append(day("0 12 * * *", "1h", ""), day("0 9 * * *", "1h", "")...), "2025-07-01T08:00:00Z", false, "2025-07-01T09:00:00Z"},
		{"second span is open", append(day("0 12 * * *", "1h", ""), day("0 9 * * *", "1h", "")...), "2025-07-01T09:00:00Z", true, ""},
		{"longer than its period", day("0 * * * *", "2h", ""), "2025-07-01T09:59:59Z", true, ""},
		{"29 February", day("0 0 29 2 *", "24h", ""), "2025-03-01T00:00:00Z", false, "2028-02-29T00:00:00Z"},
		{"30 February", day("0 0 30 2 *", "24h", ""), "2025-03-01T00:00:00Z", false, ""},
		{"30 February with summer time", day("0 0 30 2 *", "24h", "Europe/Berlin"), "2025-03-01T00:00:00Z", false, ""},
		{"not to be read", day("whenever", "1h", ""), "2025-03-01T00:00:00Z", false, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			open, next := Open(tt.schedule, at(t, tt.now))
			want := time.Time{}
			if tt.next != "" {
				want = at(t, tt.next)
			}
			if open != tt.open || !next.Equal(want) {
				t.Errorf("open %t, next %s; want %t, %s", open, next.UTC().Format(time.RFC3339), tt.open, tt.next)
			}
		})
	}
}

func TestParseSpanRefuses(t *testing.T) {
	for name, s := range map[string]runbook.Schedule{
		"descriptor":   {Cron: "@daily", For: runbook.Duration(time.Hour)},
		"zone in cron": {Cron: "CRON_TZ=Asia/Tokyo 0 9 * * *", For: runbook.Duration(time.Hour)},
		"six fields":   {Cron: "0 0 9 * * *", For: runbook.Duration(time.Hour)},
		"no length":    {Cron: "0 9 * * *"},
		"no such zone": {Cron: "0 9 * * *", For: runbook.Duration(time.Hour), Timezone: "Mars/Olympus"},
	} {
		if _, err := ParseSpan(s); err == nil {
			t.Errorf("%s: read without an error", name)
		}
	}
}

// A minute-by-minute walk is the model: next is the first open minute, and open means
// that the wall clock is within For of a start.
func TestNextIsTheFirstOpenMinute(t *testing.T) {
	zones := []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "UTC", "Asia/Kathmandu"}
	days := []string{"2018-11-03T00:00:00Z", "2025-03-29T00:00:00Z", "2025-10-25T12:00:00Z", "2025-03-08T12:00:00Z", "2025-11-01T12:00:00Z", "2025-10-04T00:00:00Z", "2025-04-05T00:00:00Z"}
	crons := []string{"30 2 * * *", "0 0 * * *", "*/45 1-3 * * *", "15 1 * * 0", "0 22 * * 6"}
	rapid.Check(t, func(t *rapid.T) {
		s := runbook.Schedule{Cron: rapid.SampledFrom(crons).Draw(t, "cron"), For: runbook.Duration(time.Duration(rapid.IntRange(1, 180).Draw(t, "for")) * time.Minute), Timezone: rapid.SampledFrom(zones).Draw(t, "zone")}
		began, err := time.Parse(time.RFC3339, rapid.SampledFrom(days).Draw(t, "day"))
		if err != nil {
			t.Fatal(err)
		}
		now := began.Add(time.Duration(rapid.IntRange(0, 2880).Draw(t, "minute")) * time.Minute)
		open, next := Open([]runbook.Schedule{s}, now)
		if open {
			return
		}
		for m := now; m.Before(next); m = m.Add(time.Minute) {
			if open, _ := Open([]runbook.Schedule{s}, m); open {
				t.Fatalf("%v from %s: next is %s, but %s is open", s, now, next, m)
			}
			if m.Sub(now) > 6*time.Hour {
				return
			}
		}
		if open, _ := Open([]runbook.Schedule{s}, next); !open {
			t.Fatalf("%v: not open at its next %s", s, next)
		}
	})
}
