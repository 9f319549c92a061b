package record

import (
	"encoding/json"
	"math"
	"strconv"
)

// A Number is a measured value in a record, with six digits: enough to draw it. NaN is one
// that is not known; it is left out of an object (omitzero) and null elsewhere, since JSON
// has no word for it.
type Number float64

// NotKnown is the number of what nobody could tell.
var NotKnown = Number(math.NaN())

// NumberOf is a value with the digits that are kept; what is infinite is not known.
func NumberOf(v float64) Number {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return NotKnown
	}
	kept, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 6, 64), 64)
	if err != nil {
		return NotKnown
	}
	return Number(kept)
}

// Known reports whether it is one.
func (n Number) Known() bool { return !math.IsNaN(float64(n)) && !math.IsInf(float64(n), 0) }

// IsZero reports whether it is left out of an object.
func (n Number) IsZero() bool { return !n.Known() }

// MarshalJSON writes the number, or null.
func (n Number) MarshalJSON() ([]byte, error) {
	if !n.Known() {
		return []byte("null"), nil
	}
	return json.Marshal(float64(NumberOf(float64(n))))
}

// UnmarshalJSON reads a number, or null.
func (n *Number) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*n = NotKnown
		return nil
	}
	return json.Unmarshal(text, (*float64)(n))
}
