package shadow

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"time"
)

// A BadRecord is one record that could not be read. Reading goes on after it.
type BadRecord struct {
	File   string
	Line   int64 // 1-based: where the record begins
	Record int64 // 1-based
	What   string
	Fix    string
}

// Error returns "FILE:LINE: record N: what; fix".
func (b BadRecord) Error() string {
	return fmt.Sprintf("%s:%d: record %d: %s; %s", b.File, b.Line, b.Record, b.What, b.Fix)
}

// Bad counts records that could not be used, and remembers the first of them.
type Bad struct {
	Count int64    `json:"count"`
	First []string `json:"first,omitempty"`
	Show  int      `json:"-"` // how many to remember; 10 if 0, none if negative
}

// Note counts err if it is about one record and says whether it was.
func (b *Bad) Note(err error) bool {
	var bad BadRecord
	if !errors.As(err, &bad) {
		return false
	}
	b.Count++
	show := b.Show
	if show == 0 {
		show = 10
	}
	if len(b.First) < show {
		b.First = append(b.First, bad.Error())
	}
	return true
}

// A Record is one request of a recording or an inference log, with its answer if that
// was recorded. As a line of JSON it is the canonical format.
type Record struct {
	ID       string            `json:"id"`
	TS       time.Time         `json:"ts,omitzero"` // zero: not known
	Segment  map[string]string `json:"segment,omitempty"`
	Version  string            `json:"version,omitempty"`
	Flag     string            `json:"flag,omitempty"` // why the service itself calls the answer harmful; empty: it does not
	Request  Request           `json:"request,omitzero"`
	Response *Answer           `json:"response,omitempty"`

	Line int64 // where it was read; 0 if the format joins several records
}

// A Request is what was sent.
type Request struct {
	Method  string  `json:"method,omitempty"`
	Path    string  `json:"path,omitempty"` // with the query, without the host
	Headers Headers `json:"headers,omitempty"`
	Body    Body    `json:"body,omitempty"`
}

// ShadowHeader is on every request that is sent, so that a service can leave out what
// must not happen twice.
const ShadowHeader = "Autorollback-Shadow"

// An Answer is what came back, or why nothing did.
type Answer struct {
	Status    int     `json:"status,omitempty"` // 0 with no Error: the log does not say, and it counts as good
	LatencyMS float64 `json:"latency_ms,omitempty"`
	Error     string  `json:"error,omitempty"` // timeout, refused, …: no answer came
	Body      Body    `json:"body,omitempty"`
}

// Good says whether a user would have been served: an answer came, and its status is
// below 400.
func (a *Answer) Good() bool { return a.Error == "" && a.Status < 400 }

// Headers are a request's headers. A list of values is joined by commas.
type Headers map[string]string

// UnmarshalJSON takes a string or a list of strings for each name.
func (h *Headers) UnmarshalJSON(text []byte) error {
	var loose map[string]json.RawMessage
	if err := json.Unmarshal(text, &loose); err != nil {
		return err
	}
	*h = make(Headers, len(loose))
	for name, value := range loose {
		var one string
		var many []string
		if json.Unmarshal(value, &one) != nil {
			if json.Unmarshal(value, &many) != nil {
				return fmt.Errorf("header %q is neither a string nor a list of strings", name)
			}
			one = strings.Join(many, ", ")
		}
		(*h)[name] = one
	}
	return nil
}

// Get returns the header of that name, in whatever case it was written.
func (h Headers) Get(name string) string {
	if v, ok := h[name]; ok {
		return v
	}
	for k, v := range h {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}

// A Body is the bytes of a request or an answer. In a recording, JSON stands as it is
// and anything else as {"$base64": "…"}.
type Body []byte

type binaryBody struct {
	Base64 []byte `json:"$base64"`
}

// MarshalJSON implements json.Marshaler.
func (b Body) MarshalJSON() ([]byte, error) {
	switch {
	case len(b) == 0:
		return []byte("null"), nil
	case json.Valid(b):
		return b, nil
	}
	return json.Marshal(binaryBody{b})
}

// UnmarshalJSON implements json.Unmarshaler.
func (b *Body) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*b = nil
		return nil
	}
	if len(text) > 12 && text[0] == '{' && bytes.Contains(text[:min(len(text), 32)], []byte(`"$base64"`)) {
		var binary binaryBody
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		if d.Decode(&binary) == nil {
			*b = binary.Base64
			return nil
		}
	}
	*b = bytes.Clone(text)
	return nil
}

// JSONProblem puts encoding/json's errors into words that a reader of the file understands.
func JSONProblem(err error) string {
	var wrongType *json.UnmarshalTypeError
	if errors.As(err, &wrongType) {
		return fmt.Sprintf("%s is a %s where a %s is expected", wrongType.Field, wrongType.Value, wrongType.Type)
	}
	return "is not JSON: " + err.Error()
}

// Sampled says whether the request of that id is among permyriad of 10,000. It goes by
// the id's hash (FNV-1a, 64 bit), so that both versions, every region and every run
// choose the same requests, and a smaller share is part of a greater one.
func Sampled(id string, permyriad int) bool { return HashID(id)%10_000 < uint64(max(permyriad, 0)) }

func HashID(id string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(id))
	return h.Sum64()
}

// Clip shortens text of a file for a message.
func Clip(text string, most int) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most-1]) + "…"
}
