package record_test

import (
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

func TestParseControl(t *testing.T) {
	until := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name, value string
		want        record.Control
		says        string
	}{
		{name: "no key", value: "", want: record.Control{Mode: runbook.Active}},
		{name: "white space", value: " \n", want: record.Control{Mode: runbook.Active}},
		{name: "bare word", value: "paused", want: record.Control{Mode: runbook.Paused}},
		{name: "bare word with a line end", value: "observe\n", want: record.Control{Mode: runbook.Observe}},
		{name: "in quotes", value: `"active"`, want: record.Control{Mode: runbook.Active}},
		{name: "JSON", value: `{"mode":"paused","by":"ann","reason":"move","until":"2026-05-01T12:00:00Z"}`,
			want: record.Control{Mode: runbook.Paused, By: "ann", Reason: "move", Until: until}},
		{name: "unknown word", value: "stop", says: `mode "stop"`},
		{name: "capitals", value: "Paused", says: `mode "Paused"`},
		{name: "JSON without a mode", value: `{"by":"ann"}`, says: `mode ""`},
		{name: "misspelt key", value: `{"mode":"paused","untill":"2026-05-01T12:00:00Z"}`, says: "untill"},
		{name: "half a document", value: `{"mode":"paused"`, says: "read control"},
		{name: "two documents", value: `{"mode":"paused"}{}`, says: "follows"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := record.ParseControl([]byte(c.value))
			if c.says == "" && (err != nil || got != c.want) {
				t.Errorf("got %+v, %v, want %+v", got, err, c.want)
			}
			if c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("error is %v, want %q in it", err, c.says)
			}
		})
	}
}
