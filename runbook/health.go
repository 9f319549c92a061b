package runbook

import (
	"encoding/json"
	"fmt"
	"regexp"
)

// Health is a metric that tells whether a pod is ready, and carries the version and pod
// labels. Its plain name alone means that it is 1 for a ready pod.
type Health struct {
	Metric string `yaml:"metric" json:"metric"`                   // its name, e.g. kube_pod_status_ready
	Where  string `yaml:"where,omitempty" json:"where,omitempty"` // matchers without braces, beside the selector, e.g. `condition="true"`
	Is     string `yaml:"is,omitempty" json:"is,omitempty"`       // what a ready pod's value is, a comparison with a number; left out: == 1
}

// Named reports whether there is such a metric.
func (h Health) Named() bool { return h.Metric != "" }

// Series is the metric, with its matchers.
func (h Health) Series() Selection { return Selection{h.Metric, and(h.Where)} }

// Condition is the comparison with a number that a ready pod passes, as PromQL writes it.
func (h Health) Condition() string {
	if m := comparison.FindStringSubmatch(h.Is); m != nil {
		return m[1] + " " + m[2]
	}
	return "== 1"
}

// String says the condition for people: "model_ready at 1", "queue_length < 100".
func (h Health) String() string { return h.Selector() + " " + h.Must() }

// Selector is the metric and its own matchers.
func (h Health) Selector() string {
	if w := and(h.Where); w != "" {
		return h.Metric + "{" + w + "}"
	}
	return h.Metric
}

// Must is what a ready pod's value is, in words.
func (h Health) Must() string {
	if is := h.Condition(); is != "== 1" {
		return is
	}
	return "at 1"
}

// short is the field that a plain text fills.
func (h *Health) short() *string { return &h.Metric }

func (h Health) plain() bool { return h.Where == "" && h.Is == "" }

// MarshalYAML implements yaml.Marshaler.
func (h Health) MarshalYAML() (any, error) {
	type whole Health
	if h.plain() {
		return h.Metric, nil
	}
	return whole(h), nil
}

// MarshalJSON implements json.Marshaler.
func (h Health) MarshalJSON() ([]byte, error) {
	type whole Health
	if h.plain() {
		return json.Marshal(h.Metric)
	}
	return json.Marshal(whole(h))
}

// UnmarshalJSON implements json.Unmarshaler.
func (h *Health) UnmarshalJSON(text []byte) error {
	type whole Health
	if len(text) > 0 && text[0] == '"' {
		return json.Unmarshal(text, &h.Metric)
	}
	return json.Unmarshal(text, (*whole)(h))
}

var comparison = regexp.MustCompile(`^\s*(==|!=|>=|<=|>|<)\s*([-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)\s*$`)

func (h Health) check(p *decoder, sides []string) {
	const at = "last_known_good.health"
	if path := at + ".metric"; p.has(path) || !h.plain() {
		p.metric(path, h.Metric, "name the metric that tells a ready pod, e.g. kube_pod_status_ready")
	} else if h.Named() {
		p.metric(at, h.Metric, "")
	}
	p.where(at+".where", h.Where, sides)
	if p.has(at+".is") && !comparison.MatchString(h.Is) {
		p.add(at+".is", fmt.Sprintf("%s is not a comparison with a number", quoted(h.Is)), "write it in quotes, e.g. \"== 1\", \">= 1\" or \"< 100\"")
	}
}
