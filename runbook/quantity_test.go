package runbook_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	"github.com/autorollback/autorollback/runbook"
)

func TestParseRatio(t *testing.T) {
	for _, c := range []struct {
		text string
		want runbook.Ratio
		says string // part of the error
	}{
		{text: "30%", want: 0.3},
		{text: "0.5%", want: 0.005},
		{text: "7%", want: 0.07},
		{text: "0.3", want: 0.3},
		{text: "0", want: 0},
		{text: "1", want: 1},
		{text: "250%", want: 2.5},
		{text: "30pct", says: "write 30%"},
		{text: "30 %", says: "write 30%"},
		{text: "30%%", says: "write 30%"},
		{text: "0,5%", says: "write 0%"},
		{text: "30", says: "write 30%"},
		{text: "-2%", says: "without a sign"},
		{text: "+2%", says: "not a ratio"},
		{text: "NaN", says: "not a ratio"},
		{text: "Inf", says: "not a ratio"},
		{text: ".5", says: "not a ratio"},
		{text: "1e-2", says: "not a ratio"},
		{text: "0x1p-2", says: "not a ratio"},
		{text: "", says: "not a ratio"},
		{text: "%", says: "not a ratio"},
		{text: strings.Repeat("9", 400) + "%", says: "too large"},
	} {
		t.Run(c.text, func(t *testing.T) {
			got, err := runbook.ParseRatio(c.text)
			if c.says == "" && (err != nil || got != c.want) {
				t.Errorf("got %v, %v, want %v", float64(got), err, float64(c.want))
			}
			if c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("error is %v, want %q in it", err, c.says)
			}
		})
	}
}

func TestRatioString(t *testing.T) {
	for want, r := range map[string]runbook.Ratio{"30%": 0.3, "0.5%": 0.005, "7%": 0.07, "0%": 0, "100%": 1, "250%": 2.5, "0.01%": 0.0001, "29%": 0.29} {
		if got := r.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestRatioIsReadBackExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := runbook.Ratio(rapid.Float64Range(0, 1e6).Draw(t, "ratio"))
		if got, err := runbook.ParseRatio(want.String()); err != nil || got != want {
			t.Fatalf("%v was written %s and read %v (%v)", float64(want), want, float64(got), err)
		}
	})
}

func TestParseDuration(t *testing.T) {
	for _, c := range []struct {
		text string
		want time.Duration
		says string
	}{
		{text: "90s", want: 90 * time.Second},
		{text: "5m", want: 5 * time.Minute},
		{text: "1h30m", want: 90 * time.Minute},
		{text: "500ms", want: 500 * time.Millisecond},
		{text: "90d", want: 90 * 24 * time.Hour},
		{text: "0", want: 0},
		{text: "0s", want: 0},
		{text: "5", says: "write 5s for seconds"},
		{text: "1.5h", says: "not a duration"},
		{text: "-5m", says: "not a duration"},
		{text: "5 m", says: "not a duration"},
		{text: "5min", says: "not a duration"},
		{text: "30m1h", says: "not a duration"},
		{text: "", says: "not a duration"},
		{text: "1000y", says: "not a duration"},
	} {
		t.Run(c.text, func(t *testing.T) {
			got, err := runbook.ParseDuration(c.text)
			if c.says == "" && (err != nil || got.Std() != c.want) {
				t.Errorf("got %v, %v, want %v", got, err, c.want)
			}
			if c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("error is %v, want %q in it", err, c.says)
			}
		})
	}
}

type quantities struct {
	D runbook.Duration `yaml:"d" json:"d"`
	R runbook.Ratio    `yaml:"r" json:"r"`
}

func TestQuantitiesSurviveYAMLAndJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := quantities{
			runbook.Duration(rapid.Int64Range(0, math.MaxInt64/1_000_000).Draw(t, "ms") * 1_000_000),
			runbook.Ratio(rapid.Float64Range(0, 10).Draw(t, "ratio")),
		}
		for name, c := range map[string]struct {
			write func(any) ([]byte, error)
			read  func([]byte, any) error
		}{"yaml": {yaml.Marshal, yaml.Unmarshal}, "json": {json.Marshal, json.Unmarshal}} {
			text, err := c.write(want)
			var got quantities
			if err == nil {
				err = c.read(text, &got)
			}
			if err != nil || got != want {
				t.Fatalf("%s %s: %v was read back as %v (%v)", name, text, want, got, err)
			}
		}
	})
}

func TestQuantitiesInJSON(t *testing.T) {
	for text, ok := range map[string]bool{
		`{"d":"5m","r":"30%"}`: true,
		`{"d":"5m","r":0.3}`:   true,
		`{"d":300,"r":0.3}`:    false,
		`{"d":"5m","r":-0.3}`:  false,
		`{"d":"5m","r":30}`:    false,
		`{"d":"5m","r":"x"}`:   false,
		`{"d":"5m","r":true}`:  false,
	} {
		var q quantities
		if err := json.Unmarshal([]byte(text), &q); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}
