package plan

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/autorollback/autorollback/runbook"
)

// num writes a number: short, no exponent for everyday sizes.
func num(v float64) string { return strconv.FormatFloat(v, 'g', 7, 64) }

// percentile writes 0.95 as p95 and 0.999 as p99.9.
func percentile(q float64) string { return "p" + num(q*100) }

// short writes a share as a percentage of three digits.
func short(r float64) string { return fmt.Sprintf("%.3g%%", r*100) }

func millis(seconds float64) string {
	return time.Duration(math.Round(seconds * 1e3 * 1e6)).Round(time.Millisecond).String()
}

func fromSeconds(s float64) runbook.Duration {
	return runbook.Duration(time.Duration(math.Ceil(s*1e3)) * time.Millisecond)
}

// span2 writes a duration with the two greatest units that matter.
func span2(d runbook.Duration) string {
	unit := time.Second
	switch s := d.Std(); {
	case s >= 48*time.Hour:
		unit = time.Hour
	case s >= 2*time.Hour:
		unit = time.Minute
	}
	return runbook.Duration((d.Std() + unit - 1) / unit * unit).String()
}
