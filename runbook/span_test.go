package runbook_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		850 * time.Millisecond:   "850 ms",
		59950 * time.Millisecond: "59.9 s",
		125 * time.Second:        "2 m 05 s",
		5 * time.Minute:          "5 m",
		63 * time.Minute:         "1 h 03 m",
		48 * time.Hour:           "48 h",
	} {
		if got := runbook.Span(d); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// A moment that was never set is two thousand years from another, which is more than
// a duration holds, and whose opposite is itself.
func TestSpanOfAMomentThatWasNeverSet(t *testing.T) {
	for _, d := range []time.Duration{math.MinInt64, time.Time{}.Sub(time.Now())} {
		if got := runbook.Span(d); !strings.HasPrefix(got, "−") || !strings.HasSuffix(got, "m") {
			t.Errorf("Span(%d) is %q", d, got)
		}
	}
}
