package backtest

import (
	"fmt"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"
)

// fixTime says how a moment is written.
const fixTime = "write it like 2026-01-31T12:30:00Z, or as seconds or milliseconds since 1970"

// ParseTime reads RFC 3339, "2026-01-31 12:30[:00]" (UTC), a date, or seconds or
// milliseconds since 1970. The result is in UTC.
func ParseTime(text string) (time.Time, error) {
	for _, form := range []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC(), nil
		}
	}
	if n, err := strconv.ParseFloat(text, 64); err == nil && n > 1e8 && n < 1e14 {
		if n < 1e11 {
			n *= 1000
		}
		return time.UnixMilli(int64(n)).UTC(), nil
	}
	return time.Time{}, fmt.Errorf("%q is not a moment; %s", text, fixTime)
}

// A timestamp is a time in a file.
type timestamp struct{ time.Time }

// UnmarshalYAML implements yaml.Unmarshaler.
func (m *timestamp) UnmarshalYAML(n *yaml.Node) (err error) {
	m.Time, err = ParseTime(n.Value)
	return err
}
