package runbook

import (
	"encoding/json"
	"fmt"
	"regexp"
)

// Requests says how requests and errors are counted: all of them, and by matchers which
// failed; or successes and failures, each by a counter of its own.
type Requests struct {
	Counter string     `yaml:"counter,omitempty" json:"counter"`           // the counter of all requests, e.g. http_requests_total
	Where   string     `yaml:"where,omitempty" json:"where,omitempty"`     // matchers without braces that all of these series carry, beside the selector, e.g. `handler="predict"`
	Errors  string     `yaml:"errors,omitempty" json:"errors"`             // matchers without braces that make a request an error, e.g. `code=~"5..|timeout"`
	Success *Selection `yaml:"success,omitempty" json:"success,omitempty"` // instead of counter and errors: the counter of requests that succeeded
	Failure *Selection `yaml:"failure,omitempty" json:"failure,omitempty"` // beside success: the counter of those that failed
	// ErrorsAppear is the operator's word that series of errors appear with the first error, so
	// that none at all is no mistake in the matchers.
	ErrorsAppear bool `yaml:"errors_appear,omitempty" json:"errors_appear,omitempty"`
}

// A Selection is a counter, and which of its series count.
type Selection struct {
	Counter string `yaml:"counter" json:"counter"`                 // its name, e.g. nv_inference_request_success
	Where   string `yaml:"where,omitempty" json:"where,omitempty"` // matchers without braces, beside the selector
}

// All are the counters that together count every request: one, or successes and failures.
func (r Requests) All() []Selection {
	if r.Success == nil || r.Failure == nil {
		return []Selection{{r.Counter, and(r.Where)}}
	}
	return []Selection{{r.Success.Counter, and(r.Where, r.Success.Where)}, r.Failed()}
}

// Failed counts the requests that are errors.
func (r Requests) Failed() Selection {
	if r.Failure == nil {
		return Selection{r.Counter, and(r.Where, r.Errors)}
	}
	return Selection{r.Failure.Counter, and(r.Where, r.Failure.Where)}
}

func (r Requests) check(p *decoder, sides []string) {
	const at = "metrics.requests"
	p.where(at+".where", r.Where, sides)
	if !p.has(at+".success") && !p.has(at+".failure") {
		p.metric(at+".counter", r.Counter, "name the counter of all requests, e.g. http_requests_total; where successes and failures are counted apart, write success and failure")
		p.matchers(at+".errors", r.Errors, "`code=~\"5..|timeout\"`", sides...)
		return
	}
	for _, field := range []string{"counter", "errors"} {
		if p.has(at + "." + field) {
			p.add(at+"."+field, "stands beside success and failure", "keep one way: counter and errors, or success and failure")
		}
	}
	for field, s := range map[string]*Selection{"success": r.Success, "failure": r.Failure} {
		if s == nil {
			p.missing(at+"."+field, fmt.Sprintf("success and failure belong together, e.g. `%s: {counter: nv_inference_request_%[1]s}`", field))
			continue
		}
		p.metric(join(at, field)+".counter", s.Counter, "name the counter, e.g. nv_inference_request_"+field)
		p.where(join(at, field)+".where", s.Where, sides)
	}
	if all := r.All(); len(all) == 2 && all[0] == all[1] && all[0].Counter != "" {
		p.add(at+".failure", "counts the same series as success", "name the counter of requests that failed, or tell them apart by where")
	}
}

// Select is the PromQL selector of a series of the service.
func (m Metrics) Select(s Selection) string {
	return Series(s.Counter, and(m.Selector, s.Where))
}

// where checks matchers that may be left out.
func (p *decoder) where(path, text string, not []string) {
	if p.has(path) {
		p.matchers(path, text, "`handler=\"predict\"`", not...)
	}
}

// and joins matchers; those that are empty add nothing.
func and(matchers ...string) string {
	out := ""
	for _, m := range matchers {
		if m = bare(m); m != "" && out != "" {
			out += ","
		}
		out += m
	}
	return out
}

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
