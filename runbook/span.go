package runbook

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Span writes a duration for people: 850 ms, 4.2 s, 2 m 05 s, 1 h 03 m.
func Span(d time.Duration) string {
	if d < 0 {
		return "−" + Span(-max(d, -math.MaxInt64)) // the least has no opposite
	}
	switch {
	case d == 0:
		return "0 s"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Truncate(100*time.Millisecond).Seconds(), 'f', -1, 64) + " s"
	case d < time.Hour:
		d = d.Truncate(time.Second)
		if d%time.Minute == 0 {
			return fmt.Sprintf("%d m", d/time.Minute)
		}
		return fmt.Sprintf("%d m %02d s", d/time.Minute, d%time.Minute/time.Second)
	}
	d = d.Truncate(time.Minute)
	if d%time.Hour == 0 {
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d h %02d m", d/time.Hour, d%time.Hour/time.Minute)
}
