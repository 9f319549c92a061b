package record_test

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// Whatever weights a router has, the shares sum to 100, and who has a weight is not read as if it
// had none: that would be a candidate without traffic.
func TestShares(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weights := map[string]float64{}
		for _, name := range []string{"v1", "v2", "v3"}[:rapid.IntRange(1, 3).Draw(t, "backends")] {
			weights[name] = float64(rapid.OneOf(rapid.Just(0), rapid.IntRange(0, 100), rapid.IntRange(0, 1_000_000)).Draw(t, name))
		}
		sum, split := 0.0, record.Shares(weights)
		for name, w := range weights {
			if sum += w; (w > 0) != (split[name] > 0) {
				t.Errorf("%s has weight %v and share %v", name, w, split[name])
			}
		}
		if want := runbook.All; sum > 0 && split.Sum() != want {
			t.Errorf("%v is %v, which sums to %v", weights, split, split.Sum())
		}
	})
}

// A split on record is read as it was written, also where an older version kept a router's weights.
func TestSplitIsReadAsItWasWritten(t *testing.T) {
	for text, want := range map[string]string{
		`{"v1":95,"v2":5}`:      "v1 95, v2 5",
		`{"v1":99.9,"v2":0.1}`:  "v1 99.9, v2 0.1",
		`{"v1":190,"v2":10}`:    "v1 95, v2 5",
		`{"v1":9999,"v2":1}`:    "v1 99.99, v2 0.01",
		`{"v1":1000000,"v2":1}`: "v1 99.99, v2 0.01",
		`{"v1":0,"v2":0}`:       "v1 0, v2 0",
	} {
		var got record.Split
		if err := json.Unmarshal([]byte(text), &got); err != nil || got.String() != want {
			t.Errorf("%s is %v, %v; want %s", text, got, err, want)
		}
	}
}
