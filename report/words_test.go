package report

import (
	"strings"
	"testing"

	"github.com/autorollback/autorollback/record"
)

// A name that begins a sentence stays as it is written: nobody can run Autorollback, and there is no V2.
func TestNamesKeepTheirSpelling(t *testing.T) {
	for text, want := range map[string]string{
		"nobody answered within 15m":                "Nobody answered within 15m",
		"v2 has 1 pod":                              "v2 has 1 pod",
		"ranker-v2: no pod":                         "ranker-v2: no pod",
		"p95 latency +34 %":                         "p95 latency +34 %",
		"autorollback rollback ranker --reason WHY": "autorollback rollback ranker --reason WHY",
		"wait; then look":                           "Wait; then look",
		"look":                                      "Look",
		"":                                          "",
	} {
		if got := upper(text); got != want {
			t.Errorf("upper(%q) is %q, want %q", text, got, want)
		}
	}
}

// What held the incident is said as it was: the guard's reason, or that nobody answered.
func TestWhyItIsHeld(t *testing.T) {
	for guard, reason := range map[string]string{record.ApprovalExpired: "nobody answered within 15m", "paused": "Automation is paused until 16:00"} {
		inc := record.Incident{Phase: record.HeldPhase, Decision: record.Decision{Guard: guard, Reasons: []string{reason}}}
		text := string(Markdown(inc, nil, Options{}))
		if silent := strings.Contains(text, "obody answered"); !strings.Contains(text, upper(reason)) || silent != (guard == record.ApprovalExpired) {
			t.Errorf("%s: no %q in\n%s", guard, reason, text)
		}
	}
}
