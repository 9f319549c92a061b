package runbook

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// Weight is a share of the traffic in percent: 0 to 100, a multiple of 0.01. It is written as a
// plain number, such as 5 or 0.1. Only [RoundWeight], [Weight.Rest], [ParseWeight] and constants make
// one, so that equal shares are equal numbers and == is safe.
type Weight float64

// All of the traffic.
const All Weight = 100

// RoundWeight rounds to the nearest hundredth of a percent.
func RoundWeight(f float64) Weight { return Weight(math.Round(f*100) / 100) }

// Rest is what is left to 100.
func (w Weight) Rest() Weight { return RoundWeight(100 - float64(w)) }

// Hundredths is the weight in hundredths of a percent, for exact sums.
func (w Weight) Hundredths() int { return int(math.Round(float64(w) * 100)) }

// Share is the weight as a part of one.
func (w Weight) Share() float64 { return float64(w) / 100 }

// Whole reports whether the weight is a whole number of percents.
func (w Weight) Whole() bool { return w.Hundredths()%100 == 0 }

// String writes no digit that says nothing: 5, 0.1, 99.93.
func (w Weight) String() string { return strconv.FormatFloat(float64(w), 'f', -1, 64) }

// ParseWeight reads a number such as "5" or "0.1".
func ParseWeight(text string) (Weight, error) {
	f, err := strconv.ParseFloat(text, 64)
	switch {
	case err != nil || !finite(f):
		return 0, wrong{fmt.Sprintf("%q is not a number", text), "write a share in percent such as 5 or 0.1"}
	case f < 0 || f > 100:
		return 0, wrong{text + " is not a share in percent", "write 0 to 100"}
	case RoundWeight(f) != Weight(f):
		return 0, wrong{text + " is finer than a hundredth of a percent", "write " + RoundWeight(f).String()}
	}
	return RoundWeight(f), nil
}

// Set implements what a flag of the command line needs.
func (w *Weight) Set(text string) (err error) {
	*w, err = ParseWeight(text)
	return err
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (w *Weight) UnmarshalYAML(n *yaml.Node) error {
	if tag := n.ShortTag(); tag != "!!int" && tag != "!!float" {
		return wrong{fmt.Sprintf("%q is not a number", n.Value), "write a number without quotes"}
	}
	var f float64
	if err := n.Decode(&f); err != nil {
		return wrong{fmt.Sprintf("%q is out of range", n.Value), "write 0 to 100"}
	}
	return w.Set(strconv.FormatFloat(f, 'f', -1, 64))
}

// UnmarshalJSON implements json.Unmarshaler.
func (w *Weight) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		return nil
	}
	var f float64
	if err := json.Unmarshal(text, &f); err != nil {
		return wrong{string(text) + " is not a number", "write a share in percent such as 5 or 0.1"}
	}
	return w.Set(strconv.FormatFloat(f, 'f', -1, 64))
}
