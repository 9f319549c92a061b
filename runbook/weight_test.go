package runbook_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/autorollback/autorollback/runbook"
)

func TestRestIsExact(t *testing.T) {
	for w, want := range map[runbook.Weight]string{0.07: "99.93", 0.1: "99.9", 5: "95", 0: "100", 100: "0", 33.33: "66.67"} {
		rest := w.Rest()
		if number, _ := strconv.ParseFloat(want, 64); rest.String() != want || float64(rest) != number || rest.Rest() != w {
			t.Errorf("100 - %v is %v (%b), and back %v", w, rest, float64(rest), rest.Rest())
		}
	}
}

// Every weight is the number that its text means, and stays it in JSON, YAML and sums.
func TestWeightKeepsHundredths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 10_000).Draw(t, "hundredths")
		w := runbook.RoundWeight(float64(n) / 100)
		text := strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%02d", n/100, n%100), "0"), ".")
		parsed, err := runbook.ParseWeight(text)
		if err != nil || parsed != w || w.String() != text || w.Hundredths() != n || w.Whole() != (n%100 == 0) {
			t.Fatalf("%d hundredths: %v, %v, written %q, %d: %v", n, w, parsed, w, w.Hundredths(), err)
		}
		if rest := w.Rest(); rest.Hundredths() != 10_000-n || rest.Rest() != w {
			t.Fatalf("the rest of %v is %v", w, rest)
		}
		type holder struct{ Weight runbook.Weight }
		var j, y holder
		written, err := json.Marshal(holder{w})
		if err != nil || string(written) != `{"Weight":`+text+`}` || json.Unmarshal(written, &j) != nil || j.Weight != w {
			t.Fatalf("%v in JSON: %s, read %v: %v", w, written, j.Weight, err)
		}
		if written, err = yaml.Marshal(holder{w}); err != nil || yaml.Unmarshal(written, &y) != nil || y.Weight != w {
			t.Fatalf("%v in YAML: %s, read %v: %v", w, written, y.Weight, err)
		}
	})
}

func TestWeightRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"0.005":  "0.005 is finer than a hundredth of a percent; write 0.01",
		"97.125": "97.125 is finer than a hundredth of a percent; write 97.13",
		"100.01": "100.01 is not a share in percent; write 0 to 100",
		"-1":     "-1 is not a share in percent; write 0 to 100",
		"1e3":    "1000 is not a share in percent; write 0 to 100",
		`"5"`:    `"5" is not a number`,
		"true":   "not a number",
	} {
		var w runbook.Weight
		for how, err := range map[string]error{"YAML": yaml.Unmarshal([]byte(text), &w), "JSON": w.UnmarshalJSON([]byte(text))} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s from %s: %v, want %s", text, how, err, want)
			}
		}
	}
}
