package runbook

import (
	"encoding/json"
	"fmt"
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
