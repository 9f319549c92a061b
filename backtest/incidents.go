package backtest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// A RealIncident is when something really was wrong.
type RealIncident struct {
	Name    string    `json:"name"`
	From    time.Time `json:"from"`
	To      time.Time `json:"to,omitzero"` // zero: only its beginning is known
	Outcome Outcome   `json:"outcome,omitempty"`
	By      []string  `json:"by,omitempty"`           // triggers that fired, first one first
	Lead    float64   `json:"lead_seconds,omitempty"` // caught: from its start to the first alert; negative: before it
}

// end is its beginning if only that is known.
func (i RealIncident) end() time.Time {
	if i.To.IsZero() {
		return i.From
	}
	return i.To
}

// Keys by which lists of incidents name their moments: our own, those of
// Alertmanager, of GitHub's issues and of Grafana's annotations.
var (
	startKeys = []string{"start", "from", "at", "time", "startsAt", "starts_at", "created_at", "createdAt", "begin"}
	endKeys   = []string{"end", "to", "timeEnd", "endsAt", "ends_at", "closed_at", "closedAt", "resolved_at"}
	nameKeys  = []string{"name", "title", "summary", "text", "id"}
	listKeys  = []string{"incidents", "alerts", "annotations", "data", "items"}
)

// ParseIncidents reads when incidents were: a list, YAML or JSON, of moments, or of
// objects that name a start and perhaps an end, as Alertmanager's alerts, GitHub's
// issues and Grafana's annotations do. What is labelled with another service is left
// out. The result is sorted; file is its name in messages.
func ParseIncidents(file, service string, text []byte) ([]RealIncident, error) {
	var top yaml.Node
	if err := yaml.Unmarshal(text, &top); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	out := []RealIncident{}
	if len(top.Content) == 0 {
		return out, nil
	}
	list := top.Content[0]
	if list.Kind == yaml.MappingNode {
		list = child(list, listKeys...)
	}
	if list == nil || list.Kind != yaml.SequenceNode {
		return nil, fmt.Errorf("%s: no list of incidents in it; write a list of moments, or of {start: TIME, end: TIME, name: WORDS}", file)
	}
	for i, n := range list.Content {
		one, err := readIncident(n)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: incidents[%d].%w", file, n.Line, i, err)
		}
		if other := scalar(child(child(n, "labels"), "service")); other == "" || other == service {
			out = append(out, one)
		}
	}
	slices.SortStableFunc(out, func(a, b RealIncident) int { return a.From.Compare(b.From) })
	return out, nil
}

func readIncident(n *yaml.Node) (RealIncident, error) {
	if n.Kind == yaml.ScalarNode {
		at, err := ParseTime(n.Value)
		if err != nil {
			return RealIncident{}, fmt.Errorf("start: %w", err)
		}
		return RealIncident{Name: "incident", From: at}, nil
	}
	start := scalar(child(n, startKeys...))
	if start == "" {
		return RealIncident{}, fmt.Errorf("start: is missing; name it by one of %s", strings.Join(startKeys, ", "))
	}
	from, err := ParseTime(start)
	if err != nil {
		return RealIncident{}, fmt.Errorf("start: %w", err)
	}
	one := RealIncident{Name: nameOf(n), From: from}
	if end := scalar(child(n, endKeys...)); end != "" && end != "null" && end != "0" {
		if one.To, err = ParseTime(end); err != nil {
			return one, fmt.Errorf("end: %w", err)
		}
		if one.To.Year() <= 1 { // Alertmanager: not yet
			one.To = time.Time{}
		} else if one.To.Before(one.From) {
			return one, fmt.Errorf("end: %s is before the start; leave it out if it is not known", end)
		}
	}
	return one, nil
}

func nameOf(n *yaml.Node) string {
	for _, from := range []*yaml.Node{n, child(n, "annotations")} {
		if name := scalar(child(from, nameKeys...)); name != "" {
			return name
		}
	}
	if name := scalar(child(child(n, "labels"), "alertname")); name != "" {
		return name
	}
	return "incident"
}

// child is the value of the first of the keys that a mapping has.
func child(n *yaml.Node, keys ...string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for _, key := range keys {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				return n.Content[i+1]
			}
		}
	}
	return nil
}

func scalar(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return ""
	}
	return n.Value
}

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
	return time.Time{}, fmt.Errorf("%q is not a time; %s", text, fixTime)
}

// A timestamp is a time in a file.
type timestamp struct{ time.Time }

// UnmarshalYAML implements yaml.Unmarshaler.
func (m *timestamp) UnmarshalYAML(n *yaml.Node) (err error) {
	m.Time, err = ParseTime(n.Value)
	return err
}
