package report

import (
	"math"
	"strings"
	"testing"
	"time"
)

// A moment that was never set is two thousand years from another, which is more than
// a duration holds, and whose opposite is itself.
func TestSpanOfAMomentThatWasNeverSet(t *testing.T) {
	for _, d := range []time.Duration{math.MinInt64, time.Time{}.Sub(time.Now())} {
		if got := span(d); !strings.HasPrefix(got, "−") || !strings.HasSuffix(got, "m") {
			t.Errorf("span(%d) is %q", d, got)
		}
	}
}
