package runbook

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"go.yaml.in/yaml/v3"
)

// Duration is a time.Duration that reads and writes Prometheus' form: 90s, 5m, 1h30m.
// It is never negative and a whole number of milliseconds.
type Duration time.Duration

// Std returns the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String returns Prometheus' form, which [ParseDuration] reads back.
func (d Duration) String() string { return model.Duration(d).String() }

// ParseDuration reads Prometheus' form, e.g. "90s", "5m", "1h30m".
func ParseDuration(text string) (Duration, error) {
	d, err := model.ParseDuration(text)
	if err == nil {
		return Duration(d), nil
	}
	if plainNumber.MatchString(text) {
		return 0, wrong{fmt.Sprintf("%q has no unit", text), "write " + text + "s for seconds, " + text + "m for minutes"}
	}
	return 0, wrong{
		fmt.Sprintf("%q is not a duration", text),
		"write whole numbers with ms, s, m, h, d, w or y, e.g. 90s, 5m, 1h30m",
	}
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (d *Duration) UnmarshalYAML(n *yaml.Node) (err error) {
	*d, err = ParseDuration(n.Value)
	return err
}

// MarshalYAML implements yaml.Marshaler.
func (d Duration) MarshalYAML() (any, error) { return d.String(), nil }

// UnmarshalJSON implements json.Unmarshaler.
func (d *Duration) UnmarshalJSON(text []byte) (err error) {
	var s string
	if err = json.Unmarshal(text, &s); err != nil {
		return err
	}
	*d, err = ParseDuration(s)
	return err
}

// MarshalJSON implements json.Marshaler.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// Ratio is a share or a relative change: 0.3 is written 30% (or 0.3). It is finite
// and never negative; whether something rises or falls is the field's business.
type Ratio float64

var (
	plainNumber   = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)
	leadingNumber = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?`)
)

const fixRatio = "write a percentage such as 30% or 0.5%, or a share such as 0.3"

// ParseRatio reads "30%", "0.5%" or "0.3". A bare number above 1 is refused: 30 for
// 30 % is a mistake by a factor of a hundred.
func ParseRatio(text string) (Ratio, error) {
	body, percent := strings.CutSuffix(text, "%")
	if strings.HasPrefix(body, "-") && plainNumber.MatchString(body[1:]) {
		return 0, wrong{fmt.Sprintf("%q is negative", text), "write the size without a sign"}
	}
	if !plainNumber.MatchString(body) {
		fix := fixRatio
		if n := leadingNumber.FindString(text); n != "" {
			fix = "write " + n + "%"
		}
		return 0, wrong{fmt.Sprintf("%q is not a ratio", text), fix}
	}
	// The exponent is applied to the text: 7% is exactly the number nearest to 0.07.
	exponent := ""
	if percent {
		exponent = "e-2"
	}
	f, err := strconv.ParseFloat(body+exponent, 64)
	if err != nil || math.IsInf(f, 0) {
		return 0, wrong{fmt.Sprintf("%q is too large for a ratio", text), fixRatio}
	}
	if !percent && f > 1 {
		return 0, wrong{fmt.Sprintf("%q has no unit and is above 1", text), "write " + body + "%"}
	}
	return Ratio(f), nil
}

// String returns a percentage that [ParseRatio] reads back as the same number.
func (r Ratio) String() string {
	whole, part, _ := strings.Cut(strconv.FormatFloat(float64(r), 'f', -1, 64), ".")
	for len(part) < 2 {
		part += "0"
	}
	whole = strings.TrimLeft(whole+part[:2], "0")
	if whole == "" {
		whole = "0"
	}
	if part = part[2:]; part != "" {
		whole += "." + part
	}
	return whole + "%"
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (r *Ratio) UnmarshalYAML(n *yaml.Node) (err error) {
	*r, err = ParseRatio(n.Value)
	return err
}

// MarshalYAML implements yaml.Marshaler.
func (r Ratio) MarshalYAML() (any, error) { return r.String(), nil }

// UnmarshalJSON implements json.Unmarshaler; it reads a string or a number.
func (r *Ratio) UnmarshalJSON(text []byte) (err error) {
	s := string(text)
	if strings.HasPrefix(s, `"`) {
		if err = json.Unmarshal(text, &s); err != nil {
			return err
		}
	}
	*r, err = ParseRatio(s)
	return err
}

// MarshalJSON implements json.Marshaler.
func (r Ratio) MarshalJSON() ([]byte, error) { return json.Marshal(r.String()) }

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
	case "points":
		return Figure(v*100) + " points"
	case "":
		return Figure(v)
	}
	return Figure(v) + " " + unit
}
