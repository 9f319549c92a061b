package monitor

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// bucketOf is the index of an `le` among the bounds, their number for +Inf. Bounds are
// numbers: "1e+06", "1000000" and "1000000.0" are one. False for a bound that the runbook
// does not name: the counts are cumulative, so its observations are in the next one.
func bucketOf(bounds []float64, le string) (int, bool) {
	v, err := strconv.ParseFloat(le, 64)
	if err != nil {
		return 0, false
	}
	if math.IsInf(v, 1) {
		return len(bounds), true
	}
	return slices.BinarySearch(bounds, v)
}

// bucketsOf makes counts of each bucket of cumulative ones. A bound that the exporter
// lacks has none, and its observations are in the next one.
func bucketsOf(cumulative, out []float64) []float64 {
	top := 0.0
	for _, v := range cumulative {
		next := max(top, v)
		out = append(out, next-top)
		top = next
	}
	return out
}

// spellings is a regular expression for all common ways to write the bounds, +Inf among
// them: trailing zeros, and exponents of numbers that are very large or small.
func spellings(bounds []float64) string {
	var out []string
	for _, v := range bounds {
		out = append(out, spelling(v))
	}
	return strings.Join(append(out, `[+]?Inf`), "|")
}

func spelling(v float64) string {
	fixed := zeros(strconv.FormatFloat(v, 'f', -1, 64))
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', -1, 64), "e")
	exp, _ := strconv.Atoi(exponent)
	switch {
	case v != 0 && exp >= 5:
		return fixed + "|" + zeros(mantissa) + "[eE][+]?0*" + strconv.Itoa(exp)
	case v != 0 && exp <= -4:
		return fixed + "|" + zeros(mantissa) + "[eE]-0*" + strconv.Itoa(-exp)
	}
	return fixed
}

// zeros allows for zeros at the end of a decimal number.
func zeros(decimal string) string {
	if strings.Contains(decimal, ".") {
		return strings.Replace(decimal, ".", "[.]", 1) + "0*"
	}
	return decimal + "([.]0+)?"
}
