package shadow

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strconv"
)

// A Tensor is one of the named tensors of the Open Inference Protocol, version 2.
type Tensor struct {
	Datatype string
	Shape    any
	Data     []any
}

// Rows splits the data by the last dimension: one row of scores for each input.
func (t *Tensor) Rows() [][]any {
	shape, _ := t.Shape.([]any)
	if len(shape) < 2 {
		return [][]any{t.Data}
	}
	last, _ := shape[len(shape)-1].(json.Number)
	width, err := last.Int64()
	if err != nil || width <= 0 || int64(len(t.Data))%width != 0 {
		return [][]any{t.Data}
	}
	return slices.Collect(slices.Chunk(t.Data, int(width)))
}

// DecodeBody reads a body for comparing. Numbers stay as they were written. What is
// not JSON becomes one string.
func DecodeBody(b Body) any {
	if len(b) == 0 {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return string(b)
	}
	if _, err := d.Token(); err != io.EOF {
		return string(b)
	}
	return byName(v)
}

// byName turns the lists of tensors of a version 2 body into objects by tensor name,
// and leaves out of an answer what names the version: id, model_name, model_version.
func byName(v any) any {
	body, ok := v.(map[string]any)
	if !ok {
		return v
	}
	if named := tensors(body["inputs"]); named != nil {
		body["inputs"] = named
	}
	if named := tensors(body["outputs"]); named != nil {
		body["outputs"] = named
		delete(body, "id")
		delete(body, "model_name")
		delete(body, "model_version")
	}
	return body
}

// tensors returns nil if v is no list of named tensors.
func tensors(v any) map[string]any {
	list, _ := v.([]any)
	if len(list) == 0 {
		return nil
	}
	named := make(map[string]any, len(list))
	for _, one := range list {
		o, _ := one.(map[string]any)
		name, isNamed := o["name"].(string)
		data, hasData := o["data"].([]any)
		if _, twice := named[name]; !isNamed || !hasData || twice {
			return nil
		}
		datatype, _ := o["datatype"].(string)
		named[name] = &Tensor{datatype, o["shape"], flat(data)}
	}
	return named
}

// flat undoes nesting: the protocol allows both.
func flat(data []any) []any {
	if !slices.ContainsFunc(data, isList) {
		return data
	}
	var out []any
	for _, v := range data {
		if inner, ok := v.([]any); ok {
			out = append(out, flat(inner)...)
		} else {
			out = append(out, v)
		}
	}
	return out
}

func isList(v any) bool { _, ok := v.([]any); return ok }

// lookup returns the first value that a path of keys and [*] leads to, as text.
func lookup(v any, steps []string) (string, bool) {
	for _, s := range steps {
		switch inner := v.(type) {
		case map[string]any:
			next, ok := inner[s]
			if !ok {
				return "", false
			}
			v = next
		case []any:
			if s != AnyElement || len(inner) == 0 {
				return "", false
			}
			v = inner[0]
		case *Tensor:
			if s != AnyElement || len(inner.Data) == 0 {
				return "", false
			}
			v = inner.Data[0]
		default:
			return "", false
		}
	}
	switch text := v.(type) {
	case string:
		return text, true
	case json.Number:
		return text.String(), true
	case bool:
		return strconv.FormatBool(text), true
	}
	return "", false
}

// SegmentOf takes the segments that the rules name, or the record's own.
func SegmentOf(rules []SegmentRule, rec *Record) map[string]string {
	if len(rules) == 0 {
		return rec.Segment
	}
	out := make(map[string]string, len(rules))
	var body any
	for _, s := range rules {
		value, ok := rec.Segment[s.Name]
		switch {
		case s.Header != "":
			value = rec.Request.Headers.Get(s.Header)
			ok = value != ""
		case s.Body != "":
			if body == nil {
				body = DecodeBody(rec.Request.Body)
			}
			p, err := ParsePath(s.Body)
			if value, ok = "", err == nil; ok {
				value, ok = lookup(body, p.Steps)
			}
		}
		if ok {
			out[s.Name] = Clip(value, 60)
		}
	}
	return out
}
