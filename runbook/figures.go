package runbook

import (
	"math"
	"strconv"
	"strings"
)

// How numbers are worded on pages and in messages, in one place.

// Figure writes a number with three significant digits, thousands apart, and never as an
// exponent below a trillion.
func Figure(v float64) string {
	switch {
	case math.IsNaN(v):
		return "no number"
	case math.IsInf(v, 1):
		return "infinite"
	case math.IsInf(v, -1):
		return "minus infinite"
	case v == 0:
		return "0"
	case math.Abs(v) >= 1e12 || math.Abs(v) < 1e-6:
		return strconv.FormatFloat(v, 'g', 3, 64)
	case math.Abs(v) >= 1000:
		return thousands(strconv.FormatFloat(v, 'f', 0, 64))
	}
	decimals := max(0, 2-int(math.Floor(math.Log10(math.Abs(v)))))
	text := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// thousands sets apart groups of three digits by a comma.
func thousands(digits string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// Percent writes 0.0042 as "0.42 %".
func Percent(share float64) string { return Figure(share*100) + " %" }

// Seconds writes a time for reading: "210 ms", "1.2 s", "25 min", "3.6 h".
func Seconds(s float64) string {
	switch a := math.Abs(s); {
	case a == 0:
		return "0 s"
	case a < 1:
		return Figure(s*1000) + " ms"
	case a < 120:
		return Figure(s) + " s"
	case a < 2*60*60:
		return Figure(math.Round(s/60)) + " min"
	}
	return Figure(s/3600) + " h"
}

// Quantity writes a value in an answer's unit: a ratio, seconds, none, or any other.
func Quantity(v float64, unit string) string {
	switch unit {
	case "ratio":
		return Percent(v)
	case "s":
		return Seconds(v)
	case "":
		return Figure(v)
	}
	return Figure(v) + " " + unit
}
