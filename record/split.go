package record

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/autorollback/autorollback/runbook"
)

// A Split is the wanted or observed share of each backend, in percent. It sums to 100, or
// to 0 if nobody is served.
type Split map[string]runbook.Weight

// Shares makes a split of weights that count relative to each other, ≥ 0, as routers hold them:
// 190 and 10 are 95 % and 5 %. Shares are rounded to hundredths; a weight above 0 is never read
// as 0, and the largest takes what rounding leaves.
func Shares(weights map[string]float64) Split {
	split, largest, sum := Split{}, "", 0.0
	for _, backend := range slices.Sorted(maps.Keys(weights)) {
		if sum += weights[backend]; largest == "" || weights[backend] > weights[largest] {
			largest = backend
		}
		split[backend] = 0
	}
	if sum == 0 {
		return split
	}
	others := 0.0
	for backend, w := range weights {
		if backend != largest && w > 0 {
			split[backend] = runbook.RoundWeight(math.Max(0.01, w/sum*100))
			others += float64(split[backend])
		}
	}
	split[largest] = max(0, runbook.RoundWeight(others).Rest())
	return split
}

// Equal compares shares, backend by backend; a missing backend is 0.
func (s Split) Equal(o Split) bool {
	a, b := s.Sum().Hundredths(), o.Sum().Hundredths()
	if a == 0 || b == 0 {
		return a == b
	}
	equal := func(k string) bool { return s[k].Hundredths()*b == o[k].Hundredths()*a }
	for k := range s {
		if !equal(k) {
			return false
		}
	}
	for k := range o {
		if !equal(k) {
			return false
		}
	}
	return true
}

// String lists the backends by name, e.g. "ranker-v1 95, ranker-v2 5".
func (s Split) String() string {
	var parts []string
	for _, backend := range slices.Sorted(maps.Keys(s)) {
		parts = append(parts, backend+" "+s[backend].String())
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

// Clone returns a copy.
func (s Split) Clone() Split { return maps.Clone(s) }

// Sum is 100 in a split that can be written.
func (s Split) Sum() runbook.Weight {
	n := 0
	for _, w := range s {
		n += w.Hundredths()
	}
	return runbook.RoundWeight(float64(n) / 100)
}

// UnmarshalJSON implements json.Unmarshaler. Records of older versions hold a router's weights as
// it had them, e.g. 190 and 10: those are read as shares.
func (s *Split) UnmarshalJSON(text []byte) error {
	var weights map[string]float64
	if err := json.Unmarshal(text, &weights); err != nil || weights == nil {
		return err
	}
	*s = Split{}
	for backend, w := range weights {
		if (*s)[backend] = runbook.RoundWeight(w); w > 100 {
			*s = Shares(weights)
			break
		}
	}
	return nil
}
