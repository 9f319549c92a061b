package samples

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/autorollback/autorollback/shadow"
)

// allowed are the fields that may be kept. A field keeps what is under it.
type allowed []shadow.Path

func allow(fields []string) (allowed, error) {
	var all allowed
	for _, f := range fields {
		p, err := shadow.ParsePath(f)
		if err != nil {
			return nil, fmt.Errorf("read fields: %w", err)
		}
		all = append(all, p)
	}
	return all, nil
}

// has reports whether the field itself, or one around it, may be kept.
func (a allowed) has(steps []string) bool {
	for n := range steps {
		for _, p := range a {
			if p.Matches(steps[:n+1]) {
				return true
			}
		}
	}
	return false
}

// keep is a value with the fields that may be kept, or nil.
func (a allowed) keep(v any, steps []string) any {
	if a.has(steps) {
		return v
	}
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, value := range v {
			if kept := a.keep(value, append(steps[:len(steps):len(steps)], key)); kept != nil {
				out[key] = kept
			}
		}
		if len(out) > 0 {
			return out
		}
	case []any:
		var out []any
		for _, value := range v {
			if kept := a.keep(value, append(steps[:len(steps):len(steps)], shadow.AnyElement)); kept != nil {
				out = append(out, kept)
			}
		}
		if out != nil {
			return out
		}
	}
	return nil
}

// keepRecord is a record with the fields that may be kept, and whether a body was left out.
func (a allowed) keepRecord(r shadow.Record) (fields map[string]any, left bool, err error) {
	if !a.has([]string{"request", "query"}) {
		r.Request.Path, _, _ = strings.Cut(r.Request.Path, "?")
	}
	if r.Request.Body, left = plainBody(r.Request.Body); r.Response != nil {
		answer, gone := *r.Response, false
		answer.Body, gone = plainBody(answer.Body)
		r.Response, left = &answer, left || gone
	}
	text, err := json.Marshal(r)
	if err != nil {
		return nil, false, fmt.Errorf("encode record: %w", err)
	}
	doc, _ := decode(text).(map[string]any)
	delete(doc, "Line")
	fields, _ = a.keep(doc, nil).(map[string]any)
	if fields == nil {
		fields = map[string]any{}
	}
	return fields, left, nil
}

// plainBody is a body that redaction can look into: JSON, or a text as a string of JSON. Anything
// else is left out.
func plainBody(b shadow.Body) (shadow.Body, bool) {
	switch {
	case len(b) == 0 || json.Valid(b):
		return b, false
	case !utf8.Valid(b):
		return nil, true
	}
	text, err := json.Marshal(string(b))
	if err != nil {
		return nil, true
	}
	return text, false
}

// decode reads JSON; numbers stay as they were written. What is none is nil.
func decode(text []byte) any {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var doc any
	if d.Decode(&doc) != nil {
		return nil
	}
	return doc
}
