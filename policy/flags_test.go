package policy

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

func TestLeaveFlags(t *testing.T) {
	now := time.Date(2030, 5, 6, 9, 0, 0, 0, time.UTC)
	ago := func(d time.Duration, n int) []time.Time { return slices.Repeat([]time.Time{now.Add(-d)}, n) }
	for name, c := range map[string]struct {
		change func(*Flags)
		want   string // empty: switched off
	}{
		"active":                 {func(*Flags) {}, ""},
		"pause that is over":     {func(f *Flags) { f.Control = record.Control{Mode: runbook.Paused, Until: now.Add(-time.Minute)} }, ""},
		"paused":                 {func(f *Flags) { f.Control.Mode = runbook.Paused }, "paused"},
		"nobody can read":        {func(f *Flags) { f.Control.Mode = "pasued" }, "pasued"},
		"observe":                {func(f *Flags) { f.Control.Mode = runbook.Observe }, "Observe"},
		"observe in the runbook": {func(f *Flags) { f.Runbook.Policy.Mode = runbook.Observe }, "Observe"},
		"somebody else's split":  {func(f *Flags) { f.ExternalChange = true }, "may be serving"},
		"twice within an hour":   {func(f *Flags) { f.Quarantine.SwitchedOff = ago(time.Minute, 2) }, ""},
		"three times":            {func(f *Flags) { f.Quarantine.SwitchedOff = ago(time.Minute, 3) }, "something keeps writing"},
		"three times, long ago":  {func(f *Flags) { f.Quarantine.SwitchedOff = ago(61*time.Minute, 3) }, ""},
	} {
		in := Flags{Runbook: &runbook.Runbook{Policy: runbook.Policy{Mode: runbook.Active}}, Control: record.Control{Mode: runbook.Active}}
		c.change(&in)
		if got := LeaveFlags(in, now); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
