package verify

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// share writes 0.0042 as "0.42 %".
func share(v float64) string { return short(v*100) + " %" }

// seconds writes a duration for reading: "210 ms", "1.2 s", "25 min".
func seconds(v float64) string {
	switch a := math.Abs(v); {
	case a < 1:
		return short(v*1000) + " ms"
	case a < 120:
		return short(v) + " s"
	case a < 2*time.Hour.Seconds():
		return short(math.Round(v/60)) + " min"
	}
	return short(v/3600) + " h"
}

// count writes 1812 as "1 812".
func count(v float64) string {
	digits := strconv.FormatFloat(math.Round(v), 'f', 0, 64)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 && digits[i-1] != '-' {
			b.WriteByte(' ')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// short writes three significant digits, and whole numbers above 100 in full.
func short(v float64) string {
	if math.Abs(v) >= 100 {
		return count(v)
	}
	rounded, err := strconv.ParseFloat(fmt.Sprintf("%.3g", v), 64)
	if err != nil {
		return fmt.Sprint(v)
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// in writes a value in an answer's unit.
func in(unit string, v float64) string {
	switch unit {
	case "ratio":
		return share(v)
	case "s":
		return seconds(v)
	case "":
		return short(v)
	}
	return short(v) + " " + unit
}
